//! Yes, no or neither: the two fields that say it, at either level of a reply.

use super::json::{Field, Node};

/// A verdict, at either level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    Refused(i32),
    /// Absent, contradictory or not to be read.
    Unclear,
}

/// The verdict on a request of a method that is not about messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    Done,
    /// `code/call` may refuse without a code.
    Refused(Option<i32>),
    Unclear,
}

/// What stands under `status`.
enum Word {
    Ok,
    Error,
    Absent,
    Unclear,
}

/// What stands under `status_code`.
pub(crate) enum Code {
    Is(i32),
    Absent,
    Unclear,
}

/// The verdict on one message: accepted takes both the word and the code, a refusal the code and no
/// word against it.
pub(crate) fn verdict(said: &Node) -> Verdict {
    match (word(said), code(said)) {
        (Word::Ok, Code::Is(100)) => Verdict::Ok,
        (Word::Error | Word::Absent, Code::Is(code)) if code != 100 => Verdict::Refused(code),
        _ => Verdict::Unclear,
    }
}

/// The verdict on a request of messages. One that is left out is that of its messages, if there are
/// any.
pub(crate) fn of_messages(reply: &Node) -> Verdict {
    match (word(reply), code(reply)) {
        (Word::Ok, Code::Absent) | (Word::Absent, Code::Is(100) | Code::Absent) => Verdict::Ok,
        _ => verdict(reply),
    }
}

/// The verdict on any other request. `code/call` leaves out the code, also that of a success.
pub(crate) fn whole(reply: &Node) -> Whole {
    match (word(reply), code(reply)) {
        (Word::Ok, Code::Is(100) | Code::Absent) | (Word::Absent, Code::Is(100)) => Whole::Done,
        (Word::Error, Code::Absent) => Whole::Refused(None),
        (Word::Error | Word::Absent, Code::Is(code)) if code != 100 => Whole::Refused(Some(code)),
        _ => Whole::Unclear,
    }
}

pub(crate) fn code(said: &Node) -> Code {
    match said.field("status_code") {
        Field::One(code) => {
            code.integer().and_then(|code| i32::try_from(code).ok()).map_or(Code::Unclear, Code::Is)
        }
        Field::Absent => Code::Absent,
        Field::Conflict => Code::Unclear,
    }
}

/// Whether the word under `status` is the one of a refusal.
pub(crate) fn is_error(said: &Node) -> bool {
    matches!(word(said), Word::Error)
}

fn word(said: &Node) -> Word {
    let is = |status: &str, word: &str| status.trim().eq_ignore_ascii_case(word);
    match said.field("status") {
        Field::One(Node::Text(status)) if is(status, "OK") => Word::Ok,
        Field::One(Node::Text(status)) if is(status, "ERROR") => Word::Error,
        Field::Absent => Word::Absent,
        Field::One(_) | Field::Conflict => Word::Unclear,
    }
}
