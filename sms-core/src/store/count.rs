//! The number of messages that match a filter.

use super::page::SearchedTo;

/// Result of [`Archive::count`](crate::Archive::count).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageCount {
    /// Messages that were counted.
    pub count: u64,
    /// The oldest message down to which every match was counted, if the
    /// [budget](super::ListRequest::budget) was used up before the end: there may be more.
    pub searched_to: Option<SearchedTo>,
}

impl MessageCount {
    /// This many messages, counted down to `searched_to`.
    pub const fn new(count: u64, searched_to: Option<SearchedTo>) -> Self {
        Self { count, searched_to }
    }

    /// The sum of counts of one state each. It is complete down to the newest of their ends.
    pub fn sum(counts: impl IntoIterator<Item = Self>) -> Self {
        counts.into_iter().fold(Self::default(), |sum, one| {
            Self::new(sum.count + one.count, sum.searched_to.max(one.searched_to))
        })
    }
}
