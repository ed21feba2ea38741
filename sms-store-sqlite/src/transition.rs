//! Transitions that are decided in Rust, with a row in hand under the write lock: the rare ones, and those whose rule
//! is too long for SQL. The frequent ones are [`sql::INSERT`](crate::sql::INSERT), [`BEGIN`](crate::sql::BEGIN) and
//! [`SETTLE`](crate::sql::SETTLE).

use std::time::Duration;

use sms_core::clock::duration_to_ms;
use sms_core::outcome::{RESEND_AFTER, Verdict};
use sms_core::provider::Polling;
use sms_core::receipt::ReceiptEffect;
use sms_core::store::{Resolution, Settlement};
use sms_core::{
    EventDetails, EventKind, MessageId, OnUnknown, OutcomeClass, Receipt, ReceiptState, Result, Status,
};
use sqlx::sqlite::SqliteRow;

use crate::row::Columns;

/// The part of a message that transitions read and write.
#[derive(Clone, Debug)]
pub(crate) struct LedgerRow {
    pub(crate) id: MessageId,
    pub(crate) status: Status,
    pub(crate) updated_at: i64,
    pub(crate) due_at: i64,
    pub(crate) valid_until: i64,
    pub(crate) push_at: i64,
    pub(crate) attempts: u32,
    pub(crate) resends: u32,
    pub(crate) fence: u32,
    pub(crate) worker: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) provider_id: Option<String>,
    pub(crate) code: Option<i32>,
    pub(crate) reason: Option<String>,
    pub(crate) sent_at: Option<i64>,
    pub(crate) poll_at: Option<i64>,
    pub(crate) polls: u32,
    pub(crate) owner: Option<String>,
    deadline_ms: i64,
    on_unknown: OnUnknown,
}

/// An entry for the event log, before it gets its place there.
pub(crate) type NewEvent = (EventKind, EventDetails);

/// What a receipt says, without the provider id it was found by.
pub(crate) struct Report<'a> {
    pub(crate) provider: &'a str,
    pub(crate) provider_id: &'a str,
    pub(crate) state: ReceiptState,
    pub(crate) code: Option<i32>,
    pub(crate) text: Option<&'a str>,
}

impl<'a> From<&'a Receipt> for Report<'a> {
    fn from(receipt: &'a Receipt) -> Self {
        let Receipt { provider, provider_id, state, code, text, .. } = receipt;
        Self { provider, provider_id, state: *state, code: *code, text: text.as_deref() }
    }
}

impl LedgerRow {
    /// Reads the columns of `ledger_columns!`.
    pub(crate) fn read(row: &SqliteRow) -> Result<Self> {
        let mut columns = Columns::new(row);
        Ok(Self {
            id: columns.id()?,
            status: columns.status()?,
            updated_at: columns.take()?,
            due_at: columns.take()?,
            valid_until: columns.take()?,
            push_at: columns.take()?,
            attempts: columns.number("number of attempts")?,
            resends: columns.number("number of resends")?,
            fence: columns.number("fence")?,
            worker: columns.take()?,
            provider: columns.take()?,
            provider_id: columns.take()?,
            code: columns.code()?,
            reason: columns.take()?,
            sent_at: columns.take()?,
            poll_at: columns.take()?,
            polls: columns.number("number of queries")?,
            owner: columns.take()?,
            deadline_ms: columns.take()?,
            on_unknown: columns.on_unknown()?,
        })
    }

    fn enter(&mut self, status: Status, now: i64) {
        debug_assert!(self.status.may_become(status), "{} -> {status} is not in the table", self.status);
        self.status = status;
        self.updated_at = now;
    }

    /// Whether an earlier attempt was of unknown outcome.
    fn may_have_been_accepted(&self) -> bool {
        self.resends > 0
    }

    /// Where a message goes that is not to be sent again: to `end`, unless it may have been accepted before.
    fn end_of_waiting(&self, end: Status) -> Status {
        if self.may_have_been_accepted() { Status::Unknown } else { end }
    }

    fn is_valid_after(&self, now: i64, after: Duration) -> bool {
        now.saturating_add(duration_to_ms(after)) < self.valid_until
    }

    fn enter_queued(&mut self, now: i64, after: Duration) {
        self.enter(Status::Queued, now);
        self.push_at = now.saturating_add(duration_to_ms(after));
        self.due_at = self.push_at;
    }

    fn enter_sent(&mut self, now: i64, settlement: &Settlement) {
        self.enter(Status::Sent, now);
        self.provider = Some(settlement.provider.clone());
        self.provider_id.clone_from(&settlement.outcome.provider_id);
        self.sent_at = Some(now);
        self.poll_at = poll_at(now, settlement);
    }

    /// Whether the settlement's attempt still owns the message.
    pub(crate) fn owned_by(&self, settlement: &Settlement) -> bool {
        self.status == Status::Sending && self.fence == settlement.fence
    }

    /// `sending → sent | queued | failed | unknown`, by the owner.
    pub(crate) fn settle(&mut self, now: i64, settlement: &Settlement) -> NewEvent {
        self.learn(settlement);
        let mut details = attempt_details(settlement);
        match settlement.verdict {
            Verdict::Sent => self.enter_sent(now, settlement),
            Verdict::Failed => self.enter(Status::Failed, now),
            Verdict::Unknown => self.enter(Status::Unknown, now),
            Verdict::Retry { after, counted } => {
                self.enter_queued(now, after);
                self.attempts = self.attempts.saturating_sub(u32::from(!counted));
                details.retry_in_ms = Some(millis(after));
            }
            Verdict::Resend { after } if self.is_valid_after(now, after) => {
                self.enter_queued(now, after);
                self.resends += 1;
                details.retry_in_ms = Some(millis(after));
                details.resend = true;
            }
            Verdict::Resend { .. } => self.enter(Status::Unknown, now),
        }
        (EventKind::Attempt, details)
    }

