//! The language of sms.ru: [`request`] speaks it, [`reply`] listens.

pub(crate) mod json;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod words;

#[cfg(test)]
mod tests;

/// The digits under which sms.ru may answer about a number: Russian numbers are also written with an 8 in front or
/// with nothing. Which of them it uses for which spelling is not documented; recorded replies repeat what was sent.
///
/// Two different numbers can look alike here, +7 925 123-45-67 and the Pakistani +92 5123 4567: they never share a
/// request.
pub(crate) fn canonical(digits: u64) -> u64 {
    match digits {
        80_000_000_000..=89_999_999_999 => digits - 10_000_000_000,
        1_000_000_000..=9_999_999_999 => digits + 70_000_000_000,
        _ => digits,
    }
}
