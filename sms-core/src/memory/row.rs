//! One message in memory and its transitions: the state table, carried out in plain Rust.

use std::time::Duration;

use crate::clock::{datetime_from_ms, datetime_to_ms, duration_to_ms};
use crate::event::{EventDetails, EventKind};
use crate::message::{LeaseInfo, MessageState, NewMessage, StoredMessage};
use crate::outcome::{AttemptState, OutcomeClass, RESEND_AFTER, Verdict};
use crate::provider::{Polling, Submission};
use crate::receipt::{Receipt, ReceiptEffect};
use crate::state::Status;
use crate::store::{Begun, Resolution, Settlement};

/// A message, and what only the store needs to know about it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) stored: StoredMessage,
    /// When the caretaker may offer it to a queue (again).
    pub(super) push_at: i64,
    /// Which `begin` took it.
    pub(super) batch: u64,
    pub(super) sent_at: i64,
    /// When to ask the provider about it; `None` for never (again).
    pub(super) poll_at: Option<i64>,
    pub(super) polls: u32,
}

/// An entry for the event log, before it gets its place there.
pub(super) type NewEvent = (EventKind, EventDetails);

impl Row {
    /// `∅ → queued`.
    pub(super) fn new(message: NewMessage, now: i64, push_after: Duration) -> Self {
        let due_at = message.send_at.map_or(now, |at| datetime_to_ms(at).max(now));
        let valid_until = due_at.saturating_add(duration_to_ms(message.deadline));
        let push_at = if message.send_at.is_some() {
            due_at
        } else {
            now + duration_to_ms(push_after)
        };
        let state = MessageState {
            status: Status::Queued,
            created_at: datetime_from_ms(now),
            updated_at: datetime_from_ms(now),
            due_at: datetime_from_ms(due_at),
            valid_until: datetime_from_ms(valid_until),
            attempts: 0,
            resends: 0,
            fence: 0,
            lease: None,
            provider: None,
            provider_id: None,
            code: None,
            reason: None,
        };
        let stored = StoredMessage { message, state };
        Self {
            stored,
            push_at,
            batch: 0,
            sent_at: 0,
            poll_at: None,
            polls: 0,
        }
    }

    pub(super) fn status(&self) -> Status {
        self.stored.state.status
    }

    fn enter(&mut self, status: Status, now: i64) {
        let state = &mut self.stored.state;
        debug_assert!(
            state.status.may_become(status),
            "{} -> {status} is not in the table",
            state.status
        );
        state.status = status;
        state.updated_at = datetime_from_ms(now);
        state.lease = None;
    }

    /// Whether an earlier attempt was of unknown outcome.
    fn may_have_been_accepted(&self) -> bool {
        self.stored.state.resends > 0
    }

    /// Where a message goes that is not to be sent again: to `end`, unless it may have been accepted before.
    fn end_of_waiting(&self, end: Status) -> Status {
        if self.may_have_been_accepted() {
            Status::Unknown
        } else {
            end
        }
    }

    fn is_valid_after(&self, now: i64, after: Duration) -> bool {
        datetime_from_ms(now) + after < self.stored.state.valid_until
    }

    fn enter_queued(&mut self, now: i64, after: Duration) {
        self.enter(Status::Queued, now);
        self.push_at = now.saturating_add(duration_to_ms(after));
        self.stored.state.due_at = datetime_from_ms(self.push_at);
    }

    fn enter_sent(&mut self, now: i64, settlement: &Settlement) {
        self.enter(Status::Sent, now);
        self.stored.state.provider = Some(settlement.provider.clone());
        self.stored
            .state
            .provider_id
            .clone_from(&settlement.outcome.provider_id);
        self.sent_at = now;
        let asks = settlement
            .poll_after
            .filter(|_| settlement.outcome.provider_id.is_some());
        self.poll_at = asks.map(|after| now + duration_to_ms(after));
    }

    pub(super) fn is_due(&self, now: i64) -> bool {
        let state = &self.stored.state;
        let now = datetime_from_ms(now);
        state.status == Status::Queued && state.due_at <= now && state.valid_until > now
    }

    pub(super) fn is_expired(&self, now: i64) -> bool {
        self.status() == Status::Queued && self.stored.state.valid_until <= datetime_from_ms(now)
    }

