//! Texts of addresses.

/// The scheme of an address, and the rest after its colon. An address may be a scheme alone.
pub(super) fn split(address: &str) -> (&str, &str) {
    address.split_once(':').unwrap_or((address, ""))
}

/// The error of a text that is no known address. A secret may have been given in place of the
/// address: the scheme is shown only if it cannot be a part of one.
pub(super) fn unknown(address: &str, known: &str) -> String {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    let is_plain =
        |scheme: &&str| scheme.len() <= 16 && scheme.bytes().all(|byte| byte.is_ascii_lowercase());
    match scheme.filter(is_plain) {
        Some(scheme) => {
            format!("unknown scheme `{scheme}://`; an address begins as {known}")
        }
        None => format!("not an address; an address begins as {known}"),
    }
}

/// Recognizes the form of an API id of sms.ru: five groups of hexadecimal digits.
pub(super) fn is_api_id(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let is_hex =
        |group: &&str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.len() == 36 && groups.len() == 5 && groups.iter().all(is_hex)
}
