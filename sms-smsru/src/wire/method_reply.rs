//! Reader of the replies of all methods except `sms/send`.

use crate::code;
use crate::credentials::Credentials;
use crate::refusal::Refusal;
use crate::wire::json::Node;
use crate::wire::status_text::sanitize;
use crate::wire::verdict::{RequestVerdict, request_verdict};

/// A classified reply.
pub(crate) enum MethodReply {
    /// The request was carried out. The value is the whole reply.
    Done(Node),
    /// The request was refused.
    Refused(Refusal),
    /// The reply does not prove either. The value is the reason.
    Unreadable(String),
}

/// Reads a reply. A refusal never quotes the sensitive `texts` or the credentials.
pub(crate) fn read(
    status: u16,
    body: &[u8],
    texts: &[&str],
    credentials: &Credentials,
) -> MethodReply {
    let reply = match (status, Node::parse(body)) {
        (200 | 400..=499, Some(reply @ Node::Map(_))) => reply,
        (200, _) => return MethodReply::Unreadable("the answer is not a JSON object".to_owned()),
        _ => return MethodReply::Unreadable(format!("the answer has HTTP status {status}")),
    };
    let is_known = |code: Option<i32>| code.is_some_and(|code| code::any_refusal(code).is_some());
    match request_verdict(&reply) {
        RequestVerdict::Done if status == 200 => MethodReply::Done(reply),
        // A client error counts as the refusal in its body, as in `send_reply`.
        RequestVerdict::Refused(code) if status == 200 || is_known(code) => {
            MethodReply::Refused(refusal(code, &reply, texts, credentials))
        }
        _ if status == 200 => {
            MethodReply::Unreadable("the answer contradicts itself or is incomplete".to_owned())
        }
        _ => MethodReply::Unreadable(format!("the answer has HTTP status {status}")),
    }
}

/// Builds the refusal of a request, or of one entry in a reply.
pub(crate) fn refusal(
    code: Option<i32>,
    entry: &Node,
    texts: &[&str],
    credentials: &Credentials,
) -> Refusal {
    let text = entry.text("status_text").and_then(|text| sanitize(text, texts, credentials));
    Refusal { code, text }
}
