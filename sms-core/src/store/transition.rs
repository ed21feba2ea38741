//! The transitions themselves: what each row of the [state table](crate::store::status::TRANSITIONS)
//! writes.
//!
//! For authors of stores. A store that has a row in hand under a lock calls these; a statement that
//! carries out a transition by itself does what the function of the same name does here, and the
//! suites of `sms-testkit` compare the two.
//!
//! A transition that is not in the table does not happen: it is logged as an error and leaves the
//! message as it was. The store's own guard comes first, so this shows a defect of the store.

use std::time::Duration;

use crate::clock::{StoreTime, datetime_to_ms, duration_to_ms};
use crate::error::{Error, ErrorKind};
use crate::message::OnUnknown;
use crate::message::{MessageId, NewMessage};
use crate::provider::Polling;
use crate::provider::outcome::OutcomeClass;
use crate::provider::receipt::Receipt;
use crate::store::decision::{RESEND_AFTER, Verdict};
use crate::store::event::{EventDetails, EventKind, Evidence};
use crate::store::requests::ReceiptEffect;
use crate::store::status::Status;
use crate::store::{BeginRequest, Resolution, Settlement};

/// The part of a message that transitions read and write. Times are milliseconds since the Unix
/// epoch, by the store's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where the message stands.
    pub status: Status,
    /// When it last changed.
    pub updated_at: i64,
    /// When it may be begun (again).
    pub due_at: i64,
    /// When the caretaker may offer it to a queue (again).
    pub push_at: i64,
    /// After this it is not sent any more.
    pub valid_until: i64,
    /// How long after it was due it was worth sending.
    pub deadline_ms: i64,
    /// What happens after an unknown outcome.
    pub on_unknown: OnUnknown,
    /// Counted attempts so far.
    pub attempts: u32,
    /// Resends after unknown outcomes so far.
    pub resends: u32,
    /// All attempts so far; marks the owner.
    pub fence: u32,
    /// Who holds it while it is `sending`.
    pub lease: Option<HeldLease>,
    /// When its last attempt of unknown outcome began.
    pub unknown_at: Option<i64>,
    /// The provider that accepted it, or was asked last.
    pub provider: Option<String>,
    /// The provider's own id of it.
    pub provider_id: Option<String>,
    /// The provider's last code.
    pub code: Option<i32>,
    /// The provider's last words, or ours.
    pub reason: Option<String>,
    /// When it was accepted by the provider.
    pub sent_at: Option<i64>,
    /// When to ask the provider about it; `None` for never (again).
    pub poll_at: Option<i64>,
    /// How often the provider was asked.
    pub polls: u32,
    /// When its newest receipt was made, by the provider's clock.
    pub receipt_at: Option<i64>,
}

/// Who holds a message that is being sent, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLease {
    /// The worker's name.
    pub worker: String,
    /// Which of the worker's batches.
    pub batch: u64,
    /// When it began.
    pub since: i64,
    /// When it is over.
    pub until: i64,
}

/// An entry for the event log, before it gets its place there.
pub type NewEvent = (EventKind, EventDetails);

/// The reason stored with a message whose worker vanished.
const LEASE_OVER: &str = "the worker vanished before it recorded an outcome";
/// The reason stored with a message whose repeat was refused as one.
const SENT_BEFORE: &str =
    "a repeat was refused as one, so the attempt of unknown outcome before it was accepted";
/// The reason stored with a message that an unmatched receipt is taken to be about.
const INFERRED: &str =
    "a receipt under an unknown id came, and this was the only message it could be about";

impl Standing {
    /// `∅ → queued`. A message without a `send_at` is its sender's to offer for the time of
    /// `push_after`.
    pub fn accept(message: &NewMessage, time: StoreTime, push_after: Duration) -> Self {
        let now = time.now;
        let due_at = message.send_at.map_or(now, |at| time.at(datetime_to_ms(at)).max(now));
        let deadline_ms = duration_to_ms(message.deadline);
        Self {
            status: Status::Queued,
            updated_at: now,
            due_at,
            push_at: if message.send_at.is_some() { due_at } else { later(now, push_after) },
            valid_until: due_at.saturating_add(deadline_ms),
            deadline_ms,
            on_unknown: message.on_unknown,
            attempts: 0,
            resends: 0,
            fence: 0,
            lease: None,
            unknown_at: None,
            provider: None,
            provider_id: None,
            code: None,
            reason: None,
            sent_at: None,
            poll_at: None,
            polls: 0,
            receipt_at: None,
        }
    }

