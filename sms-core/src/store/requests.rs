//! Requests and results of the methods of a [`Store`](crate::Store).

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use super::decision::{AttemptState, Verdict};
use super::inference::UnmatchedId;
use super::status::Status;
use crate::error::{Error, ErrorKind};
use crate::message::phone::PhoneNumber;
use crate::message::{Class, Fingerprint, MessageId, NewMessage};
use crate::provider::outcome::Outcome;
use crate::provider::submission::Submission;

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
    /// What [`decide`](crate::store::decision::decide) needs to know.
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

/// What [`Store::apply_receipts`](crate::Store::apply_receipts) did with one receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptEffect {
    /// Recorded; this message changed its state or learned a new code.
    Applied(MessageId),
    /// Recorded; it contradicts the end of the message, which keeps its state.
    Contradicted,
    /// Known already, or overtaken by a final state. Nothing was written.
    Ignored,
    /// No message bears this provider id yet. Kept until one does.
    Parked,
}
