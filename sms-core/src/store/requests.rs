//! Requests and results of the state machine: the methods of a [`Store`](crate::Store).
//!
//! Requests of the methods that only read stand in [`queries`](super::queries).

use std::time::Duration;

use time::OffsetDateTime;

use super::decision::Verdict;
use super::queries::Scope;
use super::status::Status;
use crate::clock::{UnixMs, datetime_from_ms};
use crate::error::{Error, ErrorKind, FieldError, Result};
use crate::lane::PerLane;
use crate::message::{Fingerprint, MessageId, NewMessage, Route, TraceParent};
use crate::provider::outcome::Outcome;

/// Lifetime of an idempotency key: a second message with the same key is a replay of the first one.
pub const KEY_WINDOW: Duration = Duration::from_hours(72);

/// Request of [`Store::insert`](crate::Store::insert).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct InsertRequest<'a> {
    /// The messages.
    pub messages: &'a [NewMessage],
    /// For this time [`Store::due`](crate::Store::due) leaves messages of the default route without
    /// a `send_at` alone, because the caller pushes them to a queue itself. Zero by default.
    pub push_after: Duration,
}

impl<'a> InsertRequest<'a> {
    /// Inserts these messages; the caller does not push them.
    pub const fn new(messages: &'a [NewMessage]) -> Self {
        Self { messages, push_after: Duration::ZERO }
    }

    /// Sets [`push_after`](Self::push_after).
    pub const fn push_after(mut self, push_after: Duration) -> Self {
        self.push_after = push_after;
        self
    }
}

/// Result for one message of an [`InsertRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is stored under its id, at these times.
    Stored(AcceptanceTimes),
    /// Its key was used for the same content within [`KEY_WINDOW`]: this is that message. Nothing
    /// was stored.
    Replayed(MessageId),
    /// Its key was used for other content within [`KEY_WINDOW`]. Nothing was stored.
    KeyReused,
    /// Its recipient is on the [stop-list](crate::StopList). Nothing was stored.
    OnStopList,
}

impl Inserted {
    /// True if the message is stored under its own id.
    pub const fn is_stored(&self) -> bool {
        matches!(self, Self::Stored(_))
    }

    /// Compares a message with the holder of its key: a replay, or other content.
    pub fn held_by((id, fingerprint): (MessageId, Fingerprint), message: &NewMessage) -> Self {
        if message.is_content_of(&fingerprint) { Self::Replayed(id) } else { Self::KeyReused }
    }

    /// The answer to the caller that sent the message with this id.
    ///
    /// # Errors
    ///
    /// [`KeyReused`](ErrorKind::KeyReused) where the key belongs to other content; `Invalid`, with
    /// the field `to`, for a recipient on the stop-list.
    pub fn into_accepted(self, id: MessageId) -> Result<Acceptance> {
        match self {
            Self::Stored(times) => Ok(Acceptance { id, times: Some(times) }),
            Self::Replayed(id) => Ok(Acceptance { id, times: None }),
            Self::KeyReused => Err(Error::new(
                ErrorKind::KeyReused,
                "the idempotency key was used before for other content",
            )),
            Self::OnStopList => {
                Err(FieldError::new("to", "recipient_on_stop_list", "is on the stop-list").into())
            }
        }
    }
}

/// An accepted message: it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Its id; that of the first message if this was a replay.
    pub id: MessageId,
    /// The times of the message; `None` if it was accepted before under the same key, so that
    /// nothing was stored now.
    pub times: Option<AcceptanceTimes>,
}

/// Times of a message at its acceptance, by the clock of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptanceTimes {
    /// The time at which it was stored.
    pub created_at: OffsetDateTime,
    /// The time of its first attempt.
    pub due_at: OffsetDateTime,
}

impl AcceptanceTimes {
    /// Times in milliseconds since the Unix epoch.
    pub fn from_ms(created_at: UnixMs, due_at: UnixMs) -> Self {
        Self { created_at: datetime_from_ms(created_at), due_at: datetime_from_ms(due_at) }
    }
}

/// Request of [`Store::due`](crate::Store::due).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueRequest {
    /// Largest number of messages of each lane.
    pub limits: PerLane<usize>,
    /// A claimed message is not returned again before this time has passed.
    pub again_after: Duration,
    /// Also claims what would be returned again within this time: messages that were pushed to a
    /// queue that may have lost them. Zero by default.
    pub ahead: Duration,
    /// Route of the messages. [`Route::DEFAULT`] by default.
    pub route: Route,
}

impl DueRequest {
    /// Claims up to `limits` messages by lane, not to be returned again before `again_after`.
    pub fn new(limits: impl Into<PerLane<usize>>, again_after: Duration) -> Self {
        Self { limits: limits.into(), again_after, ahead: Duration::ZERO, route: Route::DEFAULT }
    }

    /// Sets [`ahead`](Self::ahead).
    pub const fn ahead(mut self, ahead: Duration) -> Self {
        self.ahead = ahead;
        self
    }

    /// Sets [`route`](Self::route).
    pub fn route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }
}