    /// Whether a provider id can be [given](Self::infer) to it.
    pub fn takes_id(&self) -> bool {
        self.status == Status::Unknown || self.status == Status::Sent && self.provider_id.is_none()
    }

    /// How long before the running attempt the last one of unknown outcome began.
    pub fn unknown_before(&self) -> Option<Duration> {
        let since = self.lease.as_ref()?.since;
        self.unknown_at
            .map(|at| Duration::from_millis(since.saturating_sub(at).max(0).cast_unsigned()))
    }

    /// Guard of [`begin`](Self::begin).
    pub fn is_due(&self, now: i64) -> bool {
        self.status == Status::Queued && self.due_at <= now && self.valid_until > now
    }

    /// Guard of [`expire`](Self::expire).
    pub fn is_past_deadline(&self, now: i64) -> bool {
        self.status == Status::Queued && self.valid_until <= now
    }

    /// Guard of [`rescue`](Self::rescue).
    pub fn lease_is_over(&self, now: i64) -> bool {
        self.status == Status::Sending
            && self.lease.as_ref().is_some_and(|lease| lease.until <= now)
    }

    /// Guard of [`plan_query`](Self::plan_query).
    pub fn awaits_query(&self, now: i64) -> bool {
        self.status == Status::Sent && self.poll_at.is_some_and(|at| at <= now)
    }

    /// Guard of [`settle`](Self::settle): whether the settlement's attempt still owns the message.
    pub fn is_owned_by(&self, settlement: &Settlement) -> bool {
        self.status == Status::Sending && self.fence == settlement.fence
    }

    /// `queued → sending`; `false` when the table does not allow it.
    pub fn begin(&mut self, now: i64, request: &BeginRequest<'_>) -> bool {
        if !self.enter(Status::Sending, now) {
            return false;
        }
        self.fence += 1;
        self.attempts += 1;
        let until = later(now, request.lease);
        self.lease = Some(HeldLease {
            worker: request.worker.to_owned(),
            batch: request.batch,
            since: now,
            until,
        });
        self.provider = Some(request.provider.to_owned());
        true
    }

    /// `sending → sent | queued | failed | unknown`, by the owner; `None` when the table does not
    /// allow it.
    pub fn settle(&mut self, now: i64, settlement: &Settlement) -> Option<NewEvent> {
        let next = match settlement.verdict {
            Verdict::Sent | Verdict::SentBefore => Status::Sent,
            Verdict::Failed => Status::Failed,
            Verdict::Retry { .. } => Status::Queued,
            Verdict::Resend { after } if self.is_valid_after(now, after) => Status::Queued,
            Verdict::Unknown | Verdict::Resend { .. } => Status::Unknown,
        };
        if !self.enter(next, now) {
            return None;
        }
        self.learn(settlement);
        if settlement.outcome.class == OutcomeClass::Unknown {
            self.unknown_at = Some(now.saturating_sub(duration_to_ms(settlement.took)));
        }
        let mut details = attempt_details(settlement);
        match settlement.verdict {
            Verdict::Sent => self.note_sent(now, settlement),
            Verdict::SentBefore => {
                self.note_sent(now, settlement);
                self.reason = Some(SENT_BEFORE.to_owned());
                details.evidence = Some(Evidence::RepeatRefused);
            }
            Verdict::Retry { after, counted } => {
                self.wait_until(later(now, after));
                self.attempts = self.attempts.saturating_sub(u32::from(!counted));
                details.retry_in_ms = Some(millis(after));
            }
            Verdict::Resend { after } if next == Status::Queued => {
                self.wait_until(later(now, after));
                self.resends += 1;
                details.retry_in_ms = Some(millis(after));
                details.resend = true;
            }
            Verdict::Failed | Verdict::Unknown | Verdict::Resend { .. } => {}
        }
        Some((EventKind::Attempt, details))
    }

    /// An outcome that comes late: an acceptance lifts the message, a final refusal of the same
    /// attempt settles an unknown one. Whether it changed.
    pub fn settle_late(&mut self, now: i64, settlement: &Settlement) -> (bool, NewEvent) {
        let same_attempt = self.fence == settlement.fence;
        let lifted = match settlement.outcome.class {
            OutcomeClass::Accepted => self.status.after_late_acceptance(),
            OutcomeClass::Rejected
                if same_attempt
                    && self.status == Status::Unknown
                    && !self.may_have_been_accepted() =>
            {
                Some(Status::Failed)
            }
            _ => None,
        };
        let lifted = lifted.filter(|status| self.enter(*status, now));
        if let Some(status) = lifted {
            self.learn(settlement);
            if status == Status::Sent {
                self.note_sent(now, settlement);
            }
        }
        (lifted.is_some(), (EventKind::LateOutcome, attempt_details(settlement)))
    }

