//! Arguments of statements.

use std::borrow::Cow;
use std::time::Duration;

use sms_core::clock::duration_to_ms;
use sms_core::{MessageId, Receipt};
use uuid::Uuid;

/// Longest duration: 300 years and more, so that a sum of several still fits in a `bigint`.
const MAX_MS: i64 = 10_000_000_000_000;
/// Longest name of a provider, a provider's message or a worker, in characters. No real one comes
/// near, and an index takes no entry of more than 2.7 kB.
const MAX_NAME_CHARS: usize = 255;

/// A duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    duration_to_ms(duration).min(MAX_MS)
}

/// A limit of rows as PostgreSQL accepts it.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(crate) fn uuid(id: MessageId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

pub(crate) fn uuids<'a>(ids: impl IntoIterator<Item = &'a MessageId>) -> Vec<Uuid> {
    ids.into_iter().copied().map(uuid).collect()
}

/// Text without NUL, which PostgreSQL does not accept. One NUL in a provider's text must not make
/// the whole batch fail.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same for a name that is looked up: cut to a length that an index accepts.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    let text = clean(text);
    match text.char_indices().nth(MAX_NAME_CHARS) {
        Some((end, _)) => Cow::Owned(text[..end].to_owned()),
        None => text,
    }
}

pub(crate) fn clean_some(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(clean)
}

pub(crate) fn name_some(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(name)
}

/// The columns by which receipts are looked up: providers, and the providers' ids.
pub(crate) fn names(receipts: &[Receipt]) -> (Vec<Cow<'_, str>>, Vec<Cow<'_, str>>) {
    receipts.iter().map(|receipt| (name(&receipt.provider), name(&receipt.provider_id))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_replaced_and_a_long_name_is_cut() {
        assert_eq!(clean("a\0b"), "a\u{FFFD}b");
        assert_eq!(name(&"я".repeat(300)).chars().count(), 255);
        assert_eq!(name("id"), "id");
    }
}
