//! Durable storage of messages and their event log: the [`Store`] trait, and [`Archive`], its
//! part that only reads.

pub mod archive;
pub mod awaiting;
pub mod begin;
pub mod bulk;
pub mod count;
pub mod decision;
pub mod event;
pub mod inference;
pub mod ledger;
pub mod migration_plan;
pub mod new_event;
pub mod page;
pub mod parts;
pub mod purge;
pub mod queries;
pub mod requests;
pub mod retry;
pub mod schema;
pub mod status;
pub mod timeline;
pub mod transition;

use std::sync::Arc;

use async_trait::async_trait;

pub use self::archive::Archive;
pub use self::awaiting::{AwaitingRequest, QueryPurpose};
pub use self::begin::{BeginRequest, Begun, CLOCK_DIFFERENCE};
pub use self::bulk::{BulkAction, BulkChange, BulkResult};
pub use self::purge::{PurgeRequest, RoutePurgeRequest};
pub use self::queries::{
    EventPage, EventsRequest, ListRequest, LogEnd, LogEndRequest, MessageRequest, Scope, Stats,
    StatsRequest, UnmatchedRequest,
};
pub use self::requests::{
    Acceptance, AcceptanceTimes, CancelRequest, DueRequest, ExpireRequest, InferRequest,
    InsertRequest, Inserted, KEY_WINDOW, ReceiptEffect, RescueRequest, Resolution, ResolveRequest,
    Settled, Settlement, provider_id_taken,
};
use self::status::Status;
use crate::error::Result;
use crate::message::{MessageId, NewMessage};
use crate::provider::receipt::Receipt;
use crate::provider::status_queries::ProviderRef;
use crate::queue::Job;