    /// A late outcome: an acceptance lifts the message, a refusal of the same attempt settles an unknown one. Whether the
    /// row changed.
    pub(crate) fn settle_late(&mut self, now: i64, settlement: &Settlement) -> (bool, NewEvent) {
        let same_attempt = self.fence == settlement.fence;
        let lifted = match settlement.outcome.class {
            OutcomeClass::Accepted => self.status.after_late_acceptance(),
            OutcomeClass::Rejected
                if same_attempt && self.status == Status::Unknown && !self.may_have_been_accepted() =>
            {
                Some(Status::Failed)
            }
            _ => None,
        };
        if let Some(status) = lifted {
            self.learn(settlement);
            if status == Status::Sent {
                self.enter_sent(now, settlement);
            } else {
                self.enter(status, now);
            }
        }
        (lifted.is_some(), (EventKind::LateOutcome, attempt_details(settlement)))
    }

    fn learn(&mut self, settlement: &Settlement) {
        self.code = settlement.outcome.code;
        self.reason.clone_from(&settlement.outcome.text);
    }

    /// `sending → unknown | queued` after a lease; the guard is that of
    /// [`sql::LOAD_LEASE_OVER`](crate::sql::LOAD_LEASE_OVER).
    pub(crate) fn rescue(&mut self, now: i64) -> NewEvent {
        let resends_left = self.resends < self.on_unknown.resends();
        let resend = resends_left && self.is_valid_after(now, RESEND_AFTER);
        let by = self.worker.clone();
        let details = EventDetails { attempt: Some(self.fence), by, resend, ..EventDetails::default() };
        self.code = None;
        self.reason = Some(LEASE_OVER.to_owned());
        if resend {
            self.resends += 1;
            self.enter_queued(now, RESEND_AFTER);
        } else {
            self.enter(Status::Unknown, now);
        }
        (EventKind::LeaseOver, details)
    }

    /// `queued → expired | unknown`; the guard is that of
    /// [`sql::LOAD_PAST_DEADLINE`](crate::sql::LOAD_PAST_DEADLINE).
    pub(crate) fn expire(&mut self, now: i64) -> NewEvent {
        self.enter(self.end_of_waiting(Status::Expired), now);
        (EventKind::Expired, EventDetails::default())
    }

    /// `queued → cancelled | unknown`; the guard is the status.
    pub(crate) fn cancel(&mut self, now: i64, by: String) -> NewEvent {
        self.enter(self.end_of_waiting(Status::Cancelled), now);
        (EventKind::Cancelled, EventDetails { by: Some(by), ..EventDetails::default() })
    }

    /// `unknown → sent | failed | queued`; the guard is the status.
    pub(crate) fn resolve(&mut self, now: i64, how: Resolution, by: String, reason: String) -> NewEvent {
        match how {
            Resolution::Sent | Resolution::Failed => self.enter(how.status(), now),
            Resolution::Resend => {
                self.resends += 1;
                // The deadline was for the first try; a person who sends again means now.
                self.valid_until = now.saturating_add(self.deadline_ms);
                self.enter_queued(now, Duration::ZERO);
            }
        }
        self.reason = Some(reason.clone());
        let resend = how == Resolution::Resend;
        (EventKind::Resolved, EventDetails { by: Some(by), text: Some(reason), resend, ..EventDetails::default() })
    }

    /// `sent → delivered | undelivered`, or a new code on the way there.
    pub(crate) fn receive(&mut self, now: i64, report: &Report<'_>) -> (ReceiptEffect, Option<NewEvent>) {
        let next = self.status.after_receipt(report.state);
        let news = self.status == Status::Sent && self.code != report.code;
        if next.is_none() && !news {
            return (ReceiptEffect::Ignored, None);
        }
        if let Some(status) = next {
            self.enter(status, now);
            self.poll_at = None;
        }
        self.updated_at = now;
        self.code = report.code;
        self.reason = report.text.map(str::to_owned);
        let details = EventDetails {
            provider: Some(report.provider.to_owned()),
            provider_id: Some(report.provider_id.to_owned()),
            code: report.code,
            text: self.reason.clone(),
            ..EventDetails::default()
        };
        (ReceiptEffect::Applied, Some((EventKind::Receipt, details)))
    }

    /// Notes the next query; an event when the message is given up instead.
    pub(crate) fn plan_query(&mut self, now: i64, polling: &Polling) -> Option<NewEvent> {
        if now - self.sent_at.unwrap_or_default() >= duration_to_ms(polling.give_up) {
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
const LEASE_OVER: &str = "the worker vanished before it recorded an outcome";

/// When to ask first for a receipt of what was accepted.
pub(crate) fn poll_at(now: i64, settlement: &Settlement) -> Option<i64> {
    let asks = settlement.poll_after.filter(|_| settlement.outcome.provider_id.is_some());
    asks.map(|after| now.saturating_add(duration_to_ms(after)))
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn attempt_details(settlement: &Settlement) -> EventDetails {
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
