//! Acceptance or refusal, from the fields `status` and `status_code` of a reply or of one entry.

use crate::wire::json::{Field, Node};

/// The verdict about one message, or about a request of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Refused(i32),
    /// The fields are absent, unreadable, or contradict each other.
    Unclear,
}

/// The verdict about a request of any other method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestVerdict {
    Done,
    /// Refused, with the code if there is one: `code/call` can refuse without a code.
    Refused(Option<i32>),
    /// The fields are absent, unreadable, or contradict each other.
    Unclear,
}

/// The value of the field `status`.
enum Status {
    Ok,
    Error,
    Absent,
    Unclear,
}

/// The value of the field `status_code`.
pub(crate) enum StatusCode {
    Is(i32),
    Absent,
    Unclear,
}

/// Reads the verdict about one message. An acceptance needs both fields. A refusal needs the code,
/// and `status` must not contradict it.
pub(crate) fn verdict(entry: &Node) -> Verdict {
    match (status(entry), status_code(entry)) {
        (Status::Ok, StatusCode::Is(100)) => Verdict::Accepted,
        (Status::Error | Status::Absent, StatusCode::Is(code)) if code != 100 => {
            Verdict::Refused(code)
        }
        _ => Verdict::Unclear,
    }
}

/// Reads the verdict at the top of a reply of `sms/send`. Both fields can be absent there: the
/// entries of the messages decide then.
pub(crate) fn top_verdict(reply: &Node) -> Verdict {
    match (status(reply), status_code(reply)) {
        (Status::Ok, StatusCode::Absent)
        | (Status::Absent, StatusCode::Is(100) | StatusCode::Absent) => Verdict::Accepted,
        _ => verdict(reply),
    }
}

/// Reads the verdict about a request of another method. `code/call` omits the code, even of a
/// success.
pub(crate) fn request_verdict(reply: &Node) -> RequestVerdict {
    match (status(reply), status_code(reply)) {
        (Status::Ok, StatusCode::Is(100) | StatusCode::Absent)
        | (Status::Absent, StatusCode::Is(100)) => RequestVerdict::Done,
        (Status::Error, StatusCode::Absent) => RequestVerdict::Refused(None),
        (Status::Error | Status::Absent, StatusCode::Is(code)) if code != 100 => {
            RequestVerdict::Refused(Some(code))
        }
        _ => RequestVerdict::Unclear,
    }
}

/// Reads the field `status_code`.
pub(crate) fn status_code(entry: &Node) -> StatusCode {
    match entry.field("status_code") {
        Field::One(code) => code
            .integer()
            .and_then(|code| i32::try_from(code).ok())
            .map_or(StatusCode::Unclear, StatusCode::Is),
        Field::Absent => StatusCode::Absent,
        Field::Conflict => StatusCode::Unclear,
    }
}

/// Checks that the field `status` says `ERROR`.
pub(crate) fn is_error(entry: &Node) -> bool {
    matches!(status(entry), Status::Error)
}

fn status(entry: &Node) -> Status {
    let is = |status: &str, word: &str| status.trim().eq_ignore_ascii_case(word);
    match entry.field("status") {
        Field::One(Node::Text(status)) if is(status, "OK") => Status::Ok,
        Field::One(Node::Text(status)) if is(status, "ERROR") => Status::Error,
        Field::Absent => Status::Absent,
        Field::One(_) | Field::Conflict => Status::Unclear,
    }
}