/// Outcome of one attempt, for [`Store::settle`](crate::Store::settle).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement {
    /// Id of the message.
    pub id: MessageId,
    /// Number of the attempt: [`Begun::fence`](super::Begun::fence).
    pub fence: u32,
    /// Name of the provider that answered.
    pub provider: String,
    /// The provider's answer.
    pub outcome: Outcome,
    /// Decision that follows from the answer.
    pub verdict: Verdict,
    /// Duration of the call. Zero by default.
    pub took: Duration,
    /// For `Sent`: time until the first status query; `None`, the default, if the provider is
    /// never asked.
    pub poll_after: Option<Duration>,
    /// Span in which the message was accepted, for log lines. `None` by default.
    pub traceparent: Option<TraceParent>,
}

impl Settlement {
    /// The outcome of attempt `fence`, and the decision about it.
    pub fn new(
        id: MessageId,
        fence: u32,
        provider: impl Into<String>,
        outcome: Outcome,
        verdict: Verdict,
    ) -> Self {
        let provider = provider.into();
        let (took, poll_after, traceparent) = (Duration::ZERO, None, None);
        Self { id, fence, provider, outcome, verdict, took, poll_after, traceparent }
    }

    /// Sets [`took`](Self::took).
    pub const fn took(mut self, took: Duration) -> Self {
        self.took = took;
        self
    }

    /// Sets [`poll_after`](Self::poll_after).
    pub fn poll_after(mut self, poll_after: impl Into<Option<Duration>>) -> Self {
        self.poll_after = poll_after.into();
        self
    }

    /// Sets [`traceparent`](Self::traceparent).
    pub fn traceparent(mut self, parent: impl Into<Option<TraceParent>>) -> Self {
        self.traceparent = parent.into();
        self
    }
}

/// Result of one [`Settlement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The caller owned the attempt: the message is in this state now (that of a joined receipt, if
    /// one waited).
    Now(Status),
    /// The caller did not own the attempt any more: the outcome is on record, the message is in
    /// this state.
    Late(Status),
    /// This outcome was recorded before, by a call that lost its answer. Nothing was written.
    Known(Status),
    /// There is no such message.
    Gone,
}

/// Request of [`Store::rescue`](crate::Store::rescue).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RescueRequest {
    /// Largest number of messages.
    pub limit: usize,
}

impl RescueRequest {
    /// Rescues up to `limit` messages.
    pub const fn new(limit: usize) -> Self {
        Self { limit }
    }
}

/// Request of [`Store::expire`](crate::Store::expire).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpireRequest {
    /// Largest number of messages.
    pub limit: usize,
}

impl ExpireRequest {
    /// Expires up to `limit` messages.
    pub const fn new(limit: usize) -> Self {
        Self { limit }
    }
}

/// Request of [`Store::infer`](crate::Store::infer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InferRequest {
    /// Age that attempts and receipts have at least: until then a late answer may still come.
    pub min_age: Duration,
}

impl InferRequest {
    /// Considers what is at least this old.
    pub const fn new(min_age: Duration) -> Self {
        Self { min_age }
    }
}

/// Request of [`Store::resolve`](crate::Store::resolve).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolveRequest {
    /// Id of the message.
    pub id: MessageId,
    /// Messages that the caller may resolve. All by default.
    pub scope: Scope,
    /// Fact or wish of the operator.
    pub resolution: Resolution,
    /// Name of the operator.
    pub by: String,
    /// The operator's reason.
    pub reason: String,
}

impl ResolveRequest {
    /// Resolves a message in the name of `by`.
    pub fn new(
        id: MessageId,
        resolution: Resolution,
        by: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self { id, scope: Scope::All, resolution, by: by.into(), reason: reason.into() }
    }

    /// Sets [`scope`](Self::scope).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

/// Settlement of an unknown message by an operator.
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

/// Request of [`Store::cancel`](crate::Store::cancel).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CancelRequest {
    /// Id of the message.
    pub id: MessageId,
    /// Messages that the caller may cancel. All by default.
    pub scope: Scope,
    /// Name of the caller.
    pub by: String,
}

impl CancelRequest {
    /// Cancels a message in the name of `by`.
    pub fn new(id: MessageId, by: impl Into<String>) -> Self {
        Self { id, scope: Scope::All, by: by.into() }
    }

    /// Sets [`scope`](Self::scope).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

/// Result for one receipt of [`Store::apply_receipts`](crate::Store::apply_receipts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptEffect {
    /// Recorded; this message, or one of its parts, changed its state or learned a new code.
    Applied(MessageId),
    /// Recorded; only the cost of this message was new.
    CostKnown(MessageId),
    /// Recorded; it contradicts the end of the message or of the part, which keeps its state.
    Contradicted,
    /// Known already, or overtaken by a final state. Nothing was written.
    Ignored,
    /// No message bears this provider id yet. Kept until one does.
    Parked,
}

impl ReceiptEffect {
    /// The name used in logs and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied(_) => "applied",
            Self::CostKnown(_) => "cost_known",
            Self::Contradicted => "contradicted",
            Self::Ignored => "ignored",
            Self::Parked => "parked",
        }
    }
}

/// The error for a provider id that another message bears already.
pub fn provider_id_taken() -> Error {
    Error::new(ErrorKind::Conflict, "another message bears this provider id")
}
