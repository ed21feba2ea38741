//! Entries of the event log before they have a position in it.

use std::time::Duration;

use crate::provider::money::Money;
use crate::provider::outcome::Outcome;
use crate::provider::receipt::Receipt;
use crate::store::event::{EventDetails, EventKind, Evidence};
use crate::store::requests::Settlement;

/// An entry for the event log. The store adds the message, its status, the time and the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The kind of event.
    pub kind: EventKind,
    /// Everything else that is known.
    pub details: EventDetails,
}

impl NewEvent {
    /// An event of this kind without details.
    pub fn new(kind: EventKind) -> Self {
        Self { kind, details: EventDetails::default() }
    }

    /// The outcome of an attempt, as it is logged for its owner.
    pub fn attempt(settlement: &Settlement) -> Self {
        Self { kind: EventKind::Attempt, details: attempt_details(settlement) }
    }

    /// The outcome of an attempt that was not its worker's any more.
    pub fn late_outcome(settlement: &Settlement) -> Self {
        Self { kind: EventKind::LateOutcome, details: attempt_details(settlement) }
    }

    /// The end of the lease of this attempt of this worker.
    pub fn lease_over(attempt: u32, worker: Option<String>, resend: bool) -> Self {
        let details =
            EventDetails { attempt: Some(attempt), by: worker, resend, ..EventDetails::default() };
        Self { kind: EventKind::LeaseOver, details }
    }

    /// A statement of the provider.
    pub fn receipt(receipt: &Receipt) -> Self {
        let details = EventDetails {
            provider: Some(receipt.provider.clone()),
            provider_id: Some(receipt.provider_id.clone()),
            code: receipt.code,
            text: receipt.text.clone(),
            provider_at: receipt.at,
            ..EventDetails::default()
        };
        Self { kind: EventKind::Receipt, details }
    }

    /// Notes the cost that became known.
    pub(crate) const fn cost(mut self, cost: Option<Money>) -> Self {
        self.details.cost = cost;
        self
    }

    /// A cancellation by this caller.
    pub fn cancelled(by: String) -> Self {
        let details = EventDetails { by: Some(by), ..EventDetails::default() };
        Self { kind: EventKind::Cancelled, details }
    }

    /// The acceptance under this provider id that an unmatched receipt is taken as evidence of.
    pub fn inferred(provider: Option<String>, provider_id: String) -> Self {
        let details = EventDetails {
            provider,
            provider_id: Some(provider_id),
            evidence: Some(Evidence::UnmatchedReceipt),
            ..EventDetails::default()
        };
        Self { kind: EventKind::Inferred, details }
    }

    /// Notes the job that the change is a part of.
    pub(crate) fn of_job(mut self, job: &str) -> Self {
        self.details.job = Some(job.to_owned());
        self
    }

    /// Notes that the next attempt is due after this time.
    pub(crate) fn retry_in(mut self, after: Duration) -> Self {
        self.details.retry_in_ms = Some(millis(after));
        self
    }
}

fn attempt_details(settlement: &Settlement) -> EventDetails {
    EventDetails {
        attempt: Some(settlement.fence),
        outcome: Some(settlement.outcome.class),
        provider: Some(settlement.provider.clone()),
        provider_id: settlement.outcome.provider_id.clone(),
        provider_ids: part_ids(&settlement.outcome),
        code: settlement.outcome.code,
        text: settlement.outcome.text.clone(),
        took_ms: Some(millis(settlement.took)),
        ..EventDetails::default()
    }
}

/// The ids of all parts; empty where one id stands for the whole message.
fn part_ids(outcome: &Outcome) -> Vec<String> {
    if outcome.more_provider_ids.is_empty() || outcome.provider_ids().nth(1).is_none() {
        return Vec::new();
    }
    outcome.provider_ids().map(str::to_owned).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
