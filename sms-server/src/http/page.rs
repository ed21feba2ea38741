//! Pages of a list, and where the next one begins.

use sms_core::{MessageId, MessagePage, StoredMessage};
use time::OffsetDateTime;

/// The beginning of the next page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Next {
    /// The last message of this page, or the last that was examined; `None` at the end of the
    /// list.
    pub(crate) cursor: Option<MessageId>,
    /// The time of acceptance of the last message that was examined, where the time limit ended
    /// the search before the page was full.
    pub(crate) searched_back_to: Option<OffsetDateTime>,
}

/// Cuts a page to `limit` messages. It was asked for with room for one more, which tells whether
/// there is a next page.
pub(crate) fn split(page: MessagePage, limit: usize) -> (Vec<StoredMessage>, Next) {
    let MessagePage { mut messages, searched_to, .. } = page;
    if messages.len() > limit {
        messages.truncate(limit);
        let cursor = messages.last().map(|last| last.message.id);
        return (messages, Next { cursor, searched_back_to: None });
    }
    let searched_back_to = searched_to.map(|end| end.created_at);
    (messages, Next { cursor: searched_to.map(|end| end.id), searched_back_to })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sms_core::store::{InsertRequest, ListRequest};
    use sms_core::{Archive as _, MemoryStore, Message, Store as _};

    use super::*;

    async fn page(text: &str, limit: usize) -> (Vec<StoredMessage>, Next) {
        let store = MemoryStore::new();
        let messages: Vec<_> = (0..1_000)
            .map(|_| Message::new("+79251234567", "hay").prepare().expect("valid"))
            .collect();
        store.insert(InsertRequest::new(&messages)).await.expect("stored");
        let (search, budget) = (Some(text.to_owned()), Some(Duration::ZERO));
        let request = ListRequest::new(limit + 1).search(search).budget(budget);
        split(store.list(&request).await.expect("a list"), limit)
    }

    #[tokio::test]
    async fn a_search_that_was_cut_short_goes_on_where_it_ended_and_says_how_far_it_came() {
        let (messages, next) = page("needle", 10).await;
        assert!(messages.is_empty());
        assert!(next.cursor.is_some(), "without a cursor the list looks like it is at its end");
        assert!(next.searched_back_to.is_some());
    }

    #[tokio::test]
    async fn a_full_page_goes_on_after_its_last_message() {
        let (messages, next) = page("hay", 10).await;
        assert_eq!(messages.len(), 10);
        assert_eq!(
            next,
            Next { cursor: messages.last().map(|last| last.message.id), searched_back_to: None }
        );
    }
}
