//! The stop-list: phone numbers that nothing is sent to.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::error::Result;
use crate::message::phone::PhoneNumber;

/// Phone numbers that nothing is sent to, kept by a store next to its messages.
///
/// Optional for a store: without it there is no stop-list, and everything else works. A store that
/// has one looks every recipient up in the transactions of the message itself, so that no process
/// has to remember to do so.
///
/// # Contract
///
/// * **When a message is accepted**: [`Store::insert`](crate::Store::insert) answers
///   [`OnStopList`](crate::store::Inserted::OnStopList) for a recipient on the list, and stores
///   nothing. A replay of a message that was accepted before is answered as ever.
/// * **When it is sent**: [`Store::begin`](crate::Store::begin) marks a message of which the
///   recipient came onto the list in the meantime, and the worker records it as `failed` without a
///   call to the provider. A number that was added before a `begin` is marked in it.
/// * A number is on the list once. Adding it again replaces reason and author, and keeps the time.
/// * `add` and `remove` are durable when they return, and change all of their numbers or none.
/// * **Errors**: every method may answer `Unavailable` (retry) or `Internal` (an operator must
///   look).
///
/// ```
/// use sms_core::stop_list::{NewStop, StopList as _};
/// use sms_core::{ErrorKind, MemoryStore, Message, PhoneNumber, Sender};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = std::sync::Arc::new(MemoryStore::new());
/// let number = PhoneNumber::parse("+79251234567")?;
/// store.add(&[NewStop::new(number, "asked for it by phone", "operator")]).await?;
/// let sender = Sender::builder(store).build();
/// let refused = sender.send(Message::new("+79251234567", "hi")).await.unwrap_err();
/// assert_eq!(refused.fields()[0].code, "recipient_on_stop_list");
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait StopList: Debug + Send + Sync + 'static {
    /// Adds numbers. Returns how many of them were not on the list.
    async fn add(&self, stops: &[NewStop]) -> Result<usize>;

    /// Removes numbers. Returns how many of them were on the list.
    async fn remove(&self, numbers: &[PhoneNumber]) -> Result<usize>;

    /// Returns those of these numbers that are on the list, each once, in their order.
    async fn listed(&self, numbers: &[PhoneNumber]) -> Result<Vec<PhoneNumber>>;

    /// Lists numbers in their order.
    async fn page(&self, request: StopsRequest) -> Result<Vec<Stop>>;
}

/// A number to be put on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewStop {
    /// The number.
    pub number: PhoneNumber,
    /// The reason, in the words of the person who adds it.
    pub reason: String,
    /// The person or key that adds it.
    pub by: String,
}

impl NewStop {
    /// Puts a number on the list for this reason.
    pub fn new(number: PhoneNumber, reason: impl Into<String>, by: impl Into<String>) -> Self {
        Self { number, reason: reason.into(), by: by.into() }
    }
}

/// A number on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stop {
    /// The number.
    pub number: PhoneNumber,
    /// The reason.
    pub reason: String,
    /// The person or key that added it.
    pub by: String,
    /// Time at which it was added, by the store's clock.
    pub added_at: OffsetDateTime,
}

impl Stop {
    /// The entry of what was added at this time.
    pub fn new(stop: NewStop, added_at: OffsetDateTime) -> Self {
        let NewStop { number, reason, by } = stop;
        Self { number, reason, by, added_at }
    }
}

/// Request of [`StopList::page`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopsRequest {
    /// Numbers after this one. `None` by default: from the first.
    pub after: Option<PhoneNumber>,
    /// Only this number. `None` by default.
    pub number: Option<PhoneNumber>,
    /// Largest number of entries.
    pub limit: usize,
}

impl StopsRequest {
    /// Lists up to `limit` numbers, from the first.
    pub const fn new(limit: usize) -> Self {
        Self { after: None, number: None, limit }
    }

    /// Sets [`after`](Self::after).
    pub const fn after(mut self, after: PhoneNumber) -> Self {
        self.after = Some(after);
        self
    }

    /// Sets [`number`](Self::number).
    pub const fn number(mut self, number: PhoneNumber) -> Self {
        self.number = Some(number);
        self
    }
}

#[async_trait]
impl<T: StopList + ?Sized> StopList for Arc<T> {
    async fn add(&self, stops: &[NewStop]) -> Result<usize> {
        (**self).add(stops).await
    }

    async fn remove(&self, numbers: &[PhoneNumber]) -> Result<usize> {
        (**self).remove(numbers).await
    }

    async fn listed(&self, numbers: &[PhoneNumber]) -> Result<Vec<PhoneNumber>> {
        (**self).listed(numbers).await
    }

    async fn page(&self, request: StopsRequest) -> Result<Vec<Stop>> {
        (**self).page(request).await
    }
}
