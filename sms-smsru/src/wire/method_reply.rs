//! The replies of all methods but `sms/send`.

use super::json::Node;
use super::status_text::fit;
use super::verdict::{Whole, whole};
use crate::code;
use crate::config::Credentials;
use crate::refusal::Refusal;

/// What a reply says.
pub(crate) enum Said {
    /// The request was carried out, and this is the reply.
    Done(Node),
    /// It was not.
    Refused(Refusal),
    /// Nobody can tell, and why.
    Unclear(String),
}

/// Reads a reply. `texts` are those of ours that sms.ru's words must not repeat.
pub(crate) fn read(status: u16, body: &[u8], texts: &[&str], credentials: &Credentials) -> Said {
    let reply = match (status, Node::parse(body)) {
        (200 | 400..=499, Some(reply @ Node::Map(_))) => reply,
        (200, _) => return Said::Unclear("the answer was not in sms.ru's form".to_owned()),
        _ => return Said::Unclear(format!("the answer was HTTP status {status}")),
    };
    let known = |code: Option<i32>| code.is_some_and(|code| code::of_refusal(code).is_some());
    match whole(&reply) {
        Whole::Done if status == 200 => Said::Done(reply),
        // See `reply`: a client error counts as the known refusal it repeats.
        Whole::Refused(code) if status == 200 || known(code) => {
            Said::Refused(refusal(code, &reply, texts, credentials))
        }
        _ if status == 200 => Said::Unclear("the answer is not one that sms.ru gives".to_owned()),
        _ => Said::Unclear(format!("the answer was HTTP status {status}")),
    }
}

/// The refusal at this level of a reply.
pub(crate) fn refusal(
    code: Option<i32>,
    said: &Node,
    texts: &[&str],
    credentials: &Credentials,
) -> Refusal {
    Refusal {
        code,
        words: said.text("status_text").and_then(|words| fit(words, texts, credentials)),
    }
}