/// Durable storage of messages: the state machine.
///
/// # Contract
///
/// * **Durability**: what a method has answered survives a kill of the process and a loss of power.
/// * **Atomicity**: each method is one transaction for its whole batch. Each transition is one
///   compare-and-set with the guard of [`TRANSITIONS`](status::TRANSITIONS); an item with a guard
///   that does not hold is left out or answered as such, and never affects the others.
/// * **Retries**: a call that lost its answer can be repeated with the same request; together they
///   have the effect of one call. `insert` is repeated with the same ids, `begin` with the same
///   worker and batch.
/// * **Time** is the store's own clock, for every node that shares it. It never goes back. Setting
///   the wall clock makes nothing due and ends no lease: see
///   [`StoreClock`](crate::clock::StoreClock).
/// * **Cancellation**: a dropped call has happened whole or not at all.
/// * **Errors**: every method may answer `Unavailable` (retry) or `Internal` (an operator must
///   look).
///
/// ```
/// use sms_core::store::{CancelRequest, InsertRequest, ListRequest};
/// use sms_core::{Archive as _, MemoryStore, Message, Status, Store as _};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let message = Message::new("+7 925 123-45-67", "Ваш заказ готов").prepare()?;
/// store.insert(InsertRequest::new(&[message])).await?;
///
/// let waiting = store.list(&ListRequest::new(10).statuses([Status::Queued])).await?.messages;
/// let id = waiting[0].message.id;
/// let status = store.cancel(CancelRequest::new(id, "an operator")).await?;
/// assert_eq!(status, Status::Cancelled);
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Store: Archive {
    /// Inserts messages, `∅ → queued`. One result each, in order.
    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>>;

    /// Looks the idempotency keys of messages up, without writing: the results that an insert would
    /// give, [`Replayed`](Inserted::Replayed) or [`KeyReused`](Inserted::KeyReused); `None` for a
    /// message with an unused key, or without one. One result each, in order.
    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>>;

    /// Claims due messages of one route to offer to a queue, by lane, then by time since the last
    /// offer. A claimed message is not returned again before `again_after`. Messages past their
    /// deadline are left to [`expire`](Self::expire).
    async fn due(&self, request: DueRequest) -> Result<Vec<Job>>;

    /// Begins an attempt, `queued → sending`, of each message of the route that is due within
    /// [`CLOCK_DIFFERENCE`] and not past its deadline; the others are left out and stay as they
    /// are. The provider is recorded. The order is free.
    ///
    /// Repeated with the same `worker` and `batch` it returns what the first call began.
    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>>;

    /// Records outcomes of attempts. If the fence is still the caller's and the message is
    /// `sending`, the [verdict](Settlement::verdict) is carried out; otherwise the outcome is
    /// recorded as late, and moves the message only as the table allows. One result each, in order.
    ///
    /// A message that becomes `sent` joins the receipts that were parked under its provider id, or
    /// under the id of each of its [parts].
    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>>;

    /// Ends leases that are over: `sending → unknown`, or `sending → queued` if the policy allows a
    /// resend.
    async fn rescue(&self, request: RescueRequest) -> Result<Vec<MessageId>>;

    /// Ends messages past their deadline: `queued → expired`, or `queued → unknown` after an
    /// earlier attempt of unknown outcome.
    async fn expire(&self, request: ExpireRequest) -> Result<Vec<MessageId>>;

    /// Applies receipts, monotonically and idempotently. One result each, in order. A message is
    /// found under every provider id that one of its attempts was accepted under. Of several
    /// [parts], all must be delivered for the message to be; one that is not ends it. A receipt
    /// with an unknown provider id is kept until the id is known, or it is purged.
    ///
    /// The cost of a message is set by the first receipt that has one and never changes. A message
    /// that ends with a receipt that leaves the [cost to a query](Receipt::cost_later) is noted for
    /// [`awaiting_receipt`](Self::awaiting_receipt).
    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>>;

    /// Claims sent messages of a route that are due for a status query, and schedules the next one.
    /// For a message with several [parts], returns each part without a final state. Messages older
    /// than [`Polling::give_up`](crate::provider::Polling::give_up) are given up, which is an
    /// event.
    ///
    /// With the [purpose](QueryPurpose) `Cost` it claims messages that ended and are noted for a
    /// query about their cost. They are noted until a receipt has the cost, or
    /// [`COST_QUERIES`](transition::COST_QUERIES) queries had no answer, or a receipt that does not
    /// leave the cost to a query came without it.
    async fn awaiting_receipt(&self, request: AwaitingRequest) -> Result<Vec<ProviderRef>>;

    /// Matches unknown messages with unmatched provider ids, `unknown → sent`: the pairs found by
    /// [`pairs`](inference::pairs). The receipts that waited are joined.
    async fn infer(&self, request: InferRequest) -> Result<Vec<MessageId>>;

    /// Settles an unknown message for an operator, `unknown → sent | failed | queued`. One that is
    /// sent under a provider id joins the receipts that were parked under it. Returns the new
    /// state.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` when the message is not unknown, or another message has this provider
    /// id.
    async fn resolve(&self, request: ResolveRequest) -> Result<Status>;

    /// Cancels a message, `queued → cancelled`, or `queued → unknown` after an earlier attempt of
    /// unknown outcome. Returns the new state.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` when the message is not queued any more.
    async fn cancel(&self, request: CancelRequest) -> Result<Status>;

    /// Cancels or resolves many messages for an operator, each by the rules of
    /// [`cancel`](Self::cancel) or [`resolve`](Self::resolve). One result each, in order.
    ///
    /// A message is changed once by one [job](BulkChange::job), whatever has happened to it since:
    /// the log says so, and the call can be repeated at any time.
    async fn change_all(&self, request: BulkChange) -> Result<Vec<BulkResult>>;

    /// Removes messages that are neither queued nor sending and last changed longer ago than
    /// [`older_than`](PurgeRequest::older_than), with their events and keys, and parked receipts of
    /// the same age. Returns the number of messages removed. An age below [`KEY_WINDOW`] ends keys
    /// early; the caretaker never asks for that.
    async fn purge(&self, request: PurgeRequest) -> Result<usize>;

    /// Removes messages of one route that are neither queued nor sending, last changed longer ago
    /// than [`older_than`](RoutePurgeRequest::older_than) and are not among its
    /// [newest](RoutePurgeRequest::keep_newest), by their ids; with their events and keys, oldest
    /// first. Returns the number of messages removed: none for the default route, which has no
    /// index for this.
    async fn purge_route(&self, request: RoutePurgeRequest) -> Result<usize>;
}

#[async_trait]
impl<T: Store + ?Sized> Store for Arc<T> {
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

    async fn rescue(&self, request: RescueRequest) -> Result<Vec<MessageId>> {
        (**self).rescue(request).await
    }

    async fn expire(&self, request: ExpireRequest) -> Result<Vec<MessageId>> {
        (**self).expire(request).await
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        (**self).apply_receipts(receipts).await
    }

    async fn awaiting_receipt(&self, request: AwaitingRequest) -> Result<Vec<ProviderRef>> {
        (**self).awaiting_receipt(request).await
    }

    async fn infer(&self, request: InferRequest) -> Result<Vec<MessageId>> {
        (**self).infer(request).await
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        (**self).resolve(request).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        (**self).cancel(request).await
    }

    async fn change_all(&self, request: BulkChange) -> Result<Vec<BulkResult>> {
        (**self).change_all(request).await
    }

    async fn purge(&self, request: PurgeRequest) -> Result<usize> {
        (**self).purge(request).await
    }

    async fn purge_route(&self, request: RoutePurgeRequest) -> Result<usize> {
        (**self).purge_route(request).await
    }
}