    /// `sending → unknown | queued` after a lease; `None` when the table does not allow it.
    pub fn rescue(&mut self, now: i64) -> Option<NewEvent> {
        let resends_left = self.resends < self.on_unknown.resends();
        let resend = resends_left && self.is_valid_after(now, RESEND_AFTER);
        let lease = self.lease.clone();
        if !self.enter(if resend { Status::Queued } else { Status::Unknown }, now) {
            return None;
        }
        let (by, since) = lease.map(|lease| (lease.worker, lease.since)).unzip();
        self.unknown_at = since;
        let details =
            EventDetails { attempt: Some(self.fence), by, resend, ..EventDetails::default() };
        self.code = None;
        self.reason = Some(LEASE_OVER.to_owned());
        if resend {
            self.resends += 1;
            self.wait_until(later(now, RESEND_AFTER));
        }
        Some((EventKind::LeaseOver, details))
    }

    /// `queued → expired | unknown`; `None` when the table does not allow it.
    pub fn expire(&mut self, now: i64) -> Option<NewEvent> {
        let entered = self.enter(self.end_of_waiting(Status::Expired), now);
        entered.then(|| (EventKind::Expired, EventDetails::default()))
    }

    /// `queued → cancelled | unknown`; the guard is the status. `None` when the table does not
    /// allow it.
    pub fn cancel(&mut self, now: i64, by: String) -> Option<NewEvent> {
        let entered = self.enter(self.end_of_waiting(Status::Cancelled), now);
        entered.then(|| {
            (EventKind::Cancelled, EventDetails { by: Some(by), ..EventDetails::default() })
        })
    }

    /// `unknown → sent | failed | queued`; the guard is the status. `None` when the table does not
    /// allow it.
    pub fn resolve(
        &mut self,
        now: i64,
        how: Resolution,
        by: String,
        reason: String,
    ) -> Option<NewEvent> {
        let resend = how == Resolution::Resend;
        let next = match how {
            Resolution::Sent { .. } => Status::Sent,
            Resolution::Failed => Status::Failed,
            Resolution::Resend => Status::Queued,
        };
        if !self.enter(next, now) {
            return None;
        }
        let mut provider_id = None;
        match how {
            Resolution::Sent { provider_id: known } => {
                self.sent_at = Some(now);
                self.provider_id.clone_from(&known);
                provider_id = known;
            }
            Resolution::Failed => {}
            Resolution::Resend => {
                self.resends += 1;
                // The deadline was for the first try; a person who sends again means now.
                self.valid_until = now.saturating_add(self.deadline_ms);
                self.wait_until(now);
            }
        }
        self.reason = Some(reason.clone());
        let details = EventDetails {
            by: Some(by),
            text: Some(reason),
            provider_id,
            resend,
            ..EventDetails::default()
        };
        Some((EventKind::Resolved, details))
    }

    /// `unknown → sent`: the message is [taken](crate::inference) to be the one with this provider
    /// id. The guard is [`takes_id`](Self::takes_id). `None` when the table does not allow it.
    pub fn infer(&mut self, now: i64, provider_id: &str) -> Option<NewEvent> {
        if self.status != Status::Sent {
            if !self.enter(Status::Sent, now) {
                return None;
            }
            self.sent_at = Some(now);
            self.code = None;
        }
        self.updated_at = now;
        self.provider_id = Some(provider_id.to_owned());
        self.reason = Some(INFERRED.to_owned());
        let details = EventDetails {
            provider: self.provider.clone(),
            provider_id: Some(provider_id.to_owned()),
            evidence: Some(Evidence::UnmatchedReceipt),
            ..EventDetails::default()
        };
        Some((EventKind::Inferred, details))
    }

    /// `sent → delivered | undelivered`, or a new code on the way there, for the message of this
    /// id. What contradicts a final state is recorded and changes nothing.
    pub fn receive(
        &mut self,
        id: MessageId,
        now: i64,
        receipt: &Receipt,
    ) -> (ReceiptEffect, Option<NewEvent>) {
        if self.status.is_contradicted_by(receipt.state) {
            return self.contradict(now, receipt);
        }
        let next = self.status.after_receipt(receipt.state);
        let made_at = receipt.at.map(datetime_to_ms);
        // One that comes late or again must not put an earlier code in the place of a later one.
        let is_old = made_at.zip(self.receipt_at).is_some_and(|(made_at, newest)| {
            made_at < newest || made_at == newest && receipt.code <= self.code
        });
        let news = self.status == Status::Sent
            && receipt.code.is_some()
            && self.code != receipt.code
            && !is_old;
        if next.is_none() && !news {
            return (ReceiptEffect::Ignored, None);
        }
        if let Some(status) = next {
            if !self.enter(status, now) {
                return (ReceiptEffect::Ignored, None);
            }
            self.poll_at = None;
        }
        self.updated_at = now;
        self.receipt_at = self.receipt_at.max(made_at);
        self.code = receipt.code;
        self.reason.clone_from(&receipt.text);
        (ReceiptEffect::Applied(id), Some(receipt_event(receipt)))
    }

