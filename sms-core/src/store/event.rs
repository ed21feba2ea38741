//! The event log: every change of a message, in the order of the commits.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::message::{MessageId, TraceParent};
use crate::provider::money::Money;
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
    /// Span in which the message was accepted, read with it; `None` if none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceParent>,
    /// Time of the record, by the store's clock.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Kind of the event.
    pub kind: EventKind,
    /// The message's state after it.
    pub status: Status,
    /// Details of the event.
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
        Self { seq, message_id, owner: None, traceparent: None, at, kind, status, details }
    }

    /// Sets [`owner`](Self::owner).
    pub fn owner(mut self, owner: impl Into<Option<String>>) -> Self {
        self.owner = owner.into();
        self
    }

    /// Sets [`traceparent`](Self::traceparent).
    pub fn traceparent(mut self, parent: impl Into<Option<TraceParent>>) -> Self {
        self.traceparent = parent.into();
        self
    }
}

/// Kind of an [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The message was accepted. Only in a [timeline](crate::store::timeline), derived from the
    /// message itself.
    Accepted,
    /// A worker holds the message and may be talking to the provider. Only in a timeline, as above.
    Started,
    /// An attempt ended, and its worker recorded the outcome.
    Attempt,
    /// The outcome of an attempt came after the lease was over or a later attempt had begun.
    LateOutcome,
    /// A lease was over before an outcome was recorded; its worker probably crashed.
    LeaseOver,
    /// The provider reported on the message.
    Receipt,
    /// Status queries ended without a final state from the provider.
    ReceiptGivenUp,
    /// The deadline passed while the message waited.
    Expired,
    /// The caller cancelled the message.
    Cancelled,
    /// An operator settled an unknown message.
    Resolved,
    /// A receipt with an unknown provider id was [matched](crate::store::inference) with this
    /// message, because no other pair was possible.
    Inferred,
    /// The store was restored from a backup, in which the message still had to be sent. It may have
    /// been sent after the backup.
    Restored,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
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
        Self::Restored,
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
            Self::Restored => "restored",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Evidence of an acceptance that the provider did not confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// Right after the attempt of unknown outcome, the provider refused a repeat as a duplicate.
    RepeatRefused,
    /// A receipt with an unknown provider id came, and could be about no other message.
    UnmatchedReceipt,
}

/// Details of an [`Event`]. Absent fields do not apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EventDetails {
    /// Number of the attempt, from 1 on, including attempts that do not count towards the limit
    /// (the fence).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Class of the attempt's outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeClass>,
    /// The provider that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's id of the message, or of the part that a receipt is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// The provider's ids of all parts, if it accepted them under one each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provider_ids: Vec<String>,
    /// State of the part that a receipt is about, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_status: Option<Status>,
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The provider's text, or the library's reason. Never the text or the number of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Cost of the message, in the event that made it known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Time of the event by the provider's clock.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub provider_at: Option<OffsetDateTime>,
    /// Evidence that the provider has the message, if the provider did not confirm it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Duration of the call to the provider, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Time until the next attempt is due, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
    /// True if the message is sent again although the provider may have accepted it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resend: bool,
    /// Name of the worker or the operator that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Name of the [job](crate::store::BulkChange::job) that it was a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

impl EventDetails {
    /// The names of the fields in JSON. A program with a type of its own for events can test that
    /// it leaves none out.
    pub const FIELDS: [&str; 16] = [
        "attempt",
        "outcome",
        "provider",
        "provider_id",
        "provider_ids",
        "part_status",
        "code",
        "text",
        "cost",
        "provider_at",
        "evidence",
        "took_ms",
        "retry_in_ms",
        "resend",
        "by",
        "job",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_fields_is_complete() {
        // Every field, so that a new one does not compile here until it is in the list.
        let details = EventDetails {
            attempt: Some(1),
            outcome: Some(OutcomeClass::Accepted),
            provider: Some(String::new()),
            provider_id: Some(String::new()),
            provider_ids: vec![String::new()],
            part_status: Some(Status::Delivered),
            code: Some(1),
            text: Some(String::new()),
            cost: Some(Money::from_micros(1)),
            provider_at: Some(OffsetDateTime::UNIX_EPOCH),
            evidence: Some(Evidence::RepeatRefused),
            took_ms: Some(1),
            retry_in_ms: Some(1),
            resend: true,
            by: Some(String::new()),
            job: Some(String::new()),
        };
        let json = serde_json::to_value(&details).unwrap();
        let mut names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut fields = EventDetails::FIELDS;
        names.sort_unstable();
        fields.sort_unstable();
        assert_eq!(names, fields);
    }
}
