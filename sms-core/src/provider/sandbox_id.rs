//! Provider ids of the sandbox, which hold everything that it must know for a receipt.

use std::fmt;
use std::str::FromStr;

use crate::clock::UnixMs;
use crate::message::MessageId;

/// Length of the unique part, with the hyphen before it.
const UNIQUE_LENGTH: usize = 37;

/// A provider id: the time of acceptance, the end of the message, and a unique part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SandboxId {
    pub(super) accepted_ms: UnixMs,
    pub(super) end: End,
}

/// The end of a message that the sandbox accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Delivered, so many seconds later than usual.
    Delivered { seconds: u32 },
    /// Not delivered, with this code.
    Undelivered { code: i32 },
    /// Nothing is ever reported.
    Silent,
}

impl fmt::Display for SandboxId {
    /// Writes a new id. No two are equal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.accepted_ms)?;
        match self.end {
            End::Delivered { seconds: 0 } => {}
            End::Delivered { seconds } => write!(f, "d{seconds}")?,
            End::Undelivered { code } => write!(f, "u{code}")?,
            End::Silent => f.write_str("s")?,
        }
        write!(f, "-{}", MessageId::new())
    }
}

/// The error for a text that is no id of the sandbox.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotAnId;

impl FromStr for SandboxId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let head = text.len().checked_sub(UNIQUE_LENGTH).and_then(|length| text.get(..length));
        let head = head.ok_or(NotAnId)?;
        let (accepted, end) = match head.find(|c: char| c.is_ascii_alphabetic()) {
            Some(at) => head.split_at(at),
            None => (head, "d0"),
        };
        let end = match end.split_at(1) {
            ("d", seconds) => End::Delivered { seconds: seconds.parse().map_err(|_| NotAnId)? },
            ("u", code) => End::Undelivered { code: code.parse().map_err(|_| NotAnId)? },
            ("s", "") => End::Silent,
            _ => return Err(NotAnId),
        };
        Ok(Self { accepted_ms: accepted.parse().map_err(|_| NotAnId)?, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written() {
        for end in [
            End::Delivered { seconds: 0 },
            End::Delivered { seconds: u32::MAX },
            End::Undelivered { code: -1 },
            End::Undelivered { code: i32::MAX },
            End::Silent,
        ] {
            for accepted_ms in [0, 1_763_890_200_000, -5] {
                let id = SandboxId { accepted_ms, end };
                assert_eq!(id.to_string().parse(), Ok(id), "{id}");
            }
        }
    }

    #[test]
    fn another_text_is_no_id() {
        let unique = MessageId::new();
        for head in ["", "x", "1x5", "1d", "1u", "1u1.5", "1s1", "d5", "1é5"] {
            assert_eq!(format!("{head}-{unique}").parse::<SandboxId>(), Err(NotAnId), "{head}");
        }
        for text in ["", "1-2", "ééééééééééééééééééééé"] {
            assert_eq!(text.parse::<SandboxId>(), Err(NotAnId), "{text}");
        }
    }
}
