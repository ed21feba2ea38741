//! A record of a callback, and its grammar.

use sms_core::Receipt;
use time::OffsetDateTime;

use crate::code::{self, CallCheckState};
use crate::receipt::receipt;
use crate::wire::id::is_id;

const STATUS: &str = "sms_status";
const CALL_CHECK: &str = "callcheck_status";
const TEST: &str = "test";
/// The known kinds. No kind is a suffix of another.
const KINDS: [&str; 3] = [STATUS, CALL_CHECK, TEST];
/// The maximum length of the name of a kind.
const MAX_KIND_LENGTH: usize = 32;

/// A record of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// The delivery state of a message.
    Status {
        /// The id of the message at sms.ru.
        id: String,
        /// The delivery code.
        code: i32,
        /// The time of the event, if sms.ru reports it.
        at: Option<OffsetDateTime>,
    },
    /// The end of a check by phone call.
    CallCheck {
        /// The id of the check at sms.ru.
        id: String,
        /// The code, 401 or 402.
        code: i32,
        /// The time of the event, if sms.ru reports it.
        at: Option<OffsetDateTime>,
    },
    /// A test if the address responds.
    Test {
        /// The time of the event, if sms.ru reports it.
        at: Option<OffsetDateTime>,
    },
    /// A record of an unknown kind.
    Other {
        /// The name of the kind.
        kind: String,
        /// The lines after the name.
        lines: Vec<String>,
    },
}

impl Record {
    /// Returns the receipt in a [`Status`](Self::Status); `None` for other records, and for a code
    /// that says nothing about the message. An unknown code is logged and counts as in transit.
    pub fn receipt(&self) -> Option<Receipt> {
        let Self::Status { id, code, at } = self else { return None };
        let mut receipt = receipt(id, *code)?;
        receipt.at = *at;
        Some(receipt)
    }

    /// Returns the state in a [`CallCheck`](Self::CallCheck); `None` for other records and for an
    /// unknown code.
    pub fn call_check(&self) -> Option<CallCheckState> {
        match self {
            Self::CallCheck { code, .. } => code::call_check_state(*code),
            _ => None,
        }
    }

    /// Parses a value. The signature covers the concatenated values, so a value must not be a valid
    /// record when it is cut short or joined with the next one. The rules about kinds ensure that.
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
                // A split inside a known name leaves a suffix of that name.
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
        // sms.ru has added lines to records before, so more lines are allowed.
        (!lines.any(runs_on)).then_some(record)
    }
}

/// Splits a value into lines of printable ASCII. A line can end in CRLF, and the last line break is
/// optional. `None` for other characters.
fn lines(value: &str) -> Option<Vec<&str>> {
    let value = value.strip_suffix('\n').unwrap_or(value);
    let lines: Vec<&str> =
        value.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    lines.iter().all(|line| line.bytes().all(|byte| (0x20..=0x7e).contains(&byte))).then_some(lines)
}

fn is_kind(line: &str) -> bool {
    let plain = line.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    plain && (1..=MAX_KIND_LENGTH).contains(&line.len())
}

/// Checks if a line without a grammar ends in the name of a kind, where another record could begin.
fn runs_on(line: &str) -> bool {
    KINDS.iter().any(|kind| line.ends_with(kind))
}

fn id(line: Option<&str>) -> Option<String> {
    line.filter(|id| is_id(id)).map(str::to_owned)
}

/// Parses a code of up to four digits, or the negative code -1.
fn code(line: Option<&str>) -> Option<i32> {
    let line = line?;
    let digits = line.strip_prefix('-').unwrap_or(line);
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| line.parse().ok())?
}

/// Parses a time in seconds since the Unix epoch, of exactly ten digits (until the year 2286).
/// Older callbacks have no time.
#[expect(clippy::option_option, reason = "no time is valid, an unreadable time is not")]
fn time(line: Option<&str>) -> Option<Option<OffsetDateTime>> {
    let Some(line) = line else { return Some(None) };
    let plain = line.len() == 10 && line.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = plain.then(|| line.parse().ok())??;
    OffsetDateTime::from_unix_timestamp(seconds).ok().map(Some)
}
