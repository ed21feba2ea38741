//! Changes of many messages by one job of an operator.

use super::new_event::NewEvent;
use super::queries::Scope;
use super::requests::Resolution;
use super::status::Status;
use super::transition::DeliveryState;
use crate::message::MessageId;

/// Request of [`Store::change_all`](crate::Store::change_all).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkChange {
    /// Name of the job: each message is changed once by it.
    pub job: String,
    /// The messages.
    pub ids: Vec<MessageId>,
    /// Messages that the operator may change. All by default.
    pub scope: Scope,
    /// The change.
    pub action: BulkAction,
    /// Name of the operator.
    pub by: String,
}

impl BulkChange {
    /// Changes these messages in the name of `by`, as a part of this job.
    pub fn new(
        job: impl Into<String>,
        ids: Vec<MessageId>,
        action: BulkAction,
        by: impl Into<String>,
    ) -> Self {
        Self { job: job.into(), ids, scope: Scope::All, action, by: by.into() }
    }

    /// Sets [`scope`](Self::scope).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

/// A change that an operator makes to many messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BulkAction {
    /// As [`Store::cancel`](crate::Store::cancel).
    Cancel,
    /// As [`Store::resolve`](crate::Store::resolve). An id of the provider is not recorded: it
    /// belongs to one message.
    Resolve {
        /// Fact or wish of the operator.
        resolution: Resolution,
        /// The operator's reason.
        reason: String,
    },
    /// `queued | sending → unknown`, in a store that was restored from a backup: the message may
    /// have been sent after the backup. No worker may be running.
    HoldRestored {
        /// The reason, with the time of the backup.
        reason: String,
    },
}

impl BulkAction {
    /// True if a message in this state can be changed.
    pub(super) fn admits(&self, status: Status) -> bool {
        match self {
            Self::Cancel => status == Status::Queued,
            Self::Resolve { .. } => status == Status::Unknown,
            Self::HoldRestored { .. } => status.is_waiting(),
        }
    }

    /// Changes a message in the name of `by`; `None` when the state table does not allow it.
    pub(super) fn apply(&self, state: &mut DeliveryState, now: i64, by: &str) -> Option<NewEvent> {
        match self {
            Self::Cancel => state.cancel(now, by.to_owned()),
            Self::Resolve { resolution, reason } => {
                let resolution = match resolution {
                    Resolution::Sent { .. } => Resolution::Sent { provider_id: None },
                    other => other.clone(),
                };
                state.resolve(now, resolution, by.to_owned(), reason.clone())
            }
            Self::HoldRestored { reason } => state.hold_restored(now, by, reason),
        }
    }
}

/// Result for one message of a [`BulkChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkResult {
    /// The job has changed it, now or by an earlier call; it is in this state now.
    Done(Status),
    /// It is in this state, which does not allow the change. Nothing was written.
    Refused(Status),
    /// There is no such message for this operator.
    Gone,
}
