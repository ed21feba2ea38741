//! The truth about every message.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use time::OffsetDateTime;

use crate::class::Class;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::inference::UnmatchedId;
use crate::message::{Fingerprint, MessageId, NewMessage, StoredMessage};
use crate::outcome::{AttemptState, Outcome, Verdict};
use crate::page::MessagePage;
use crate::phone::{NumberReader, PhoneNumber};
use crate::provider::{Polling, ProviderRef, Submission};
use crate::queue::Job;
use crate::receipt::{Receipt, ReceiptEffect};
use crate::state::Status;

/// A durable store of messages and their event log.
///
/// # Contract
///
/// * **Durability**: what a method has answered survives a kill of the process and a loss of power.
/// * **Atomicity**: each method is one transaction for its whole batch. Each transition is one
///   compare-and-set with the guard of [`TRANSITIONS`](crate::state::TRANSITIONS); an item whose
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
    /// unmatched provider id: the pairs that [`pairs`](crate::inference::pairs) finds. The receipts
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

/// How long an idempotency key is kept: a second message with it is the first one.
pub const KEY_WINDOW: Duration = Duration::from_hours(72);

/// What [`Store::insert`] is asked.
#[derive(Clone, Copy, Debug)]
pub struct InsertRequest<'a> {
    /// The messages.
    pub messages: &'a [NewMessage],
    /// How long [`Store::due`] leaves messages without a `send_at` alone, because the caller offers
    /// them to a queue itself; zero when it does not.
    pub push_after: Duration,
}

/// What became of one message of an [`InsertRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is stored under its id.
    Stored,
    /// Its key was used for the same content within [`KEY_WINDOW`]: this is that message. Nothing
    /// was stored.
    Replayed(MessageId),
    /// Its key was used for other content within [`KEY_WINDOW`]. Nothing was stored.
    KeyReused,
}

impl Inserted {
    /// What the holder of a key answers to a message under the same key.
    pub fn held_by((id, fingerprint): (MessageId, Fingerprint), message: &NewMessage) -> Self {
        if message.is_content_of(&fingerprint) { Self::Replayed(id) } else { Self::KeyReused }
    }
}

/// Request of [`Store::due`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueRequest {
    /// How many at most of each lane, by [`Lane::number`](crate::Lane::number).
    pub limits: [usize; 3],
    /// Not to be taken again before this has passed.
    pub again_after: Duration,
    /// Also takes what would be offered again within this time: what was offered to a queue that
    /// may have lost it. Zero by default.
    pub ahead: Duration,
}

impl DueRequest {
    /// Asks for up to `limits` messages by lane that are not to be taken again before `again_after`
    /// has passed.
    pub const fn new(limits: [usize; 3], again_after: Duration) -> Self {
        Self { limits, again_after, ahead: Duration::ZERO }
    }

    /// Sets [`ahead`](Self::ahead).
    pub const fn ahead(mut self, ahead: Duration) -> Self {
        self.ahead = ahead;
        self
    }
}

/// What [`Store::begin`] is asked.
#[derive(Clone, Copy, Debug)]
pub struct BeginRequest<'a> {
    /// Which messages. One named twice is begun once.
    pub ids: &'a [MessageId],
    /// The worker's name, unique among those that run.
    pub worker: &'a str,
    /// The worker's own number of this batch, unique within its name.
    pub batch: u64,
    /// The provider that is going to be asked.
    pub provider: &'a str,
    /// How long the lease is.
    pub lease: Duration,
}

/// A message a worker may now send: attempt `fence` is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// What to submit.
    pub submission: Submission,
    /// The number of this attempt, which marks the owner.
    pub fence: u32,
    /// What [`decide`](crate::outcome::decide) needs to know.
    pub attempt: AttemptState,
}

/// What [`Store::settle`] is told about one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Whose attempt.
    pub id: MessageId,
    /// Which attempt: [`Begun::fence`].
    pub fence: u32,
    /// The provider that was asked.
    pub provider: String,
    /// What it answered.
    pub outcome: Outcome,
    /// What follows from that.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
    /// For `Sent`: when to ask for a receipt first; `None` where nobody asks.
    pub poll_after: Option<Duration>,
}

