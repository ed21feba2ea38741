//! Changes of many messages by one job of an operator.

use super::queries::Scope;
use super::requests::Resolution;
use super::status::Status;
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
