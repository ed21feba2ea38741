//! Durable storage of messages and their event log: the [`Store`] trait.

pub mod decision;
pub mod event;
pub mod inference;
pub mod ledger;
pub mod new_event;
pub mod page;
pub mod requests;
pub mod retry;
pub mod schema;
pub mod status;
pub mod timeline;
pub mod transition;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::event::Event;
use self::inference::UnmatchedId;
use self::page::MessagePage;
pub use self::requests::{
    BeginRequest, Begun, CancelRequest, DueRequest, InsertRequest, Inserted, KEY_WINDOW,
    ListRequest, ReceiptEffect, Resolution, ResolveRequest, Scope, Settled, Settlement, Stats,
    StatsRange, UnmatchedRequest, provider_id_taken,
};
use self::status::Status;
use crate::error::Result;
use crate::message::phone::NumberReader;
use crate::message::{MessageId, NewMessage, StoredMessage};
use crate::provider::receipt::Receipt;
use crate::provider::status_queries::{Polling, ProviderRef};
use crate::queue::Job;

/// A durable store of messages and their event log.
///
/// # Contract
///
/// * **Durability**: what a method has answered survives a kill of the process and a loss of power.
/// * **Atomicity**: each method is one transaction for its whole batch. Each transition is one
///   compare-and-set with the guard of [`TRANSITIONS`](crate::store::status::TRANSITIONS); an item whose
///   guard does not hold is left out or answered as such, and never spoils the others.
/// * **Repeats**: a method whose answer was lost can be called again with the same request; the
///   effect is that of one call. `insert` is repeated with the same ids, `begin` with the same
///   worker and batch.
/// * **Time** is the store's own clock, for every node that shares it. It never goes back, and a
///   wall clock that is set moves nothing that waits and ends no lease: see
///   [`StoreClock`](crate::clock::StoreClock).
/// * **Cancellation**: a dropped call has happened whole or not at all.
/// * **Errors**: every method may answer `Unavailable` (repeat it) or `Internal` (a person must
///   look).
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// The reader of numbers: its region is part of the store's configuration, and so the same for
    /// every part of the program that reads one.
    fn numbers(&self) -> NumberReader;

    /// `∅ → queued`, for each message. One answer each, in order.
    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>>;

    /// The answers that an insert would give because of the keys of `messages`:
    /// [`Replayed`](Inserted::Replayed) or [`KeyReused`](Inserted::KeyReused), `None` for a key
    /// that is free and for none. One each, in order. Nothing is written.
    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>>;

    /// Takes queued messages that are due and have not been offered to a queue for a while, urgent
    /// lane first and those that wait longest for an offer first, and notes that they are being
    /// offered: they are not taken again before `again_after`. One past its deadline is left to
    /// [`expire`](Self::expire).
    async fn due(&self, request: DueRequest) -> Result<Vec<Job>>;

    /// `queued → sending` for those of `ids` whose guard holds; the others are left out. The order
    /// is free.
    ///
    /// Repeated with the same `worker` and `batch` it answers with what the first call began.
    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>>;

    /// Writes the outcome of attempts. Where the fence is still the caller's and the message is
    /// `sending`, the [verdict](Settlement::verdict) is carried out; otherwise the outcome is
    /// recorded as late, and moves the message only as the table allows. One answer each, in order.
    ///
    /// A message that becomes `sent` joins the receipts that were parked under its provider id.
    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>>;

    /// `sending → unknown` for up to `limit` messages whose lease is over, or `sending → queued`
    /// where the policy allows a resend.
    async fn rescue(&self, limit: usize) -> Result<Vec<MessageId>>;

    /// `queued → expired` for up to `limit` messages past their deadline; `queued → unknown` for
    /// those with an earlier attempt of unknown outcome.
    async fn expire(&self, limit: usize) -> Result<Vec<MessageId>>;

    /// Applies receipts, monotonically and idempotently. One answer each, in order. A message is
    /// reached under every provider id that one of its attempts was accepted under. A receipt whose
    /// provider id is unknown is kept until one is, or it is purged.
    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>>;

    /// Takes up to `limit` sent messages for which a status query is due, and notes when the next
    /// one is. Messages older than [`Polling::give_up`] are given up, which their timeline says.
    async fn awaiting_receipt(&self, polling: &Polling, limit: usize) -> Result<Vec<ProviderRef>>;

    /// `unknown → sent` for messages that are [taken](crate::inference) to be those with an
    /// unmatched provider id: the pairs that [`pairs`](crate::store::inference::pairs) finds. The receipts
    /// that waited are joined.
    async fn infer(&self, quiet: Duration) -> Result<Vec<MessageId>>;

    /// The provider ids that receipts bear and no message has, those that came last first.
    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>>;

    /// `unknown → sent | failed | queued`, by a person. One that is sent under a provider id joins
    /// the receipts that were parked under it.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` when the message is not unknown.
    async fn resolve(&self, request: ResolveRequest) -> Result<Status>;

    /// `queued → cancelled`, or `queued → unknown` after an earlier attempt of unknown outcome.
    /// Answers with the new state.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` when the message is not queued any more.
    async fn cancel(&self, request: CancelRequest) -> Result<Status>;

    /// One message; `None` when there is none in this scope.
    async fn get(&self, id: MessageId, scope: &Scope) -> Result<Option<StoredMessage>>;

    /// Messages, newest first. A filter that no index serves is a search from the newest message
    /// back, which ends when the page is full or the request's [`budget`](ListRequest::budget) is
    /// used up. However small that is, each call gets on by some messages, and skips none.
    async fn list(&self, request: &ListRequest) -> Result<MessagePage>;

    /// The events of one message, oldest first, at most the last 1,000.
    async fn timeline(&self, id: MessageId) -> Result<Vec<Event>>;

    /// Up to `limit` events of all messages after position `seq`, in order. Never skips one that is
    /// committed later under an earlier position.
    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Event>>;

    /// How many messages are in each state, of those accepted in the range.
    async fn stats(&self, range: &StatsRange) -> Result<Stats>;

    /// Removes up to `limit` messages that are neither queued nor sending and last changed longer
    /// ago than `older_than`, with their events and keys; and parked receipts as old. Answers how
    /// many messages are gone. An `older_than` under [`KEY_WINDOW`] cuts the life of keys short;
    /// the caretaker never asks for that.
    async fn purge(&self, older_than: Duration, limit: usize) -> Result<usize>;
}