    /// A receipt of the opposite end. The time it was made tells one that comes again; of those
    /// without a time the first is recorded, where no other bears one.
    fn contradict(&mut self, now: i64, receipt: &Receipt) -> (ReceiptEffect, Option<NewEvent>) {
        let made_at = receipt.at.map(datetime_to_ms);
        let is_known =
            if made_at.is_some() { made_at == self.receipt_at } else { self.receipt_at.is_some() };
        if is_known {
            return (ReceiptEffect::Ignored, None);
        }
        self.receipt_at = made_at.or(Some(now));
        (ReceiptEffect::Contradicted, Some(receipt_event(receipt)))
    }

    /// Notes the next query; an event when the message is given up instead.
    pub fn plan_query(&mut self, now: i64, polling: &Polling) -> Option<NewEvent> {
        if now - self.sent_at.unwrap_or_default() >= duration_to_ms(polling.give_up) {
            self.poll_at = None;
            return Some((EventKind::ReceiptGivenUp, EventDetails::default()));
        }
        let interval = duration_to_ms(polling.first).saturating_mul(1 << self.polls.min(20));
        self.poll_at = Some(now.saturating_add(interval.min(duration_to_ms(polling.max))));
        self.polls += 1;
        None
    }

    /// Enters a state, if the table has a row from here to there; otherwise nothing changes.
    fn enter(&mut self, status: Status, now: i64) -> bool {
        let possible = self.status.may_become(status);
        if possible {
            self.status = status;
            self.updated_at = now;
            self.lease = None;
        } else {
            tracing::error!(from = %self.status, to = %status, "a transition that is not in the state table was refused");
        }
        possible
    }

    fn wait_until(&mut self, due_at: i64) {
        self.due_at = due_at;
        self.push_at = due_at;
    }

    fn note_sent(&mut self, now: i64, settlement: &Settlement) {
        self.provider_id.clone_from(&settlement.outcome.provider_id);
        self.sent_at = Some(now);
        self.poll_at = first_query_at(now, settlement);
    }

    fn learn(&mut self, settlement: &Settlement) {
        self.provider = Some(settlement.provider.clone());
        self.code = settlement.outcome.code;
        self.reason.clone_from(&settlement.outcome.text);
    }

    /// Whether an earlier attempt was of unknown outcome.
    fn may_have_been_accepted(&self) -> bool {
        self.resends > 0
    }

    /// Where a message goes that is not to be sent again: to `end`, unless it may have been
    /// accepted before.
    fn end_of_waiting(&self, end: Status) -> Status {
        if self.may_have_been_accepted() { Status::Unknown } else { end }
    }

    fn is_valid_after(&self, now: i64, after: Duration) -> bool {
        later(now, after) < self.valid_until
    }
}

/// The error of a change that the [table](crate::store::status::TRANSITIONS) does not allow although the
/// store's guard held.
pub fn impossible() -> Error {
    Error::new(
        ErrorKind::Internal,
        "the change is not in the state table; the message stays as it was",
    )
}

/// When to ask first for a receipt of what was accepted: never where there is no id to ask by.
pub fn first_query_at(now: i64, settlement: &Settlement) -> Option<i64> {
    let asks = settlement.poll_after.filter(|_| settlement.outcome.provider_id.is_some());
    asks.map(|after| later(now, after))
}

/// What the event log keeps of an attempt.
pub fn attempt_details(settlement: &Settlement) -> EventDetails {
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

/// What the event log keeps of a receipt.
fn receipt_event(receipt: &Receipt) -> NewEvent {
    let details = EventDetails {
        provider: Some(receipt.provider.clone()),
        provider_id: Some(receipt.provider_id.clone()),
        code: receipt.code,
        text: receipt.text.clone(),
        provider_at: receipt.at,
        ..EventDetails::default()
    };
    (EventKind::Receipt, details)
}

fn later(now: i64, after: Duration) -> i64 {
    now.saturating_add(duration_to_ms(after))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
