//! Timeline of one message, from its acceptance on.

use serde::Serialize;
use time::OffsetDateTime;

use crate::message::StoredMessage;
use crate::store::event::{Event, EventDetails, EventKind};
use crate::store::status::Status;

/// One step of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Time of the step.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Kind of the step.
    pub kind: EventKind,
    /// The message's state after it.
    pub status: Status,
    /// Details of the step.
    #[serde(flatten)]
    pub details: EventDetails,
}

impl From<Event> for Step {
    fn from(Event { at, kind, status, details, .. }: Event) -> Self {
        Self { at, kind, status, details }
    }
}

/// Every step of a message, oldest first: its events in the log, and its acceptance and a running
/// attempt, which are derived from the message itself.
pub fn steps(stored: &StoredMessage, events: Vec<Event>) -> Vec<Step> {
    let state = &stored.state;
    let resend = stored.message.resend.as_deref();
    let accepted = Step {
        at: state.created_at,
        kind: EventKind::Accepted,
        status: Status::Queued,
        details: EventDetails {
            // The reason of a message that was erased is empty.
            text: resend.map(|resend| resend.reason.clone()).filter(|text| !text.is_empty()),
            by: resend.map(|resend| resend.by.clone()),
            ..EventDetails::default()
        },
    };
    let started = state.lease.as_ref().map(|lease| Step {
        at: lease.since,
        kind: EventKind::Started,
        status: Status::Sending,
        details: EventDetails {
            attempt: Some(state.fence),
            by: Some(lease.worker.clone()),
            ..EventDetails::default()
        },
    });
    std::iter::once(accepted).chain(events.into_iter().map(Step::from)).chain(started).collect()
}
