//! From a reply of `sms/send` to one outcome per recipient.
//!
//! A reply has two levels. The top says whether the request was taken at all; "OK" there says
//! nothing about the recipients, each of which has a verdict of its own. Every doubt ends as
//! `Unknown`.

use std::collections::HashMap;
use std::time::Duration;

use sms_core::{Money, Outcome};

use super::json::{Field, Node};
use super::send_request::Recipient;
use super::status_text::fit;
use super::verdict::{Verdict, of_messages, verdict};
use super::{canonical, is_id, whole_number};
use crate::code::{self, Level, Meaning};
use crate::config::SmsRuConfig;

/// sms.ru's documentation says "repeat later" of these; core adds its growing backoff.
const BUSY: Duration = Duration::from_secs(10);

/// What a reply says.
pub(crate) struct Reading {
    /// One per recipient, in their order.
    pub(crate) outcomes: Vec<Outcome>,
    /// Whether the whole request was refused, perhaps for one message in it: they had better go
    /// alone next time.
    pub(crate) apart: bool,
    /// What the account has left.
    pub(crate) balance: Option<Money>,
}

/// Reads the reply to a request about these recipients, no two of them alike.
pub(crate) fn read(
    status: u16,
    body: &[u8],
    recipients: &[Recipient<'_>],
    config: &SmsRuConfig,
) -> Reading {
    let reader = Reader { recipients, config };
    match (status, Node::parse(body)) {
        (200, Some(reply @ Node::Map(_))) => reader.reply(&reply),
        (200, _) => reader.all_unknown("the answer was not in sms.ru's form"),
        (400..=499, Some(reply @ Node::Map(_))) => reader.refusal_with_status(status, &reply),
        _ => reader.all_unknown(&format!("the answer was HTTP status {status}")),
    }
}

struct Reader<'a> {
    recipients: &'a [Recipient<'a>],
    config: &'a SmsRuConfig,
}

