//! From a reply of `sms/send` to one outcome per recipient.
//!
//! A reply has two levels. The top says whether the request was taken at all; "OK" there says nothing about the
//! recipients, each of which has a verdict of its own. Every doubt ends as `Unknown`.

use std::collections::HashMap;
use std::time::Duration;

use sms_core::{Class, Outcome, Submission};

use super::canonical;
use super::json::{Field, Node};
use super::words::fit;
use crate::code::{self, Level, Meaning};
use crate::config::Credentials;

/// sms.ru's documentation says "repeat later" of these; core adds its growing backoff.
const BUSY: Duration = Duration::from_secs(10);
/// Ids seen are a dozen characters; up to 32 are thinkable.
const LONGEST_ID: usize = 64;

/// What a reply says.
pub(crate) struct Reading {
    /// One per recipient, in their order.
    pub(crate) outcomes: Vec<Outcome>,
    /// Whether the whole request was refused, perhaps for one message in it: they had better go alone next time.
    pub(crate) apart: bool,
}

/// A verdict, at either level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Refused(i32),
    /// Absent, contradictory or not to be read.
    Unclear,
}

/// Reads the reply to a request about these recipients, no two of them alike.
pub(crate) fn read(
    status: u16,
    body: &[u8],
    recipients: &[&Submission],
    credentials: &Credentials,
) -> Reading {
    let reader = Reader { recipients, credentials };
    match (status, Node::parse(body)) {
        (200, Some(reply @ Node::Map(_))) => reader.reply(&reply),
        (200, _) => reader.all_unknown("the answer was not in sms.ru's form"),
        (400..=499, Some(reply @ Node::Map(_))) => reader.refusal_with_status(status, &reply),
        _ => reader.all_unknown(&format!("the answer was HTTP status {status}")),
    }
}

struct Reader<'a> {
    recipients: &'a [&'a Submission],
    credentials: &'a Credentials,
}

impl Reader<'_> {
    fn all_unknown(&self, reason: &str) -> Reading {
        Reading { outcomes: vec![Outcome::unknown(reason); self.recipients.len()], apart: false }
    }

    fn reply(&self, reply: &Node) -> Reading {
        let entries = match reply.field("sms") {
            Field::One(Node::Map(entries)) => {
                entries.iter().map(|(key, node)| (Some(&**key), node)).collect()
            }
            // PHP writes a map without keys as a list, an empty one above all.
            Field::One(Node::List(nodes)) => nodes.iter().map(|node| (None, node)).collect(),
            Field::One(_) | Field::Absent => Vec::new(),
            Field::Conflict => return self.all_unknown("the answer is not one that sms.ru gives"),
        };
        match top(reply) {
            Verdict::Ok => Reading { outcomes: self.recipients_of(&entries), apart: false },
            Verdict::Refused(code)
                if entries.iter().all(|(_, node)| matches!(verdict(node), Verdict::Refused(_))) =>
            {
                self.refused(code, reply)
            }
            Verdict::Refused(_) | Verdict::Unclear => {
                self.all_unknown("the answer is not one that sms.ru gives")
            }
        }
    }

    /// No source shows sms.ru using an HTTP status other than 200. A client error with a refusal it is known for says
    /// the same thing twice and is believed. Anything less, and any 5xx, which may come from half way, is unknown.
    fn refusal_with_status(&self, status: u16, reply: &Node) -> Reading {
        match (top(reply), reply.field("sms")) {
            (Verdict::Refused(code), Field::Absent) if code::of_sending(code, Level::Request).is_some() => {
                self.refused(code, reply)
            }
            _ => self.all_unknown(&format!("the answer was HTTP status {status}")),
        }
    }

    /// The request was refused as a whole: no message of it was taken.
    fn refused(&self, code: i32, reply: &Node) -> Reading {
        let meaning = code::of_sending(code, Level::Request).map(|row| row.meaning);
        let whole = matches!(meaning, Some(Meaning::Blocked | Meaning::Busy));
        let apart = self.recipients.len() > 1 && !whole;
        let words = self.words(reply, self.recipients);
        let outcome = |submission: &&Submission| {
            let outcome = refusal(code, Level::Request, words.clone(), submission);
            if apart && meaning.is_some() {
                // The code is that of one message in the request, and it does not say of which. The others must not
                // fail with it, so each goes again, alone, and gets a verdict of its own.
                return Outcome::deferred(code, outcome.text.unwrap_or_default());
            }
            outcome
        };
        Reading { outcomes: self.recipients.iter().map(outcome).collect(), apart }
    }

    fn words(&self, said: &Node, about: &[&Submission]) -> Option<String> {
        fit(said.text("status_text")?, about, self.credentials)
    }

    fn recipients_of(&self, entries: &[(Option<&str>, &Node)]) -> Vec<Outcome> {
        let mut by_number: HashMap<u64, Vec<&Node>> = HashMap::new();
        for (key, node) in entries {
            if let Some(number) = key.and_then(whole_number) {
                by_number.entry(canonical(number)).or_default().push(node);
            }
        }
        // Without a number there is only the order, and only if nothing else is amiss. A key that is somebody else's
        // number is amiss: that reply is not about these recipients.
        let by_order = by_number.is_empty() && entries.len() == self.recipients.len();
        let outcome = |(index, submission): (usize, &&Submission)| {
            let said = by_number.get(&canonical(submission.to.digits())).map_or(&[][..], Vec::as_slice);
            match said {
                [first, others @ ..] if others.iter().all(|other| other == first) => {
                    self.recipient(first, submission)
                }
                [] if by_order => self.recipient(entries[index].1, submission),
                [] => Outcome::unknown("the answer does not mention this recipient"),
                _ => Outcome::unknown("the answer contradicts itself about this recipient"),
            }
        };
        self.recipients.iter().enumerate().map(outcome).collect()
    }

    fn recipient(&self, said: &Node, submission: &Submission) -> Outcome {
        match verdict(said) {
            Verdict::Ok => accepted(said),
            Verdict::Refused(code) => {
                refusal(code, Level::Recipient, self.words(said, &[submission]), submission)
            }
            Verdict::Unclear => Outcome::unknown("the answer about this recipient cannot be read"),
        }
    }
}

