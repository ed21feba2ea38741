//! Arguments of statements.

use std::borrow::Cow;
use std::time::Duration;

use sms_core::clock::duration_to_ms;
use sms_core::{MessageId, Receipt};
use uuid::Uuid;

/// The longest a duration is taken for: 300 years and more, so that a sum of several is still a
/// `bigint`.
const LONGEST_MS: i64 = 10_000_000_000_000;
/// The longest name that is kept of a provider, a message of its own or a worker, in characters. No
/// real one comes near, and an index takes no entry of more than 2.7 kB.
const LONGEST_NAME: usize = 255;

/// A duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    duration_to_ms(duration).min(LONGEST_MS)
}

/// A limit of rows as PostgreSQL takes it.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(crate) fn uuid(id: MessageId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

pub(crate) fn uuids<'a>(ids: impl IntoIterator<Item = &'a MessageId>) -> Vec<Uuid> {
    ids.into_iter().copied().map(uuid).collect()
}

/// Text as PostgreSQL takes it: it has no NUL. One in what a provider says must not spoil the batch
/// it comes in.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same for a name that is looked up: cut, where no index could take it.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    let text = clean(text);
    match text.char_indices().nth(LONGEST_NAME) {
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

/// What a receipt is looked up by: its provider, and the provider's id.
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
