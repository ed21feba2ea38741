//! Reading of messages and their events: the [`Archive`] trait.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::count::MessageCount;
use super::event::Event;
use super::inference::UnmatchedId;
use super::page::MessagePage;
use super::queries::{
    EventPage, EventsRequest, ListRequest, LogEnd, LogEndRequest, MessageRequest, Stats,
    StatsRequest, UnmatchedRequest,
};
use crate::error::Result;
use crate::message::StoredMessage;
use crate::message::phone::NumberReader;

/// Messages and their event log, to be read.
///
/// The part of a [`Store`](crate::Store) that changes nothing: code that only reads takes an
/// `Archive` and cannot write.
///
/// # Contract
///
/// * **Scope**: a call sees the messages of its [scope](super::Scope) and no others.
/// * **Freshness**: what a method of the store has answered is visible to every later call.
/// * **Errors**: every method may answer `Unavailable` (retry) or `Internal` (an operator must
///   look).
#[async_trait]
pub trait Archive: Debug + Send + Sync + 'static {
    /// The reader of phone numbers. Its region is part of the store's configuration, and so the
    /// same in every part of the program that reads a number.
    fn numbers(&self) -> NumberReader;

    /// Reads one message; `None` if there is none in the scope.
    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>>;

    /// Lists messages, newest first. A filter without an index is a search from the newest message
    /// back, which ends when the page is full or the [`budget`](ListRequest::budget) is used up.
    /// However small the budget is, each call advances by some messages and skips none.
    async fn list(&self, request: &ListRequest) -> Result<MessagePage>;

    /// Counts the messages of all pages of a [list](Self::list), without reading them: `limit` does
    /// not matter. Ends when the [`budget`](ListRequest::budget) is used up, after some messages at
    /// least.
    async fn count(&self, request: &ListRequest) -> Result<MessageCount>;

    /// Reads the events of one message, oldest first, at most the last 1,000. Empty if the message
    /// is not in the scope.
    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>>;

    /// Reads the event log from a position on, in order. Never skips an event that is committed
    /// later at an earlier position. An event has the [owner](Event::owner) of its message.
    ///
    /// A call looks at a bounded number of events. With a filter the page may therefore be short,
    /// or empty, before the end of the log: as long as [`read_to`](EventPage::read_to) grows there
    /// may be more.
    async fn events(&self, request: &EventsRequest) -> Result<EventPage>;

    /// Finds the end of the event log, for a reader that is not interested in what was. Every event
    /// that is committed after the answer comes after this position. Earlier ones come before it,
    /// except while a transaction that began before them goes on.
    ///
    /// Takes the same time however long the log is.
    async fn log_end(&self, request: &LogEndRequest) -> Result<LogEnd>;

    /// Counts messages by state.
    async fn stats(&self, request: &StatsRequest) -> Result<Stats>;

    /// Lists provider ids that occur in receipts and match no message, newest first.
    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>>;
}

#[async_trait]
impl<T: Archive + ?Sized> Archive for Arc<T> {
    fn numbers(&self) -> NumberReader {
        (**self).numbers()
    }

    async fn get(&self, request: &MessageRequest) -> Result<Option<StoredMessage>> {
        (**self).get(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        (**self).list(request).await
    }

    async fn count(&self, request: &ListRequest) -> Result<MessageCount> {
        (**self).count(request).await
    }

    async fn timeline(&self, request: &MessageRequest) -> Result<Vec<Event>> {
        (**self).timeline(request).await
    }

    async fn events(&self, request: &EventsRequest) -> Result<EventPage> {
        (**self).events(request).await
    }

    async fn log_end(&self, request: &LogEndRequest) -> Result<LogEnd> {
        (**self).log_end(request).await
    }

    async fn stats(&self, request: &StatsRequest) -> Result<Stats> {
        (**self).stats(request).await
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        (**self).unmatched(request).await
    }
}