#[async_trait]
impl<T: Store + ?Sized> Store for Arc<T> {
    fn numbers(&self) -> NumberReader {
        (**self).numbers()
    }

    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        (**self).insert(request).await
    }

    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        (**self).replays(messages).await
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        (**self).due(request).await
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        (**self).begin(request).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        (**self).settle(settlements).await
    }

    async fn rescue(&self, limit: usize) -> Result<Vec<MessageId>> {
        (**self).rescue(limit).await
    }

    async fn expire(&self, limit: usize) -> Result<Vec<MessageId>> {
        (**self).expire(limit).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        (**self).apply_receipts(receipts).await
    }

    async fn awaiting_receipt(&self, polling: &Polling, limit: usize) -> Result<Vec<ProviderRef>> {
        (**self).awaiting_receipt(polling, limit).await
    }

    async fn infer(&self, quiet: Duration) -> Result<Vec<MessageId>> {
        (**self).infer(quiet).await
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        (**self).unmatched(request).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        (**self).resolve(request).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        (**self).cancel(request).await
    }

    async fn get(&self, id: MessageId, scope: &Scope) -> Result<Option<StoredMessage>> {
        (**self).get(id, scope).await
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        (**self).list(request).await
    }

    async fn timeline(&self, id: MessageId) -> Result<Vec<Event>> {
        (**self).timeline(id).await
    }

    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        (**self).events_after(seq, limit).await
    }

    async fn stats(&self, range: &StatsRange) -> Result<Stats> {
        (**self).stats(range).await
    }

    async fn purge(&self, older_than: Duration, limit: usize) -> Result<usize> {
        (**self).purge(older_than, limit).await
    }
}
