//! State of a provider, in the words of every door.

use serde::Serialize;
use sms_core::worker::control::{PauseOrder, Reported};
use utoipa::ToSchema;

/// State of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProviderState {
    /// It sends.
    Active,
    /// An operator paused it, and not every worker has followed yet.
    Pausing,
    /// It sends nothing.
    Paused,
    /// An operator resumed it, and no message has shown yet that it works.
    Unproven,
    /// No worker is there to send.
    NoWorker,
}

impl ProviderState {
    pub(crate) const ALL: [Self; 5] =
        [Self::Active, Self::Pausing, Self::Paused, Self::Unproven, Self::NoWorker];

    /// The name used in JSON and in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Unproven => "unproven",
            Self::NoWorker => "no_worker",
        }
    }

    /// The state by the order of an operator to pause, and by the last reports of the workers.
    pub(crate) fn of(order: Option<&PauseOrder>, workers: &[Reported]) -> Self {
        let mut pauses = workers.iter().map(|worker| worker.report.pause.is_some());
        if order.is_some() {
            return if pauses.all(|paused| paused) { Self::Paused } else { Self::Pausing };
        }
        if pauses.any(|paused| paused) {
            Self::Paused
        } else if workers.is_empty() {
            Self::NoWorker
        } else if workers.iter().all(|worker| worker.report.unproven) {
            Self::Unproven
        } else {
            Self::Active
        }
    }
}
