//! The language of sms.ru: [`send_request`] and [`form`] speak it, [`send_reply`] and [`method_reply`] listen.

pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod method_reply;
pub(crate) mod send_reply;
pub(crate) mod send_request;
pub(crate) mod status_text;
pub(crate) mod verdict;

#[cfg(test)]
mod tests;

/// Ids seen are a dozen characters; up to 32 are thinkable.
const LONGEST_ID: usize = 64;

/// Whether this can be an id of sms.ru: of a message or of a check by phone call.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The digits under which sms.ru may answer about a number: Russian numbers are also written with
/// an 8 in front or with nothing. Which of them it uses for which spelling is not documented;
/// recorded replies repeat what was sent.
///
/// Two different numbers can look alike here, +7 925 123-45-67 and the Pakistani +92 5123 4567:
/// they never share a request.
pub(crate) fn canonical(digits: u64) -> u64 {
    match digits {
        80_000_000_000..=89_999_999_999 => digits - 10_000_000_000,
        1_000_000_000..=9_999_999_999 => digits + 70_000_000_000,
        _ => digits,
    }
}

/// The digits of a key; `None` when they are too few to be a whole phone number.
pub(crate) fn whole_number(key: &str) -> Option<u64> {
    let digits: String = key.chars().filter(char::is_ascii_digit).collect();
    // Too many for a number are a number that is nobody's.
    (digits.len() >= 7).then(|| digits.parse().unwrap_or(u64::MAX))
}
