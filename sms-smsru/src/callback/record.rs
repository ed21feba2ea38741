//! One record of a callback, and the grammar that makes it one.

use sms_core::Receipt;
use time::OffsetDateTime;

use crate::code::CallCheckState;
use crate::methods::callcheck;
use crate::receipt;
use crate::wire::is_id;

const STATUS: &str = "sms_status";
const CALL_CHECK: &str = "callcheck_status";
const TEST: &str = "test";
/// The kinds this version knows. None is the end of another.
const KINDS: [&str; 3] = [STATUS, CALL_CHECK, TEST];
/// The longest name of a kind.
const LONGEST_KIND: usize = 32;

/// One record of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// What became of a message.
    Status {
        /// The id sms.ru accepted it under.
        id: String,
        /// The delivery code.
        code: i32,
        /// When, where sms.ru says so.
        at: Option<OffsetDateTime>,
    },
    /// How a check by phone call ended.
    CallCheck {
        /// sms.ru's id of the check.
        id: String,
        /// 401 or 402.
        code: i32,
        /// When, where sms.ru says so.
        at: Option<OffsetDateTime>,
    },
    /// sms.ru tries whether the address answers.
    Test {
        /// When, where sms.ru says so.
        at: Option<OffsetDateTime>,
    },
    /// A kind this version does not know.
    Other {
        /// The name of the kind.
        kind: String,
        /// Its lines after that.
        lines: Vec<String>,
    },
}

impl Record {
    /// The receipt this is: for a [`Status`](Self::Status) with a code that says something about
    /// the message. A code this version does not know is logged and counts as in transit.
    pub fn receipt(&self) -> Option<Receipt> {
        let Self::Status { id, code, at } = self else { return None };
        let mut receipt = receipt::receipt(id, *code)?;
        receipt.at = *at;
        Some(receipt)
    }

    /// What a [`CallCheck`](Self::CallCheck) says; `None` for a code this version does not know.
    pub fn call_check(&self) -> Option<CallCheckState> {
        match self {
            Self::CallCheck { code, .. } => callcheck::state(*code),
            _ => None,
        }
    }

    /// Reads a value. The rules that look arbitrary keep two bodies with the same signature from
    /// meaning two things: values are signed end to end, so a value must not go on into the next
    /// nor end inside itself and still be one.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut lines = lines(value)?.into_iter();
        let kind = lines.next().filter(|kind| is_kind(kind))?;
        let record = match kind {
            STATUS => {
                let (id, code, at) = (id(lines.next())?, code(lines.next())?, time(lines.next())?);
                Self::Status { id, code, at }
            }
            CALL_CHECK => {
                let (id, code, at) = (id(lines.next())?, code(lines.next())?, time(lines.next())?);
                Self::CallCheck { id, code, at }
            }
            TEST => Self::Test { at: time(lines.next())? },
            other => {
                // An end of a known name is what a cut inside that name would leave.
                if KINDS.iter().any(|known| other.ends_with(known) || known.ends_with(other)) {
                    return None;
                }
                let lines: Vec<String> = lines.by_ref().map(str::to_owned).collect();
                if lines.is_empty() || lines.iter().any(|line| runs_on(line)) {
                    return None;
                }
                Self::Other { kind: other.to_owned(), lines }
            }
        };
        // What sms.ru may add to a record one day.
        (!lines.any(runs_on)).then_some(record)
    }
}

/// The lines of a value of printable ASCII, each of which may end in CRLF, the last one in anything
/// or nothing.
fn lines(value: &str) -> Option<Vec<&str>> {
    let value = value.strip_suffix('\n').unwrap_or(value);
    let lines: Vec<&str> =
        value.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    lines.iter().all(|line| line.bytes().all(|byte| (0x20..=0x7e).contains(&byte))).then_some(lines)
}

fn is_kind(line: &str) -> bool {
    let plain = line.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    plain && (1..=LONGEST_KIND).contains(&line.len())
}

/// Whether a line with no grammar of its own ends in the beginning of another record.
fn runs_on(line: &str) -> bool {
    KINDS.iter().any(|kind| line.ends_with(kind))
}

fn id(line: Option<&str>) -> Option<String> {
    line.filter(|id| is_id(id)).map(str::to_owned)
}

/// A minus for the one negative code, and up to four digits.
fn code(line: Option<&str>) -> Option<i32> {
    let line = line?;
    let digits = line.strip_prefix('-').unwrap_or(line);
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| line.parse().ok())?
}

/// Unix seconds, in the ten digits they have until the year 2286; older callbacks have none.
#[expect(clippy::option_option, reason = "no time, and no readable one")]
fn time(line: Option<&str>) -> Option<Option<OffsetDateTime>> {
    let Some(line) = line else { return Some(None) };
    let plain = line.len() == 10 && line.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = plain.then(|| line.parse().ok())??;
    OffsetDateTime::from_unix_timestamp(seconds).ok().map(Some)
}