/// What became of one [`Settlement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The attempt was the caller's: the message is in this state now (that of a joined receipt, if
    /// one waited).
    Now(Status),
    /// The attempt was not the caller's any more: the outcome is on record, the message is in this
    /// state.
    Late(Status),
    /// This outcome was recorded before, by a call whose answer was lost. Nothing was written.
    Known(Status),
    /// There is no such message.
    Gone,
}

/// Whose messages a call may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody's.
    #[default]
    All,
    /// This owner's.
    Owner(String),
}

impl Scope {
    /// Whether a message of this owner is in the scope.
    pub fn admits(&self, owner: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Owner(own) => owner == Some(own),
        }
    }
}

/// What [`Store::list`] is asked. Filters are joined by "and"; an empty one admits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Whose messages.
    pub scope: Scope,
    /// In any of these states.
    pub statuses: Vec<Status>,
    /// To this number.
    pub to: Option<PhoneNumber>,
    /// Whose text holds this, letter by letter; or whose number holds its digits, see
    /// [`NumberReader::search_digits`].
    pub search: Option<String>,
    /// Of this class.
    pub class: Option<Class>,
    /// With this reference.
    pub reference: Option<String>,
    /// Accepted at or after this.
    pub from_time: Option<OffsetDateTime>,
    /// Accepted before this.
    pub to_time: Option<OffsetDateTime>,
    /// Only messages older than this one: the last of the page before, or that down to which it was
    /// [searched](crate::MessagePage::searched_to).
    pub after: Option<MessageId>,
    /// How many at most.
    pub limit: usize,
    /// How long the store may look for them, give or take some milliseconds. With none, which is
    /// the default, it looks until the page is full or every message has been looked at: over
    /// millions of messages, seconds.
    pub budget: Option<Duration>,
}

/// What [`Store::resolve`] is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveRequest {
    /// Which message.
    pub id: MessageId,
    /// Whose messages the caller may resolve.
    pub scope: Scope,
    /// What the person knows or wants.
    pub resolution: Resolution,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Which unmatched provider ids [`Store::unmatched`] is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedRequest {
    /// Of this provider.
    pub provider: Option<String>,
    /// Whose first receipt was made at or after this.
    pub from_time: Option<OffsetDateTime>,
    /// Whose first receipt was made at or before this.
    pub to_time: Option<OffsetDateTime>,
    /// How many at most.
    pub limit: usize,
}

impl UnmatchedRequest {
    /// Whether it asks for this one.
    pub fn admits(&self, id: &UnmatchedId) -> bool {
        self.provider.as_ref().is_none_or(|provider| *provider == id.provider)
            && self.from_time.is_none_or(|from| id.made_at >= from)
            && self.to_time.is_none_or(|to| id.made_at <= to)
    }

    /// The answer, from all ids in the order in which they came.
    pub fn select(&self, mut ids: Vec<UnmatchedId>) -> Vec<UnmatchedId> {
        ids.retain(|id| self.admits(id));
        ids.reverse();
        ids.truncate(self.limit);
        ids
    }
}

/// How a person settles an unknown message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It did go out.
    Sent {
        /// Under this id of the provider, where that is known.
        provider_id: Option<String>,
    },
    /// It did not go out and shall not.
    Failed,
    /// Send it again; it may arrive twice.
    Resend,
}

impl Resolution {
    /// The state it leads to.
    pub const fn status(&self) -> Status {
        match self {
            Self::Sent { .. } => Status::Sent,
            Self::Failed => Status::Failed,
            Self::Resend => Status::Queued,
        }
    }
}

/// The error for a provider id that another message bears already.
pub fn provider_id_taken() -> Error {
    Error::new(ErrorKind::Conflict, "another message bears this provider id")
}

/// What [`Store::cancel`] is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRequest {
    /// Which message.
    pub id: MessageId,
    /// Whose messages the caller may cancel.
    pub scope: Scope,
    /// Who.
    pub by: String,
}

/// Which messages [`Store::stats`] counts, by the time they were accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsRange {
    /// Whose messages.
    pub scope: Scope,
    /// At or after this.
    pub from_time: Option<OffsetDateTime>,
    /// Before this.
    pub to_time: Option<OffsetDateTime>,
}

/// Counts by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// By [`Status::number`].
    pub counts: [u64; Status::ALL.len()],
}

impl Stats {
    /// How many messages are in this state.
    pub const fn count(&self, status: Status) -> u64 {
        self.counts[status.number() as usize]
    }
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