impl Reader<'_> {
    fn all_unknown(&self, reason: &str) -> Reading {
        Reading {
            outcomes: vec![Outcome::unknown(reason); self.recipients.len()],
            apart: false,
            balance: None,
        }
    }

    fn reply(&self, reply: &Node) -> Reading {
        if matches!(reply.field("sms"), Field::Conflict) {
            return self.all_unknown("the answer is not one that sms.ru gives");
        }
        let entries = reply.entries("sms");
        match of_messages(reply) {
            Verdict::Ok => Reading {
                outcomes: self.recipients_of(&entries),
                apart: false,
                balance: reply.money("balance"),
            },
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

    /// No source shows sms.ru using an HTTP status other than 200. A client error with a refusal it
    /// is known for says the same thing twice and is believed. Anything less, and any 5xx, which
    /// may come from half way, is unknown.
    fn refusal_with_status(&self, status: u16, reply: &Node) -> Reading {
        match (of_messages(reply), reply.field("sms")) {
            (Verdict::Refused(code), Field::Absent)
                if code::of_sending(code, Level::Request).is_some() =>
            {
                self.refused(code, reply)
            }
            _ => self.all_unknown(&format!("the answer was HTTP status {status}")),
        }
    }

    /// The request was refused as a whole: no message of it was taken.
    fn refused(&self, code: i32, reply: &Node) -> Reading {
        let meaning = code::of_sending(code, Level::Request).map(|row| row.meaning);
        let whole = matches!(meaning, Some(Meaning::Blocked(_) | Meaning::Busy));
        let apart = self.recipients.len() > 1 && !whole;
        let words = self.words(reply, self.recipients);
        let outcome = |recipient: &Recipient<'_>| {
            let outcome = self.refusal(code, Level::Request, words.clone(), *recipient);
            if apart && meaning.is_some() {
                // The code is that of one message in the request, and it does not say of which. The
                // others must not fail with it, so each goes again, alone, and gets a verdict of
                // its own.
                return Outcome::deferred(code, outcome.text.unwrap_or_default());
            }
            outcome
        };
        Reading { outcomes: self.recipients.iter().map(outcome).collect(), apart, balance: None }
    }

    fn words(&self, said: &Node, about: &[Recipient<'_>]) -> Option<String> {
        let texts: Vec<&str> = about.iter().map(|recipient| recipient.text).collect();
        fit(said.text("status_text")?, &texts, &self.config.credentials)
    }

    fn recipients_of(&self, entries: &[(Option<&str>, &Node)]) -> Vec<Outcome> {
        let mut by_number: HashMap<u64, Vec<&Node>> = HashMap::new();
        for (key, node) in entries {
            if let Some(number) = key.and_then(whole_number) {
                by_number.entry(canonical(number)).or_default().push(node);
            }
        }
        // Without a number there is only the order, and only if nothing else is amiss. A key that
        // is somebody else's number is amiss: that reply is not about these recipients.
        let by_order = by_number.is_empty() && entries.len() == self.recipients.len();
        let outcome = |(index, recipient): (usize, &Recipient<'_>)| {
            let said = by_number.get(&canonical(recipient.to)).map_or(&[][..], Vec::as_slice);
            match said {
                [first, others @ ..] if others.iter().all(|other| other == first) => {
                    self.recipient(first, *recipient)
                }
                [] if by_order => self.recipient(entries[index].1, *recipient),
                [] => Outcome::unknown("the answer does not mention this recipient"),
                _ => Outcome::unknown("the answer contradicts itself about this recipient"),
            }
        };
        self.recipients.iter().enumerate().map(outcome).collect()
    }

    fn recipient(&self, said: &Node, recipient: Recipient<'_>) -> Outcome {
        match verdict(said) {
            Verdict::Ok => accepted(said),
            Verdict::Refused(code) => {
                self.refusal(code, Level::Recipient, self.words(said, &[recipient]), recipient)
            }
            Verdict::Unclear => Outcome::unknown("the answer about this recipient cannot be read"),
        }
    }

    /// The outcome of a definite refusal of one message, in sms.ru's words or else in ours.
    fn refusal(
        &self,
        code: i32,
        level: Level,
        words: Option<String>,
        about: Recipient<'_>,
    ) -> Outcome {
        let row = code::of_sending(code, level);
        let text = words.unwrap_or_else(|| row.map_or(code::UNKNOWN, |row| row.en).to_owned());
        match (row.map(|row| row.meaning), level) {
            (Some(Meaning::Throttled { final_for_otp: true, .. }), _) if about.otp => {
                Outcome::rejected(code, text)
            }
            (Some(Meaning::Throttled { wait, .. }), _) => {
                Outcome::deferred(code, text).with_retry_after(wait)
            }
            (Some(Meaning::Repeated { within }), _) => Outcome::deferred(code, text)
                .with_retry_after(within)
                // An attempt that was given up may have been accepted at the very end of its time.
                .with_repeated_within(within + self.config.timeout),
            (Some(Meaning::Busy), _) => {
                Outcome::deferred(code, text).with_retry_after(BUSY).of_the_service()
            }
            // With no row the code is one this version does not know. It is a refusal, so nothing
            // was taken. About a recipient it fails the one message, for a person to send again.
            // About a request it is most likely a new state of the account: failing would burn the
            // whole backlog with it, while a pause loses nothing, is shown with the code, and ends
            // by itself when a message gets through.
            (Some(Meaning::Blocked(_)), _) | (None, Level::Request) => Outcome::blocked(code, text),
            _ => Outcome::rejected(code, text),
        }
    }
}

/// A refused recipient may have an id too, so this is looked at after the verdict.
fn accepted(said: &Node) -> Outcome {
    let mut outcome = Outcome::accepted("").with_code(100);
    outcome.provider_id = said.name("sms_id").filter(|id| is_id(id));
    if outcome.provider_id.is_none() {
        outcome.text =
            Some("accepted without an id, so its delivery cannot be followed".to_owned());
    }
    outcome
}
