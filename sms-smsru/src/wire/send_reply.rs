//! Reader of the replies of `sms/send`: one outcome per recipient.
//!
//! A reply has two levels. The top says if sms.ru took the request. "OK" there says nothing about
//! the recipients: each of them has a verdict. Every doubt becomes `Unknown`.

use std::collections::HashMap;
use std::time::Duration;

use sms_core::{Money, Outcome};

use crate::code::{self, Level, Meaning};
use crate::config::SmsRuConfig;
use crate::wire::id::is_id;
use crate::wire::json::{Field, Node};
use crate::wire::number::{canonical, phone_digits};
use crate::wire::send_request::Recipient;
use crate::wire::status_text::sanitize;
use crate::wire::verdict::{Verdict, top_verdict, verdict};

/// The shortest delay before a retry when the service is busy. The documentation of sms.ru says
/// "repeat later"; the worker adds its growing backoff.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(10);

const CONTRADICTION: &str = "the answer contradicts itself or is incomplete";

/// A classified reply.
pub(crate) struct SendReply {
    /// The outcomes, one per recipient, in the order of the recipients.
    pub(crate) outcomes: Vec<Outcome>,
    /// The request was refused as a whole, perhaps because of one message in it. Each message must
    /// be sent in a separate request the next time.
    pub(crate) send_alone: bool,
    /// The balance of the account after the request.
    pub(crate) balance: Option<Money>,
}

/// Reads the reply to a request for these recipients. All of them must have different numbers.
pub(crate) fn read(
    status: u16,
    body: &[u8],
    recipients: &[Recipient<'_>],
    config: &SmsRuConfig,
) -> SendReply {
    let reader = Reader { recipients, config };
    match (status, Node::parse(body)) {
        (200, Some(reply @ Node::Map(_))) => reader.reply(&reply),
        (200, _) => reader.all_unknown("the answer is not a JSON object"),
        (400..=499, Some(reply @ Node::Map(_))) => reader.refusal_with_status(status, &reply),
        _ => reader.all_unknown(&format!("the answer has HTTP status {status}")),
    }
}

struct Reader<'a> {
    recipients: &'a [Recipient<'a>],
    config: &'a SmsRuConfig,
}

