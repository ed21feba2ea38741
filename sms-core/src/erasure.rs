//! Erasure: removes the recipient and the text of messages, and keeps the fact that they were sent.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::message::MessageId;
use crate::message::phone::PhoneNumber;
use crate::store::status::Status;
use crate::store::{BulkResult, Scope};

/// Erasure of personal data, by a store.
///
/// Optional for a store: without it nothing is erased before it is [purged](crate::Store::purge).
///
/// # Contract
///
/// * **An erased message** keeps its id, owner, class, route, status, times, attempts, parts, codes
///   and provider ids. It loses its number ([`PhoneNumber::ERASED`] stands for it), text,
///   reference, metadata, options and idempotency key, the reasons of its status and of a resend,
///   and the texts of its events. Its key is free again.
/// * **Messages that still need their recipient** stay as they are: those that are `queued`,
///   `sending` or `unknown`. The guard is in the statement that writes.
/// * **Retries**: erasing what is erased changes nothing and is answered as the first time.
/// * **Bounded**: each call is one short step; the caller repeats it.
/// * The [stop-list](crate::StopList), keys and rules that name a number stay: they are settings.
/// * **Errors**: every method may answer `Unavailable` (retry) or `Internal` (an operator must
///   look).
///
/// ```
/// use sms_core::erasure::{EraseNumber, Erasure as _};
/// use sms_core::store::{CancelRequest, MessageRequest};
/// use sms_core::{Archive as _, MemoryStore, Message, PhoneNumber, Sender, Store as _};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = std::sync::Arc::new(MemoryStore::new());
/// let id = Sender::builder(store.clone()).build().send(Message::new("+79251234567", "hi")).await?;
/// let number = PhoneNumber::parse("+79251234567")?;
/// // It is going to be sent, so it keeps its number.
/// assert_eq!(store.erase_number(EraseNumber::new(number, 100)).await?.remaining, 1);
///
/// store.cancel(CancelRequest::new(id, "an operator")).await?;
/// assert_eq!(store.erase_number(EraseNumber::new(number, 100)).await?.messages, 1);
/// let message = store.get(&MessageRequest::new(id)).await?.expect("the fact stays").message;
/// assert!(message.is_erased() && message.text.is_empty());
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Erasure: Debug + Send + Sync + 'static {
    /// Erases messages. One result each, in order: [`Done`](BulkResult::Done) for one that is
    /// erased now.
    async fn erase(&self, request: EraseMessages) -> Result<Vec<BulkResult>>;

    /// Erases a number: a step over its messages and, when these are done, over receipts that
    /// contain its digits and over ended items of worklists that contain it in any spelling: its
    /// [common digits](crate::NumberReader::common_digits), also with [`SEPARATORS`] between them.
    async fn erase_number(&self, request: EraseNumber) -> Result<ErasedNumber>;

    /// Removes the texts of old messages, and nothing else: a step over the messages after a
    /// position, in the order of their ids.
    async fn remove_texts(&self, request: RemoveTexts) -> Result<RemovedTexts>;
}

/// Characters that people write between the digits of a number. An erasure looks for a number in
/// items as if they were not there. The last two digits are looked for as they are: few items have
/// them, and only those are searched with more effort.
pub const SEPARATORS: [char; 8] = [' ', '-', '.', '(', ')', '\u{a0}', '\u{2009}', '\u{202f}'];

/// Returns the last two digits of a number, which nobody separates.
pub fn ending(digits: &str) -> &str {
    digits.get(digits.len().saturating_sub(2)..).unwrap_or(digits)
}

/// Returns true if a message in this status may still have to be sent.
pub const fn needs_recipient(status: Status) -> bool {
    matches!(status, Status::Queued | Status::Sending | Status::Unknown)
}

/// Request of [`Erasure::erase`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EraseMessages {
    /// Ids of the messages.
    pub ids: Vec<MessageId>,
    /// Messages that the caller may erase. All by default.
    pub scope: Scope,
}

impl EraseMessages {
    /// Erases these messages.
    pub const fn new(ids: Vec<MessageId>) -> Self {
        Self { ids, scope: Scope::All }
    }

    /// Sets [`scope`](Self::scope).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

/// Request of [`Erasure::erase_number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EraseNumber {
    /// The number.
    pub number: PhoneNumber,
    /// Largest number of messages, and of items, of one step.
    pub limit: usize,
}

impl EraseNumber {
    /// Erases a number from up to `limit` messages.
    pub const fn new(number: PhoneNumber, limit: usize) -> Self {
        Self { number, limit }
    }
}

/// Result of [`Erasure::erase_number`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasedNumber {
    /// Number of messages that were erased.
    pub messages: usize,
    /// Number of receipts of no known message that were removed.
    pub receipts: usize,
    /// Number of items of worklists that were emptied.
    pub items: usize,
    /// Number of messages that keep the number, because they may still be sent; at most
    /// [`MAX_REMAINING`]. Zero while there is more to do.
    pub remaining: usize,
    /// True if there may be more to do.
    pub has_more: bool,
}

/// Largest number that is counted as [`ErasedNumber::remaining`].
pub const MAX_REMAINING: usize = 1000;

/// Request of [`Erasure::remove_texts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoveTexts {
    /// Time since the last change that a message has at least.
    pub older_than: Duration,
    /// The position: messages with greater ids are examined. `None` by default: from the first.
    pub after: Option<MessageId>,
    /// Largest number of messages that are examined.
    pub limit: usize,
}

impl RemoveTexts {
    /// Examines up to `limit` messages, from the first.
    pub const fn new(older_than: Duration, limit: usize) -> Self {
        Self { older_than, after: None, limit }
    }

    /// Sets [`after`](Self::after).
    pub const fn after(mut self, after: Option<MessageId>) -> Self {
        self.after = after;
        self
    }
}

/// Result of [`Erasure::remove_texts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemovedTexts {
    /// Number of messages that lost their text.
    pub removed: usize,
    /// The position of the next step.
    pub position: Option<MessageId>,
    /// True if there may be older messages after the position.
    pub has_more: bool,
}

#[async_trait]
impl<T: Erasure + ?Sized> Erasure for Arc<T> {
    async fn erase(&self, request: EraseMessages) -> Result<Vec<BulkResult>> {
        (**self).erase(request).await
    }

    async fn erase_number(&self, request: EraseNumber) -> Result<ErasedNumber> {
        (**self).erase_number(request).await
    }

    async fn remove_texts(&self, request: RemoveTexts) -> Result<RemovedTexts> {
        (**self).remove_texts(request).await
    }
}