    pub(super) fn lease_is_over(&self, now: i64) -> bool {
        let over = |lease: &LeaseInfo| lease.until <= datetime_from_ms(now);
        self.status() == Status::Sending && self.stored.state.lease.as_ref().is_some_and(over)
    }

    /// `queued → sending`; the guard is [`is_due`](Self::is_due).
    pub(super) fn begin(&mut self, now: i64, worker: &str, batch: u64, lease: Duration) {
        self.enter(Status::Sending, now);
        self.batch = batch;
        let state = &mut self.stored.state;
        state.fence += 1;
        state.attempts += 1;
        state.lease = Some(LeaseInfo {
            worker: worker.to_owned(),
            since: datetime_from_ms(now),
            until: datetime_from_ms(now.saturating_add(duration_to_ms(lease))),
        });
    }

    pub(super) fn begun_by(&self, worker: &str, batch: u64) -> bool {
        self.batch == batch
            && self
                .stored
                .state
                .lease
                .as_ref()
                .is_some_and(|lease| lease.worker == worker)
    }

    pub(super) fn begun(&self) -> Begun {
        let StoredMessage { message, state } = &self.stored;
        let mut submission = Submission::new(message.id, message.to, message.text.as_str());
        submission.from.clone_from(&message.from);
        submission.class = message.class;
        submission.options = message.options.clone();
        submission.valid_until = state.valid_until;
        let attempt = AttemptState {
            attempt: state.attempts,
            max_attempts: message.max_attempts,
            resends: state.resends,
            on_unknown: message.on_unknown,
        };
        Begun {
            submission,
            fence: state.fence,
            attempt,
        }
    }

    /// Whether the settlement's attempt still owns the message.
    pub(super) fn owned_by(&self, settlement: &Settlement) -> bool {
        self.status() == Status::Sending && self.stored.state.fence == settlement.fence
    }

    /// `sending → sent | queued | failed | unknown`, by the owner.
    pub(super) fn settle(&mut self, now: i64, settlement: &Settlement) -> NewEvent {
        self.learn(settlement);
        let mut details = attempt_details(settlement);
        match settlement.verdict {
            Verdict::Sent => self.enter_sent(now, settlement),
            Verdict::Failed => self.enter(Status::Failed, now),
            Verdict::Retry { after, counted } => {
                self.enter_queued(now, after);
                self.stored.state.attempts -= u32::from(!counted);
                details.retry_in_ms = Some(millis(after));
            }
            Verdict::Resend { after } if self.is_valid_after(now, after) => {
                self.enter_queued(now, after);
                self.stored.state.resends += 1;
                details.retry_in_ms = Some(millis(after));
                details.resend = true;
            }
            Verdict::Unknown | Verdict::Resend { .. } => self.enter(Status::Unknown, now),
        }
        (EventKind::Attempt, details)
    }

    /// A late outcome: an acceptance lifts the message, a refusal of the same attempt settles an unknown one.
    pub(super) fn settle_late(&mut self, now: i64, settlement: &Settlement) -> NewEvent {
        let same_attempt = self.stored.state.fence == settlement.fence;
        let lifted = match settlement.outcome.class {
            OutcomeClass::Accepted => self.status().after_late_acceptance(),
            OutcomeClass::Rejected
                if same_attempt && self.status() == Status::Unknown && !self.may_have_been_accepted() =>
            {
                Some(Status::Failed)
            }
            _ => None,
        };
        match lifted {
            Some(Status::Sent) => {
                self.learn(settlement);
                self.enter_sent(now, settlement);
            }
            Some(status) => {
                self.learn(settlement);
                self.enter(status, now);
            }
            None => {}
        }
        (EventKind::LateOutcome, attempt_details(settlement))
    }

    fn learn(&mut self, settlement: &Settlement) {
        self.stored.state.code = settlement.outcome.code;
        self.stored.state.reason.clone_from(&settlement.outcome.text);
    }

    /// `sending → unknown | queued` after a lease; the guard is [`lease_is_over`](Self::lease_is_over).
    pub(super) fn rescue(&mut self, now: i64) -> NewEvent {
        let state = &mut self.stored.state;
        let resends_left = state.resends < self.stored.message.on_unknown.resends();
        let resend = resends_left && datetime_from_ms(now) + RESEND_AFTER < state.valid_until;
        let details = EventDetails {
            attempt: Some(state.fence),
            by: state.lease.as_ref().map(|lease| lease.worker.clone()),
            resend,
            ..EventDetails::default()
        };
        state.code = None;
        state.reason = Some(LEASE_OVER.to_owned());
        if resend {
            state.resends += 1;
            self.enter_queued(now, RESEND_AFTER);
        } else {
            self.enter(Status::Unknown, now);
        }
        (EventKind::LeaseOver, details)
    }

