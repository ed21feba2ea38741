//! State of the queue, in the words of every door.

use serde::Serialize;
use utoipa::ToSchema;

/// State of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QueueState {
    /// It works.
    Ok,
    /// The queue server cannot be used, and messages reach the workers through the store.
    Degraded,
}

impl QueueState {
    pub(crate) const fn of(is_degraded: bool) -> Self {
        if is_degraded { Self::Degraded } else { Self::Ok }
    }
}