/// The outcome of a definite refusal of one message, in sms.ru's words or else in ours.
fn refusal(code: i32, level: Level, words: Option<String>, submission: &Submission) -> Outcome {
    let row = code::of_sending(code, level);
    let ours = row.map_or("sms.ru refused with a code this version does not know", |row| row.en);
    let text = words.unwrap_or_else(|| ours.to_owned());
    match (row.map(|row| row.meaning), level) {
        (Some(Meaning::Throttled { final_for_otp: true, .. }), _) if submission.class == Class::Otp => {
            Outcome::rejected(code, text)
        }
        (Some(Meaning::Throttled { wait, .. }), _) => Outcome::deferred(code, text).with_retry_after(wait),
        (Some(Meaning::Busy), _) => Outcome::deferred(code, text).with_retry_after(BUSY),
        // With no row the code is one this version does not know. It is a refusal, so nothing was taken. About a
        // recipient it fails the one message, for a person to send again. About a request it is most likely a new
        // state of the account: failing would burn the whole backlog with it, while a pause loses nothing, is shown
        // with the code, and ends by itself when a message gets through.
        (Some(Meaning::Blocked), _) | (None, Level::Request) => Outcome::blocked(code, text),
        _ => Outcome::rejected(code, text),
    }
}

/// A refused recipient may have an id too, so this is looked at after the verdict.
fn accepted(said: &Node) -> Outcome {
    let id = match said.field("sms_id") {
        Field::One(Node::Number(id)) => Some(id.to_string()),
        Field::One(Node::Text(id)) => Some(id.trim().to_owned()),
        _ => None,
    };
    let usable = |id: &String| id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
    let mut outcome = Outcome::accepted("").with_code(100);
    outcome.provider_id = id.filter(usable);
    if outcome.provider_id.is_none() {
        outcome.text = Some("accepted without an id, so its delivery cannot be followed".to_owned());
    }
    outcome
}

/// The digits of a key; `None` when they are too few to be a whole phone number.
fn whole_number(key: &str) -> Option<u64> {
    let digits: String = key.chars().filter(char::is_ascii_digit).collect();
    // Too many for a number are a number that is nobody's.
    (digits.len() >= 7).then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The verdict on the request. One that is left out is that of the recipients, if there are any.
fn top(reply: &Node) -> Verdict {
    match (verdict(reply), reply.field("status"), reply.field("status_code")) {
        (Verdict::Unclear, Field::One(Node::Text(status)), Field::Absent) if is(status, "OK") => Verdict::Ok,
        (Verdict::Unclear, Field::Absent, Field::One(code)) if code.integer() == Some(100) => Verdict::Ok,
        (Verdict::Unclear, Field::Absent, Field::Absent) => Verdict::Ok,
        (verdict, ..) => verdict,
    }
}

/// Accepted takes both the word and the code, a refusal the code and no word against it.
fn verdict(said: &Node) -> Verdict {
    let ok = match said.field("status") {
        Field::One(Node::Text(status)) if is(status, "OK") => Some(true),
        Field::One(Node::Text(status)) if is(status, "ERROR") => Some(false),
        Field::Absent => None,
        Field::One(_) | Field::Conflict => return Verdict::Unclear,
    };
    let code = match said.field("status_code") {
        Field::One(code) => code.integer().and_then(|code| i32::try_from(code).ok()),
        Field::Absent | Field::Conflict => None,
    };
    match (ok, code) {
        (Some(true), Some(100)) => Verdict::Ok,
        (Some(false) | None, Some(code)) if code != 100 => Verdict::Refused(code),
        _ => Verdict::Unclear,
    }
}

fn is(status: &str, word: &str) -> bool {
    status.trim().eq_ignore_ascii_case(word)
}
