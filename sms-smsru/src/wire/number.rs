//! Phone numbers in the spellings of replies.

/// The minimum of digits in a phone number.
const MIN_DIGITS: usize = 7;

/// Normalises the digits of a number for comparison. A Russian number can also be written with an 8
/// in place of the 7, or without the 7. It is not documented which spelling a reply has; recorded
/// replies repeat the spelling of the request.
///
/// Two different numbers can have the same result, for example +7 925 123-45-67 and the Pakistani
/// +92 5123 4567. They never share a request.
pub(crate) fn canonical(digits: u64) -> u64 {
    match digits {
        80_000_000_000..=89_999_999_999 => digits - 10_000_000_000,
        1_000_000_000..=9_999_999_999 => digits + 70_000_000_000,
        _ => digits,
    }
}

/// Reads the digits of a key; `None` if there are too few for a phone number.
pub(crate) fn phone_digits(key: &str) -> Option<u64> {
    let digits: String = key.chars().filter(char::is_ascii_digit).collect();
    // Too many digits become a number that belongs to nobody, not a missing number.
    (digits.len() >= MIN_DIGITS).then(|| digits.parse().unwrap_or(u64::MAX))
}
