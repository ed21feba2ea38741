//! Bytes as hexadecimal text.

use std::fmt::Write as _;

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of a text; `None` if it is not hexadecimal.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_even = text.is_ascii() && text.len().is_multiple_of(2);
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    is_even.then(|| (0..text.len()).step_by(2).map(byte).collect())?
}
