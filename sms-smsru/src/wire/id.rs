//! The ids that sms.ru gives to messages, checks and calls.

/// The maximum length of an id in characters. Known ids have about 15.
const MAX_LENGTH: usize = 64;

/// Checks that a text can be an id of a message, a check or a call.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Checks that a text can be an id of a message, in a list separated by commas.
pub(crate) fn is_message_id(id: &str) -> bool {
    is_id(id) && !id.contains(',')
}
