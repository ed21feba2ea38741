//! Phone numbers in the spellings of clients.

/// A phone number in a request.
#[derive(Clone, Debug)]
pub(crate) struct Phone {
    /// The key of its entry in the reply: its digits as sent, or the whole text if it has none.
    pub(crate) key: String,
    /// The E.164 digits; `None` if it is not a valid number.
    pub(crate) number: Option<u64>,
}

impl Phone {
    pub(crate) fn read(sent: &str) -> Self {
        let sent = sent.trim();
        let digits: String = sent.chars().filter(char::is_ascii_digit).collect();
        let number = number(sent, &digits);
        Self { key: if digits.is_empty() { sent.to_owned() } else { digits }, number }
    }
}

/// Normalises a number. The 7 of a Russian number can be missing or an 8.
fn number(sent: &str, digits: &str) -> Option<u64> {
    let punctuation = |c: char| c.is_ascii_digit() || "+-() .\u{a0}".contains(c);
    if !sent.chars().all(punctuation) || sent.rfind('+').is_some_and(|at| at > 0) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    match (digits.len(), digits.as_bytes()) {
        (10, [b'3' | b'4' | b'8' | b'9', ..]) => Some(70_000_000_000 + value),
        // +84 is Vietnam. +89 is not a country code, so the 8 means Russia even after a plus.
        (11, [b'8', b'9', ..]) => Some(value - 10_000_000_000),
        (11, [b'8', b'3' | b'4' | b'8', ..]) if !sent.starts_with('+') => {
            Some(value - 10_000_000_000)
        }
        // 76 and 77 are Kazakhstan.
        (11, [b'7', b'3' | b'4' | b'6'..=b'9', ..]) => Some(value),
        (10.., [b'7', ..]) => None,
        (11..=15, [b'1'..=b'9', ..]) => Some(value),
        _ => None,
    }
}

/// Checks if a number is Russian.
pub(crate) const fn is_russian(number: u64) -> bool {
    matches!(number, 73_000_000_000..=74_999_999_999 | 78_000_000_000..=79_999_999_999)
}
