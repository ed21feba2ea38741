//! Provider ids of the sandbox, which hold everything that it must know for a receipt.

use std::fmt;
use std::str::FromStr;

use crate::clock::UnixMs;
use crate::message::MessageId;

/// Length of the unique part, with the hyphen before it.
const UNIQUE_LENGTH: usize = 37;

/// A provider id: the time of acceptance, the parts and the end of the message, and a unique part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SandboxId {
    pub(super) accepted_ms: UnixMs,
    /// Number of parts of the text.
    pub(super) parts: u32,
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
        if self.parts != 1 {
            write!(f, "p{}", self.parts)?;
        }
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
        let is_letter = |c: char| c.is_ascii_alphabetic();
        let (accepted, rest) = head.split_at(head.find(is_letter).unwrap_or(head.len()));
        let (parts, end) = match rest.strip_prefix('p') {
            Some(rest) => rest.split_at(rest.find(is_letter).unwrap_or(rest.len())),
            None => ("1", rest),
        };
        let end = if end.is_empty() { "d0" } else { end };
        let end = match end.split_at(1) {
            ("d", seconds) => End::Delivered { seconds: seconds.parse().map_err(|_| NotAnId)? },
            ("u", code) => End::Undelivered { code: code.parse().map_err(|_| NotAnId)? },
            ("s", "") => End::Silent,
            _ => return Err(NotAnId),
        };
        let accepted_ms = accepted.parse().map_err(|_| NotAnId)?;
        Ok(Self { accepted_ms, parts: parts.parse().map_err(|_| NotAnId)?, end })
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
            for (accepted_ms, parts) in [(0, 1), (1_763_890_200_000, 2), (-5, 300)] {
                let id = SandboxId { accepted_ms, parts, end };
                assert_eq!(id.to_string().parse(), Ok(id), "{id}");
            }
        }
    }

    #[test]
    fn another_text_is_no_id() {
        let unique = MessageId::new();
        for head in ["", "x", "1x5", "1d", "1u", "1u1.5", "1s1", "d5", "1é5", "1p", "1pd5", "1p2p3"]
        {
            assert_eq!(format!("{head}-{unique}").parse::<SandboxId>(), Err(NotAnId), "{head}");
        }
        for text in ["", "1-2", "ééééééééééééééééééééé"] {
            assert_eq!(text.parse::<SandboxId>(), Err(NotAnId), "{text}");
        }
    }
}
