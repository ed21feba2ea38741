//! Pages of messages, and the budget of time for a search.

use std::cmp::Reverse;

use time::{Duration, OffsetDateTime};
use tokio::time::Instant;

use super::queries::ListRequest;
use crate::message::{MessageId, StoredMessage};

/// Result of [`Archive::list`](crate::Archive::list): messages, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MessagePage {
    /// The messages, up to [`ListRequest::limit`].
    pub messages: Vec<StoredMessage>,
    /// The oldest message that was examined, if the [budget](ListRequest::budget) was used up
    /// before the page was full. The next call continues after it. `None` when the page is full, or
    /// there are no older messages.
    pub searched_to: Option<SearchedTo>,
}

/// The oldest message that a search examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SearchedTo {
    /// The id, for [`ListRequest::after`].
    pub id: MessageId,
    /// Time of acceptance.
    pub created_at: OffsetDateTime,
}

impl SearchedTo {
    /// A message that was examined.
    pub const fn new(id: MessageId, created_at: OffsetDateTime) -> Self {
        Self { id, created_at }
    }
}

impl MessagePage {
    /// A page of these messages, newest first.
    pub const fn new(messages: Vec<StoredMessage>, searched_to: Option<SearchedTo>) -> Self {
        Self { messages, searched_to }
    }

    /// Merges pages of one state each, with the same limit. The result has no message older than
    /// the range that was examined in all of them.
    pub fn merge(pages: impl IntoIterator<Item = Self>, limit: usize) -> Self {
        let (mut messages, mut searched_to) = (Vec::new(), None);
        for page in pages {
            messages.extend(page.messages);
            searched_to = searched_to.max(page.searched_to);
        }
        messages.sort_unstable_by_key(|stored| Reverse(stored.message.id));
        messages.dedup_by_key(|stored| stored.message.id);
        if let Some(end) = searched_to {
            messages.retain(|stored| stored.message.id >= end.id);
        }
        if messages.len() >= limit {
            messages.truncate(limit);
            searched_to = None;
        }
        Self { messages, searched_to }
    }
}

impl IntoIterator for MessagePage {
    type Item = StoredMessage;
    type IntoIter = std::vec::IntoIter<StoredMessage>;

    fn into_iter(self) -> Self::IntoIter {
        self.messages.into_iter()
    }
}

/// Remaining time of a [`ListRequest::budget`], for authors of stores.
#[derive(Clone, Copy, Debug)]
pub struct Budget(Option<Instant>);

impl Budget {
    /// Starts the budget now.
    pub fn start(request: &ListRequest) -> Self {
        // A budget too large for an `Instant` is unlimited.
        Self(request.budget.and_then(|budget| Instant::now().checked_add(budget)))
    }

    /// The first of several equal shares of the remaining time.
    pub fn share(self, shares: usize) -> Self {
        let (now, shares) = (Instant::now(), u32::try_from(shares).unwrap_or(u32::MAX));
        Self(self.0.map(|end| now + end.saturating_duration_since(now) / shares.max(1)))
    }

    /// Returns true if there is no limit.
    pub const fn is_unlimited(self) -> bool {
        self.0.is_none()
    }

    /// Returns true if the time is used up.
    pub fn is_over(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}

/// Largest difference between the order of ids and the order of acceptance. An id is created when
/// the message is prepared, by the clock of that machine.
const MAX_ID_DISORDER: Duration = Duration::DAY;

impl ListRequest {
    /// Returns true if a search may end with a message that was accepted at this time: no message
    /// with an older id can be in the requested range.
    pub fn ends_before(&self, created_at: OffsetDateTime) -> bool {
        self.from_time.is_some_and(|from| created_at < from.saturating_sub(MAX_ID_DISORDER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, MessageState};
    use crate::store::status::Status;

    fn stored(count: usize) -> Vec<StoredMessage> {
        let at = OffsetDateTime::UNIX_EPOCH;
        let state = MessageState::new(Status::Failed, at, at);
        let one = |_| {
            let message = Message::new("+79251234567", "x").prepare().expect("valid");
            StoredMessage { message, state: state.clone() }
        };
        let mut all: Vec<_> = (0..count).map(one).collect();
        all.reverse();
        all
    }

    fn looked(at: &StoredMessage) -> SearchedTo {
        SearchedTo::new(at.message.id, at.state.created_at)
    }

    #[test]
    fn a_merged_page_shows_nothing_older_than_what_was_looked_at_everywhere() {
        let all = stored(4);
        let failed = MessagePage::new(vec![all[0].clone(), all[3].clone()], None);
        let unknown = MessagePage::new(vec![all[1].clone()], Some(looked(&all[2])));
        let page = MessagePage::merge([failed, unknown], 10);
        assert_eq!(page, MessagePage::new(all[..2].to_vec(), Some(looked(&all[2]))));
    }

    #[test]
    fn a_merged_page_that_is_full_ends_with_its_last_message() {
        let all = stored(4);
        let failed = MessagePage::new(vec![all[0].clone(), all[2].clone()], None);
        let unknown = MessagePage::new(vec![all[1].clone()], Some(looked(&all[1])));
        let page = MessagePage::merge([failed, unknown], 2);
        assert_eq!(page, MessagePage::new(all[..2].to_vec(), None));
    }
}
