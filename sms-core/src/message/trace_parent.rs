//! W3C trace context of the caller.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// Length of the text in version 00.
const CHARS: usize = 55;

/// The span in which a message was accepted: the header `traceparent` of W3C Trace Context. It is
/// kept with the message, so that its events and log lines can be found by the trace.
///
/// ```
/// use sms_core::message::TraceParent;
///
/// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let parent: TraceParent = text.parse()?;
/// assert_eq!(parent.to_string(), text);
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace_id: NonZeroU128,
    parent_id: NonZeroU64,
    flags: u8,
}

impl TraceParent {
    /// Reads the value of a header. `None` unless it is valid: the standard asks to ignore others.
    /// In a later version, only the fields of version 00 are read.
    fn read(text: &str) -> Option<Self> {
        let (known, rest) = text.split_at_checked(CHARS)?;
        let mut fields = known.split('-');
        let mut field = |chars: usize| fields.next().filter(|field| is_hex(field, chars));
        let (version, trace_id, parent_id, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        let is_allowed = match version {
            "00" => rest.is_empty(),
            "ff" => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        is_allowed.then_some(Self {
            trace_id: NonZeroU128::new(u128::from_str_radix(trace_id, 16).ok()?)?,
            parent_id: NonZeroU64::new(u64::from_str_radix(parent_id, 16).ok()?)?,
            flags: u8::from_str_radix(flags, 16).ok()?,
        })
    }
}

/// True for so many lower-case hexadecimal digits.
fn is_hex(text: &str, chars: usize) -> bool {
    text.len() == chars && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl FromStr for TraceParent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| Error::new(ErrorKind::Invalid, "not a valid traceparent"))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags)
    }
}

impl Serialize for TraceParent {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceParent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| D::Error::custom("not a valid traceparent"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

    #[test]
    fn a_valid_text_is_written_as_it_was_read() {
        for flags in ["00", "01", "ff"] {
            let text = format!("00-{TRACE}-{flags}");
            assert_eq!(text.parse::<TraceParent>().expect("valid").to_string(), text);
        }
    }

    #[test]
    fn of_a_later_version_the_known_part_is_read() {
        for text in [format!("01-{TRACE}-01"), format!("cc-{TRACE}-01-what-comes-later")] {
            let read = text.parse::<TraceParent>().expect("valid").to_string();
            assert_eq!(read, format!("00-{TRACE}-01"));
        }
    }

    #[test]
    fn what_the_standard_does_not_allow_is_refused() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            format!("00-{TRACE}"),
            format!("00-{TRACE}-01-more"),
            format!("00-{TRACE}-01 "),
            format!("ff-{TRACE}-01"),
            format!("01-{TRACE}-01more"),
            format!("00-{}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-b7ad6b7169203331-01"),
            format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", &zeros[..16]),
            format!("00-{TRACE}-0я"),
            format!("00_{TRACE}_01"),
        ] {
            assert!(text.parse::<TraceParent>().is_err(), "{text}");
        }
    }
}
