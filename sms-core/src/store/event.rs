//! The event log: every decision about a message, in the order it was committed.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::message::MessageId;
use crate::provider::outcome::OutcomeClass;
use crate::store::status::Status;

/// One entry of the event log.
///
/// [`Archive::events`](crate::Archive::events) reads the log of all messages,
/// [`Archive::timeline`](crate::Archive::timeline) that of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// Position in the log. Grows with every commit; gaps are possible.
    pub seq: u64,
    /// Id of the message.
    pub message_id: MessageId,
    /// Owner of the message, read with it; `None` if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it was recorded, by the store's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What happened.
    pub kind: EventKind,
    /// The message's state after it.
    pub status: Status,
    /// The rest.
    #[serde(flatten)]
    pub details: EventDetails,
}

impl Event {
    /// An entry at this position.
    pub const fn new(
        seq: u64,
        message_id: MessageId,
        at: OffsetDateTime,
        kind: EventKind,
        status: Status,
        details: EventDetails,
    ) -> Self {
        Self { seq, message_id, owner: None, at, kind, status, details }
    }

    /// Sets [`owner`](Self::owner).
    pub fn owner(mut self, owner: impl Into<Option<String>>) -> Self {
        self.owner = owner.into();
        self
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The message was accepted. Only in a [timeline](crate::timeline), made from the message
    /// itself.
    Accepted,
    /// A worker holds the message and may be talking to the provider. Only in a timeline, as above.
    Started,
    /// An attempt ended and its worker recorded the outcome.
    Attempt,
    /// An attempt's outcome came after its lease was over or a later attempt had begun.
    LateOutcome,
    /// A worker vanished: its lease was over before an outcome was recorded.
    LeaseOver,
    /// The provider reported on the message.
    Receipt,
    /// Status queries are given up: the provider never reported an end.
    ReceiptGivenUp,
    /// The deadline passed while the message waited.
    Expired,
    /// The caller called the message back.
    Cancelled,
    /// A person settled an unknown message.
    Resolved,
    /// A receipt under an id nobody knew was taken for this message's: both stood
    /// [alone](crate::store::inference).
    Inferred,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Accepted,
        Self::Started,
        Self::Attempt,
        Self::LateOutcome,
        Self::LeaseOver,
        Self::Receipt,
        Self::ReceiptGivenUp,
        Self::Expired,
        Self::Cancelled,
        Self::Resolved,
        Self::Inferred,
    ];

    /// The name used in JSON and in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Started => "started",
            Self::Attempt => "attempt",
            Self::LateOutcome => "late_outcome",
            Self::LeaseOver => "lease_over",
            Self::Receipt => "receipt",
            Self::ReceiptGivenUp => "receipt_given_up",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Resolved => "resolved",
            Self::Inferred => "inferred",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// From what an acceptance was concluded that the provider did not state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// Right after the attempt of unknown outcome the provider refused a repeat as one.
    RepeatRefused,
    /// A receipt under an id nobody knew came, and this was the only message it could be about.
    UnmatchedReceipt,
}

/// What is known about an [`Event`] beside its kind. Absent fields do not apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EventDetails {
    /// Which attempt, counted from 1 over all attempts, counted ones and others (the fence).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// How the attempt came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeClass>,
    /// The provider that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's own id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The provider's words, or the library's reason. Never the message's text or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When it happened by the provider's clock.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub provider_at: Option<OffsetDateTime>,
    /// From what it was concluded that the provider has the message, where the provider did not say
    /// so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// How long the provider took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// In how many milliseconds the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
    /// The message goes out again although the provider may have accepted it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resend: bool,
    /// Who did it: a worker's name, an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}