impl Reader<'_> {
    fn all_unknown(&self, reason: &str) -> SendReply {
        SendReply {
            outcomes: vec![Outcome::unknown(reason); self.recipients.len()],
            send_alone: false,
            balance: None,
        }
    }

    fn reply(&self, reply: &Node) -> SendReply {
        if matches!(reply.field("sms"), Field::Conflict) {
            return self.all_unknown(CONTRADICTION);
        }
        let entries = reply.entries("sms");
        match top_verdict(reply) {
            Verdict::Accepted => SendReply {
                outcomes: self.recipient_outcomes(&entries),
                send_alone: false,
                balance: reply.money("balance"),
            },
            Verdict::Refused(code)
                if entries.iter().all(|(_, node)| matches!(verdict(node), Verdict::Refused(_))) =>
            {
                self.refused(code, reply)
            }
            Verdict::Refused(_) | Verdict::Unclear => self.all_unknown(CONTRADICTION),
        }
    }

    /// Reads a reply with a 4xx status. No source shows that sms.ru uses another status than 200. A
    /// 4xx with a known refusal in the body is believed, because status and body agree. Any other
    /// reply is unknown, and so is every 5xx: a proxy can have sent it after sms.ru accepted the
    /// request.
    fn refusal_with_status(&self, status: u16, reply: &Node) -> SendReply {
        match (top_verdict(reply), reply.field("sms")) {
            (Verdict::Refused(code), Field::Absent)
                if code::send_refusal(code, Level::Request).is_some() =>
            {
                self.refused(code, reply)
            }
            _ => self.all_unknown(&format!("the answer has HTTP status {status}")),
        }
    }

    /// Builds the outcomes of a request that was refused as a whole: no message was accepted.
    fn refused(&self, code: i32, reply: &Node) -> SendReply {
        let meaning = code::send_refusal(code, Level::Request).map(|row| row.meaning);
        let is_about_account = matches!(meaning, Some(Meaning::Blocked(_) | Meaning::Busy));
        let send_alone = self.recipients.len() > 1 && !is_about_account;
        let text = self.status_text(reply, self.recipients);
        let outcome = |recipient: &Recipient<'_>| {
            let outcome = self.refusal(code, Level::Request, text.clone(), *recipient);
            if send_alone && meaning.is_some() {
                // The code is about one message, and the reply does not say which. The others must
                // not fail because of it, so each of them is sent again in a separate request.
                return Outcome::deferred(code, outcome.text.unwrap_or_default());
            }
            outcome
        };
        SendReply {
            outcomes: self.recipients.iter().map(outcome).collect(),
            send_alone,
            balance: None,
        }
    }

    fn status_text(&self, entry: &Node, recipients: &[Recipient<'_>]) -> Option<String> {
        let texts: Vec<&str> = recipients.iter().map(|recipient| recipient.text).collect();
        sanitize(entry.text("status_text")?, &texts, &self.config.credentials)
    }

    fn recipient_outcomes(&self, entries: &[(Option<&str>, &Node)]) -> Vec<Outcome> {
        let mut by_number: HashMap<u64, Vec<&Node>> = HashMap::new();
        for (key, node) in entries {
            if let Some(number) = key.and_then(phone_digits) {
                by_number.entry(canonical(number)).or_default().push(node);
            }
        }
        // If no key is a number, the entries are matched by their order. One key that is a number
        // prevents that: a reply with other numbers is not about these recipients.
        let by_order = by_number.is_empty() && entries.len() == self.recipients.len();
        let outcome = |(index, recipient): (usize, &Recipient<'_>)| {
            let found = by_number.get(&canonical(recipient.to)).map_or(&[][..], Vec::as_slice);
            match found {
                [first, others @ ..] if others.iter().all(|other| other == first) => {
                    self.recipient_outcome(first, *recipient)
                }
                [] if by_order => self.recipient_outcome(entries[index].1, *recipient),
                [] => Outcome::unknown("the answer does not mention this recipient"),
                _ => Outcome::unknown("the answer contradicts itself about this recipient"),
            }
        };
        self.recipients.iter().enumerate().map(outcome).collect()
    }

    fn recipient_outcome(&self, entry: &Node, recipient: Recipient<'_>) -> Outcome {
        match verdict(entry) {
            Verdict::Accepted => accepted(entry),
            Verdict::Refused(code) => self.refusal(
                code,
                Level::Recipient,
                self.status_text(entry, &[recipient]),
                recipient,
            ),
            Verdict::Unclear => Outcome::unknown("the answer about this recipient cannot be read"),
        }
    }

    /// Builds the outcome of a definite refusal of one message. `text` is the status text of
    /// sms.ru; the table of codes gives the text if there is none.
    fn refusal(
        &self,
        code: i32,
        level: Level,
        text: Option<String>,
        recipient: Recipient<'_>,
    ) -> Outcome {
        let row = code::send_refusal(code, level);
        let text =
            text.unwrap_or_else(|| row.map_or(code::UNKNOWN_REFUSAL, |row| row.en).to_owned());
        match (row.map(|row| row.meaning), level) {
            (Some(Meaning::Throttled { final_for_otp: true, .. }), _) if recipient.otp => {
                Outcome::rejected(code, text)
            }
            (Some(Meaning::Throttled { retry_after, .. }), _) => {
                Outcome::deferred(code, text).retry_after(retry_after)
            }
            (Some(Meaning::Repeated { within }), _) => Outcome::deferred(code, text)
                .retry_after(within)
                // sms.ru can accept an attempt just before its timeout.
                .repeated_within(within + self.config.timeout),
            (Some(Meaning::Busy), _) => {
                Outcome::deferred(code, text).retry_after(BUSY_RETRY_AFTER).outage(true)
            }
            // An unknown code is still a refusal, so nothing was accepted. About a recipient it
            // fails one message, and a person can send it again. About a request it is most likely
            // a new state of the account. To fail would then fail the whole backlog, but a pause
            // loses nothing, shows the code, and ends when a message is accepted.
            (Some(Meaning::Blocked(_)), _) | (None, Level::Request) => Outcome::blocked(code, text),
            _ => Outcome::rejected(code, text),
        }
    }
}

/// Builds the outcome of an accepted message. A refused recipient can have an id too, so an id is
/// no proof of acceptance.
fn accepted(entry: &Node) -> Outcome {
    let mut outcome = Outcome::accepted("").code(100);
    outcome.provider_id = entry.text_or_number("sms_id").filter(|id| is_id(id));
    if outcome.provider_id.is_none() {
        outcome.text =
            Some("accepted without an id, so its delivery cannot be followed".to_owned());
    }
    outcome
}
