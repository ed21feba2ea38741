//! Delivery tags that have been processed.

use std::collections::BTreeSet;

/// Delivery tags of one channel that have been seen. RabbitMQ numbers deliveries from 1, but each
/// lane has a reader of its own, so the tags come a little out of order.
#[derive(Debug, Default)]
pub(crate) struct SeenTags {
    /// All tags up to this one have been seen.
    up_to: u64,
    beyond: BTreeSet<u64>,
}

impl SeenTags {
    pub(crate) fn insert(&mut self, tag: u64) {
        self.beyond.insert(tag);
        while self.beyond.first().is_some_and(|first| *first == self.up_to + 1) {
            self.beyond.pop_first();
            self.up_to += 1;
        }
    }

    /// Last tag of the unbroken sequence from 1; 0 before the first.
    pub(crate) fn up_to(&self) -> u64 {
        self.up_to
    }
}