    /// `queued → expired | unknown`; the guard is [`is_expired`](Self::is_expired).
    pub(super) fn expire(&mut self, now: i64) -> NewEvent {
        self.enter(self.end_of_waiting(Status::Expired), now);
        (EventKind::Expired, EventDetails::default())
    }

    /// `queued → cancelled | unknown`; the guard is the status.
    pub(super) fn cancel(&mut self, now: i64, by: String) -> NewEvent {
        self.enter(self.end_of_waiting(Status::Cancelled), now);
        (
            EventKind::Cancelled,
            EventDetails {
                by: Some(by),
                ..EventDetails::default()
            },
        )
    }

    /// `unknown → sent | failed | queued`; the guard is the status.
    pub(super) fn resolve(&mut self, now: i64, how: Resolution, by: String, reason: String) -> NewEvent {
        match how {
            Resolution::Sent | Resolution::Failed => self.enter(how.status(), now),
            Resolution::Resend => {
                self.stored.state.resends += 1;
                // The deadline was for the first try; a person who sends again means now.
                let deadline = duration_to_ms(self.stored.message.deadline);
                self.stored.state.valid_until = datetime_from_ms(now.saturating_add(deadline));
                self.enter_queued(now, Duration::ZERO);
            }
        }
        self.stored.state.reason = Some(reason.clone());
        let resend = how == Resolution::Resend;
        (
            EventKind::Resolved,
            EventDetails {
                by: Some(by),
                text: Some(reason),
                resend,
                ..EventDetails::default()
            },
        )
    }

    /// `sent → delivered | undelivered`, or a new code on the way there.
    pub(super) fn receive(&mut self, now: i64, receipt: &Receipt) -> (ReceiptEffect, Option<NewEvent>) {
        let next = self.status().after_receipt(receipt.state);
        let news = self.status() == Status::Sent && self.stored.state.code != receipt.code;
        if next.is_none() && !news {
            return (ReceiptEffect::Ignored, None);
        }
        if let Some(status) = next {
            self.enter(status, now);
            self.poll_at = None;
        }
        self.stored.state.updated_at = datetime_from_ms(now);
        self.stored.state.code = receipt.code;
        self.stored.state.reason.clone_from(&receipt.text);
        let details = EventDetails {
            provider: Some(receipt.provider.clone()),
            provider_id: Some(receipt.provider_id.clone()),
            code: receipt.code,
            text: receipt.text.clone(),
            ..EventDetails::default()
        };
        (ReceiptEffect::Applied, Some((EventKind::Receipt, details)))
    }

    pub(super) fn awaits_query(&self, now: i64) -> bool {
        self.status() == Status::Sent && self.poll_at.is_some_and(|at| at <= now)
    }

    /// Notes the next query; an event when the message is given up instead.
    pub(super) fn plan_query(&mut self, now: i64, polling: &Polling) -> Option<NewEvent> {
        if now - self.sent_at >= duration_to_ms(polling.give_up) {
            self.poll_at = None;
            return Some((EventKind::ReceiptGivenUp, EventDetails::default()));
        }
        let interval = duration_to_ms(polling.first).saturating_mul(1 << self.polls.min(20));
        self.poll_at = Some(now.saturating_add(interval.min(duration_to_ms(polling.max))));
        self.polls += 1;
        None
    }
}

/// The reason stored with a message whose worker vanished.
pub(super) const LEASE_OVER: &str = "the worker vanished before it recorded an outcome";

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn attempt_details(settlement: &Settlement) -> EventDetails {
    EventDetails {
        attempt: Some(settlement.fence),
        outcome: Some(settlement.outcome.class),
        provider: Some(settlement.provider.clone()),
        provider_id: settlement.outcome.provider_id.clone(),
        code: settlement.outcome.code,
        text: settlement.outcome.text.clone(),
        took_ms: Some(millis(settlement.took)),
        ..EventDetails::default()
    }
}
