//! Pages of messages, and how far back they have been looked for.

use std::cmp::Reverse;

use time::{Duration, OffsetDateTime};
use tokio::time::Instant;

use super::queries::ListRequest;
use crate::message::{MessageId, StoredMessage};

/// What [`Store::list`](crate::Store::list) answers: messages, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MessagePage {
    /// The messages, no more than [`ListRequest::limit`].
    pub messages: Vec<StoredMessage>,
    /// Where the [time](ListRequest::budget) was up before the page was full. Every message down to
    /// this one has been looked at; the next call goes on after it. `None` when the page is full,
    /// or nothing older is left.
    pub searched_to: Option<SearchedTo>,
}

/// The oldest message that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SearchedTo {
    /// Its id, for [`ListRequest::after`].
    pub id: MessageId,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
}

impl SearchedTo {
    /// A message that was looked at.
    pub const fn new(id: MessageId, created_at: OffsetDateTime) -> Self {
        Self { id, created_at }
    }
}

impl MessagePage {
    /// These messages, newest first.
    pub const fn new(messages: Vec<StoredMessage>, searched_to: Option<SearchedTo>) -> Self {
        Self { messages, searched_to }
    }

    /// The page of several states, from pages of one state each with the same limit: no older than
    /// what was looked at in all of them.
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

/// The time that is left of a [`ListRequest::budget`], for those who write a store.
#[derive(Clone, Copy, Debug)]
pub struct Budget(Option<Instant>);

impl Budget {
    /// All of it, from now on.
    pub fn start(request: &ListRequest) -> Self {
        // What lies beyond all time never ends.
        Self(request.budget.and_then(|budget| Instant::now().checked_add(budget)))
    }

    /// The first of several equal shares of what is left.
    pub fn share(self, shares: usize) -> Self {
        let (now, shares) = (Instant::now(), u32::try_from(shares).unwrap_or(u32::MAX));
        Self(self.0.map(|end| now + end.saturating_duration_since(now) / shares.max(1)))
    }

    /// Whether it has no end.
    pub const fn is_unlimited(self) -> bool {
        self.0.is_none()
    }

    /// Whether it is used up.
    pub fn is_over(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}

/// How much earlier a message may have been accepted than one with an older id. An id is made when
/// the message is prepared, on the clock of whoever does that.
const MOST_OUT_OF_ORDER: Duration = Duration::DAY;

impl ListRequest {
    /// Whether no message with an older id than one that was accepted at this time can be of the
    /// range that is asked for, so that a search may end with it.
    pub fn ends_before(&self, created_at: OffsetDateTime) -> bool {
        self.from_time.is_some_and(|from| created_at < from.saturating_sub(MOST_OUT_OF_ORDER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, MessageState};
    use crate::store::status::Status;

    fn stored(count: usize) -> Vec<StoredMessage> {
        let at = OffsetDateTime::UNIX_EPOCH;
        let state = MessageState {
            status: Status::Failed,
            created_at: at,
            updated_at: at,
            due_at: at,
            valid_until: at,
            attempts: 0,
            resends: 0,
            fence: 0,
            lease: None,
            unknown_at: None,
            provider: None,
            provider_id: None,
            code: None,
            reason: None,
        };
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
