//! Transitions: the fields that each row of the [state table](crate::store::status::TRANSITIONS)
//! writes.
//!
//! For authors of stores. A store that has loaded a row under a lock calls these, by itself or
//! through a [`Ledger`](crate::store::ledger::Ledger). A statement that carries out a transition by
//! itself writes the same as the function of the same name here, and the suites of `sms-testkit`
//! compare the two.
//!
//! A transition that is not in the table does not happen: it is logged as an error and leaves the
//! message as it was. The store checks its own guard first, so such an error shows a bug of the
//! store.
//!
//! Over 400 lines: it contains every function that changes the state of a message.

use std::time::Duration;

use crate::clock::{StoreTime, UnixMs, datetime_to_ms, duration_to_ms};
use crate::error::{Error, ErrorKind};
use crate::message::{MessageId, NewMessage, OnUnknown};
use crate::provider::Polling;
use crate::provider::money::Money;
use crate::provider::outcome::OutcomeClass;
use crate::provider::receipt::Receipt;
use crate::store::begin::{BeginRequest, CLOCK_DIFFERENCE};
use crate::store::decision::{RESEND_AFTER, Verdict};
use crate::store::event::{EventDetails, EventKind, Evidence};
use crate::store::new_event::NewEvent;
use crate::store::parts::{News, Parts};
use crate::store::requests::{ReceiptEffect, Resolution, Settlement};
use crate::store::status::Status;

/// The part of a message that transitions read and write. Times are by the store's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryState {
    /// The status.
    pub status: Status,
    /// Time of the last change.
    pub updated_at: UnixMs,
    /// Time from which the next attempt may begin.
    pub due_at: UnixMs,
    /// Time from which the caretaker may push it to a queue again.
    pub push_at: UnixMs,
    /// Time from which it is not sent any more.
    pub valid_until: UnixMs,
    /// Time between `due_at` and `valid_until` that the message was accepted with, in milliseconds.
    pub deadline_ms: i64,
    /// Policy after an unknown outcome.
    pub on_unknown: OnUnknown,
    /// Counted attempts so far.
    pub attempts: u32,
    /// Resends after unknown outcomes so far.
    pub resends: u32,
    /// All attempts so far, counted or not. Identifies the attempt that owns the message.
    pub fence: u32,
    /// Lease of the worker, while the message is `sending`.
    pub lease: Option<HeldLease>,
    /// Start of its last attempt of unknown outcome.
    pub unknown_at: Option<UnixMs>,
    /// The provider that accepted it, or was asked last.
    pub provider: Option<String>,
    /// The provider's id of the message; that of the first part, if it gave one for each.
    pub provider_id: Option<String>,
    /// Parts with a provider id each. Empty while the message is `sending`, and for nearly every
    /// message.
    pub provider_parts: Parts,
    /// The provider's last code.
    pub code: Option<i32>,
    /// The provider's last text, or the reason of the last transition.
    pub reason: Option<String>,
    /// Time at which the provider accepted it.
    pub sent_at: Option<UnixMs>,
    /// Time of the next status query, or, after the end of the message, of the next query about its
    /// cost; `None` when none is planned.
    pub poll_at: Option<UnixMs>,
    /// Status queries so far; after the end of the message, those about its cost.
    pub polls: u32,
    /// Time at which its newest receipt was made, by the provider's clock.
    pub receipt_at: Option<UnixMs>,
    /// The cost, once the provider has told it.
    pub cost: Option<Money>,
}

/// The lease under which a worker holds a message that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLease {
    /// The worker's name.
    pub worker: String,
    /// The worker's own number of the batch.
    pub batch: u64,
    /// Start of the lease.
    pub since: UnixMs,
    /// End of the lease.
    pub until: UnixMs,
}

/// A settlement by the owner that writes the same to every message it may own.
///
/// Nearly every settlement is one. The store need not load the row then: one statement with the
/// guard of [`settle`](DeliveryState::settle) writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainSettlement {
    /// The state afterwards. Fields that no settlement writes hold placeholders.
    pub state: DeliveryState,
    /// The entry for the event log.
    pub event: NewEvent,
}

impl PlainSettlement {
    /// Time at which the message is due again; `None` when `due_at` and `push_at` stay as they are.
    pub fn due_at(&self) -> Option<UnixMs> {
        (self.state.status == Status::Queued).then_some(self.state.due_at)
    }

    /// Number to subtract from the counted attempts: 1 for an attempt that does not count, else 0.
    pub fn uncounted_attempts(&self) -> u32 {
        ANY_OWNED.attempts - self.state.attempts
    }
}

/// A placeholder for any message that is being sent and has not been accepted: a plain settlement
/// reads no field that differs between them.
const ANY_OWNED: DeliveryState = DeliveryState {
    status: Status::Sending,
    updated_at: 0,
    due_at: 0,
    push_at: 0,
    valid_until: 0,
    deadline_ms: 0,
    on_unknown: OnUnknown::Hold,
    attempts: 1,
    resends: 0,
    fence: 1,
    lease: None,
    unknown_at: None,
    provider: None,
    provider_id: None,
    provider_parts: Parts::none(),
    code: None,
    reason: None,
    sent_at: None,
    poll_at: None,
    polls: 0,
    receipt_at: None,
    cost: None,
};

/// Largest number of queries about the cost of a message. The last one is about 15 h after the end.
pub const COST_QUERIES: u32 = 8;
/// Time from the end of a message to the first query about its cost, at most. Messages that end in
/// the same period are due together, so that one call asks about many.
pub const COST_PERIOD_MS: i64 = 10_000;

/// The reason stored with a message after its lease was [over](DeliveryState::rescue).
pub const LEASE_OVER: &str = "the worker vanished before it recorded an outcome";
/// The reason stored with a message that was accepted before, as the refusal of a repeat shows.
const SENT_BEFORE: &str =
    "a repeat was refused as one, so the attempt of unknown outcome before it was accepted";
/// The reason stored with a message that is inferred to be the one of an unmatched receipt.
const INFERRED: &str =
    "a receipt under an unknown id came, and this was the only message it could be about";

impl DeliveryState {
    /// `∅ → queued`. The sender itself pushes a message of the default route without a `send_at` to
    /// the queue; the caretaker waits for `push_after` before it does.
    pub fn accept(message: &NewMessage, time: StoreTime, push_after: Duration) -> Self {
        let now_ms = time.now_ms;
        let due_at = message.send_at.map_or(now_ms, |at| time.at(datetime_to_ms(at)).max(now_ms));
        let deadline_ms = duration_to_ms(message.deadline);
        let is_pushed = message.send_at.is_none() && message.route.is_pushed();
        Self {
            status: Status::Queued,
            updated_at: now_ms,
            due_at,
            push_at: if is_pushed { later(now_ms, push_after) } else { due_at },
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
            provider_parts: Parts::none(),
            code: None,
            reason: None,
            sent_at: None,
            poll_at: None,
            polls: 0,
            receipt_at: None,
            cost: None,
        }
    }

    /// True if a provider id may be [inferred](Self::infer) for it.
    pub fn can_take_provider_id(&self) -> bool {
        self.status == Status::Unknown || self.status == Status::Sent && self.provider_id.is_none()
    }

    /// Time from the start of the last attempt of unknown outcome to that of the running attempt.
    pub fn unknown_before(&self) -> Option<Duration> {
        let since = self.lease.as_ref()?.since;
        self.unknown_at
            .map(|at| Duration::from_millis(since.saturating_sub(at).max(0).cast_unsigned()))
    }

    /// Guard of [`Store::due`](crate::Store::due).
    pub fn is_due(&self, now_ms: i64) -> bool {
        self.status == Status::Queued && self.due_at <= now_ms && self.valid_until > now_ms
    }

    /// Guard of [`begin`](Self::begin).
    pub fn may_begin(&self, now_ms: i64) -> bool {
        let is_due = self.due_at <= later(now_ms, CLOCK_DIFFERENCE);
        self.status == Status::Queued && is_due && self.valid_until > now_ms
    }

    /// Guard of [`expire`](Self::expire).
    pub fn is_past_deadline(&self, now_ms: i64) -> bool {
        self.status == Status::Queued && self.valid_until <= now_ms
    }

    /// Guard of [`rescue`](Self::rescue).
    pub fn lease_is_over(&self, now_ms: i64) -> bool {
        self.status == Status::Sending
            && self.lease.as_ref().is_some_and(|lease| lease.until <= now_ms)
    }

    /// Guard of [`Store::purge`](crate::Store::purge), for changes before this time.
    pub fn may_be_purged(&self, before_ms: i64) -> bool {
        !self.status.is_waiting() && self.updated_at < before_ms
    }

    /// Guard of [`plan_query`](Self::plan_query).
    pub fn awaits_query(&self, now_ms: i64) -> bool {
        self.status == Status::Sent && self.poll_at.is_some_and(|at| at <= now_ms)
    }

    /// Guard of [`plan_cost_query`](Self::plan_cost_query).
    pub fn awaits_cost_query(&self, now_ms: i64) -> bool {
        self.has_ended_at_provider() && self.poll_at.is_some_and(|at| at <= now_ms)
    }

    /// Guard of [`settle`](Self::settle): the settlement's attempt still owns the message.
    pub fn is_owned_by(&self, settlement: &Settlement) -> bool {
        self.status == Status::Sending && self.fence == settlement.fence
    }

    /// `queued → sending`; `false` when the table does not allow it.
    pub fn begin(&mut self, now_ms: i64, request: &BeginRequest<'_>) -> bool {
        if !self.enter(Status::Sending, now_ms) {
            return false;
        }
        self.fence += 1;
        self.attempts += 1;
        let until = later(now_ms, request.lease);
        self.lease = Some(HeldLease {
            worker: request.worker.to_owned(),
            batch: request.batch,
            since: now_ms,
            until,
        });
        self.provider = Some(request.provider.to_owned());
        true
    }

    /// `sending → sent | queued | failed | unknown`, by the owner; `None` when the table does not
    /// allow it.
    pub fn settle(&mut self, now_ms: i64, settlement: &Settlement) -> Option<NewEvent> {
        let next = match settlement.verdict {
            Verdict::Sent | Verdict::SentBefore => Status::Sent,
            Verdict::Failed => Status::Failed,
            Verdict::Retry { .. } => Status::Queued,
            Verdict::Resend { after } if self.is_valid_after(now_ms, after) => Status::Queued,
            Verdict::Unknown | Verdict::Resend { .. } => Status::Unknown,
        };
        if !self.enter(next, now_ms) {
            return None;
        }
        self.record_answer(settlement);
        if settlement.outcome.class == OutcomeClass::Unknown {
            self.unknown_at = Some(now_ms.saturating_sub(duration_to_ms(settlement.took)));
        }
        let mut event = NewEvent::attempt(settlement);
        match settlement.verdict {
            Verdict::Sent => self.record_acceptance(now_ms, settlement),
            Verdict::SentBefore => {
                self.record_acceptance(now_ms, settlement);
                self.reason = Some(SENT_BEFORE.to_owned());
                event.details.evidence = Some(Evidence::RepeatRefused);
            }
            Verdict::Retry { after, counted } => {
                self.wait_until(later(now_ms, after));
                self.attempts = self.attempts.saturating_sub(u32::from(!counted));
                event = event.retry_in(after);
            }
            Verdict::Resend { after } if next == Status::Queued => {
                self.wait_until(later(now_ms, after));
                self.resends += 1;
                event = event.retry_in(after);
                event.details.resend = true;
            }
            Verdict::Failed | Verdict::Unknown | Verdict::Resend { .. } => {}
        }
        Some(event)
    }

    /// The changes of a [`settle`](Self::settle) that are the same for every message the settlement
    /// may own. `None` for a resend, which depends on the deadline, for the evidence of a refused
    /// repeat, for an acceptance under several ids, and for a verdict that contradicts its outcome.
    pub fn plain(now_ms: i64, settlement: &Settlement) -> Option<PlainSettlement> {
        let is_accepted = settlement.outcome.class == OutcomeClass::Accepted;
        match settlement.verdict {
            Verdict::Resend { .. } | Verdict::SentBefore => return None,
            verdict if is_accepted != (verdict == Verdict::Sent) => return None,
            _ if !settlement.outcome.more_provider_ids.is_empty() => return None,
            _ => {}
        }
        let mut state = ANY_OWNED;
        let event = state.settle(now_ms, settlement)?;
        Some(PlainSettlement { state, event })
    }

    /// Records an outcome that comes late: an acceptance makes the message `sent`, a final refusal
    /// of the same attempt makes an unknown one `failed`. Returns true if the message changed.
    pub fn settle_late(&mut self, now_ms: i64, settlement: &Settlement) -> (bool, NewEvent) {
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
        let lifted = lifted.filter(|status| self.enter(*status, now_ms));
        if let Some(status) = lifted {
            self.record_answer(settlement);
            if status == Status::Sent {
                self.record_acceptance(now_ms, settlement);
            }
        }
        // An acceptance that lifts the message has its parts recorded already.
        let has_parts = lifted != Some(Status::Sent) && self.record_parts(settlement);
        (lifted.is_some() || has_parts, NewEvent::late_outcome(settlement))
    }

    /// `sending → unknown | queued` after a lease; `None` when the table does not allow it.
    pub fn rescue(&mut self, now_ms: i64) -> Option<NewEvent> {
        let resends_left = self.resends < self.on_unknown.resends();
        let resend = resends_left && self.is_valid_after(now_ms, RESEND_AFTER);
        let lease = self.lease.clone();
        if !self.enter(if resend { Status::Queued } else { Status::Unknown }, now_ms) {
            return None;
        }
        let (worker, since) = lease.map(|lease| (lease.worker, lease.since)).unzip();
        self.unknown_at = since;
        self.code = None;
        self.reason = Some(LEASE_OVER.to_owned());
        if resend {
            self.resends += 1;
            self.wait_until(later(now_ms, RESEND_AFTER));
        }
        Some(NewEvent::lease_over(self.fence, worker, resend))
    }

    /// `queued → expired | unknown`; `None` when the table does not allow it.
    pub fn expire(&mut self, now_ms: i64) -> Option<NewEvent> {
        let entered = self.enter(self.end_of_waiting(Status::Expired), now_ms);
        entered.then(|| NewEvent::new(EventKind::Expired))
    }

    /// `queued → cancelled | unknown`; the guard is the status. `None` when the table does not
    /// allow it.
    pub fn cancel(&mut self, now_ms: i64, by: String) -> Option<NewEvent> {
        let entered = self.enter(self.end_of_waiting(Status::Cancelled), now_ms);
        entered.then(|| NewEvent::cancelled(by))
    }

    /// `unknown → sent | failed | queued`; the guard is the status. `None` when the table does not
    /// allow it.
    pub fn resolve(
        &mut self,
        now_ms: i64,
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
        if !self.enter(next, now_ms) {
            return None;
        }
        let mut provider_id = None;
        match how {
            Resolution::Sent { provider_id: known } => {
                self.sent_at = Some(now_ms);
                self.provider_id.clone_from(&known);
                // Its receipt may have come and gone while nobody knew the id.
                self.poll_at = known.is_some().then_some(now_ms);
                provider_id = known;
            }
            Resolution::Failed => {}
            Resolution::Resend => {
                self.resends += 1;
                // The first deadline may be past, but the operator wants the message sent now.
                self.valid_until = now_ms.saturating_add(self.deadline_ms);
                self.wait_until(now_ms);
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
        Some(NewEvent { kind: EventKind::Resolved, details })
    }

    /// `queued | sending → unknown`: the store was restored from a backup, and the message may have
    /// been sent after it. `None` when the table does not allow it.
    pub fn hold_restored(&mut self, now_ms: i64, by: &str, reason: &str) -> Option<NewEvent> {
        let lease = self.lease.clone();
        if !self.enter(Status::Unknown, now_ms) {
            return None;
        }
        self.unknown_at = lease.map(|lease| lease.since).or(self.unknown_at);
        self.code = None;
        self.reason = Some(reason.to_owned());
        let details = EventDetails {
            by: Some(by.to_owned()),
            text: Some(reason.to_owned()),
            ..EventDetails::default()
        };
        Some(NewEvent { kind: EventKind::Restored, details })
    }

    /// `unknown → sent`: the message is [inferred](crate::store::inference) to be the one with this
    /// provider id. The guard is [`can_take_provider_id`](Self::can_take_provider_id). `None` when
    /// the table does not allow it.
    pub fn infer(&mut self, now_ms: i64, provider_id: &str) -> Option<NewEvent> {
        if self.status != Status::Sent {
            if !self.enter(Status::Sent, now_ms) {
                return None;
            }
            self.sent_at = Some(now_ms);
            self.code = None;
        }
        self.updated_at = now_ms;
        self.provider_id = Some(provider_id.to_owned());
        self.reason = Some(INFERRED.to_owned());
        Some(NewEvent::inferred(self.provider.clone(), provider_id.to_owned()))
    }

    /// `sent → delivered | undelivered`, or a new code on the way there, for the message of this
    /// id. A receipt that contradicts a final state is recorded and changes nothing.
    ///
    /// A receipt about one of several [parts](Parts) ends the message only if it is the last part
    /// to be delivered, or the first that is undelivered. It does not tell the cost of the message.
    ///
    /// The first receipt with a cost sets it. A later one, with another cost or with none, leaves
    /// it as it is.
    pub fn receive(
        &mut self,
        id: MessageId,
        now_ms: i64,
        receipt: &Receipt,
    ) -> (ReceiptEffect, Option<NewEvent>) {
        let made_at = receipt.at.map(datetime_to_ms);
        let part = self.provider_parts.receive(now_ms, receipt);
        let cost = if part.is_some() { None } else { self.record_cost(receipt) };
        let news = match &part {
            Some(part) => part.news,
            None => News::of(self.status, self.code, self.receipt_at, receipt),
        };
        let end = match (news, &part) {
            (News::Nothing, _) if cost.is_none() => return (ReceiptEffect::Ignored, None),
            (News::Nothing | News::Contradiction | News::Code, _) => None,
            (News::End(_), Some(part)) => part.end,
            (News::End(end), None) => Some(end),
        };
        let mut event = NewEvent::receipt(receipt).cost(cost);
        if news == News::Nothing {
            // Not a change of the state: `updated_at` stays the time of the end.
            return (ReceiptEffect::CostKnown(id), Some(event));
        }
        event.details.part_status = part.map(|part| part.status);
        if news == News::Contradiction {
            if part.is_none() {
                self.receipt_at = made_at.or(Some(now_ms));
            }
            return (ReceiptEffect::Contradicted, Some(event));
        }
        if self.status != Status::Sent {
            // A part's receipt after the end of the message, which stays.
            let is_opposite = end.is_some_and(|end| end != self.status);
            let effect =
                if is_opposite { ReceiptEffect::Contradicted } else { ReceiptEffect::Applied(id) };
            return (effect, Some(event));
        }
        let is_old = made_at.zip(self.receipt_at).is_some_and(|(made, newest)| made < newest);
        if let Some(end) = end {
            if !self.enter(end, now_ms) {
                return (ReceiptEffect::Ignored, None);
            }
            self.poll_at = self.first_cost_query(now_ms, receipt);
            self.polls = 0;
        }
        // The end of one part among several is no code of the message.
        if end.is_some() || news == News::Code && !is_old {
            self.code = receipt.code;
            self.reason.clone_from(&receipt.text);
        }
        self.updated_at = now_ms;
        self.receipt_at = self.receipt_at.max(made_at);
        (ReceiptEffect::Applied(id), Some(event))
    }

    /// Schedules the next status query, or gives the message up and returns the event of that.
    pub fn plan_query(&mut self, now_ms: i64, polling: &Polling) -> Option<NewEvent> {
        if now_ms - self.sent_at.unwrap_or_default() >= duration_to_ms(polling.give_up) {
            self.poll_at = None;
            return Some(NewEvent::new(EventKind::ReceiptGivenUp));
        }
        let interval = duration_to_ms(polling.first).saturating_mul(1 << self.polls.min(20));
        self.poll_at = Some(now_ms.saturating_add(interval.min(duration_to_ms(polling.max))));
        self.polls += 1;
        None
    }

    /// Schedules the next query about the cost of a message that has ended. False if there were
    /// enough, and none is planned any more.
    pub fn plan_cost_query(&mut self, now_ms: i64) -> bool {
        let may_ask = self.polls < COST_QUERIES;
        let interval = COST_PERIOD_MS << (2 * self.polls.min(COST_QUERIES));
        self.poll_at = may_ask.then(|| now_ms.saturating_add(interval));
        self.polls += 1;
        may_ask
    }

    /// Takes the cost from a receipt about the whole message. Returns it if it is new. Whatever the
    /// receipt says, it ends the queries about the cost, unless it leaves the cost to one.
    fn record_cost(&mut self, receipt: &Receipt) -> Option<Money> {
        let known = receipt.cost.filter(|cost| cost.micros() >= 0 && self.cost.is_none());
        self.cost = self.cost.or(known);
        if self.has_ended_at_provider() && (self.cost.is_some() || !receipt.cost_later) {
            self.poll_at = None;
        }
        known
    }

    /// Time of the first query about the cost of a message that ends with this receipt: the end of
    /// the period of its end.
    fn first_cost_query(&self, now_ms: i64, receipt: &Receipt) -> Option<UnixMs> {
        let has_one_id = self.provider_id.is_some() && self.provider_parts.is_empty();
        let asks = receipt.cost_later && self.cost.is_none() && has_one_id;
        asks.then(|| start(now_ms, COST_PERIOD_MS).saturating_add(COST_PERIOD_MS))
    }

    const fn has_ended_at_provider(&self) -> bool {
        matches!(self.status, Status::Delivered | Status::Undelivered)
    }

    /// Enters a status, if the table has a row from here to there; otherwise nothing changes.
    fn enter(&mut self, status: Status, now_ms: i64) -> bool {
        let possible = self.status.may_become(status);
        if possible {
            self.status = status;
            self.updated_at = now_ms;
            self.lease = None;
        } else {
            tracing::error!(
                from = %self.status,
                to = %status,
                "refused a transition that is not in the state table"
            );
        }
        possible
    }

    fn wait_until(&mut self, due_at: i64) {
        self.due_at = due_at;
        self.push_at = due_at;
    }

    fn record_acceptance(&mut self, now_ms: i64, settlement: &Settlement) {
        self.provider_id.clone_from(&settlement.outcome.provider_id);
        self.record_parts(settlement);
        self.sent_at = Some(now_ms);
        // Without a provider id there is nothing to ask about.
        let asks = settlement.poll_after.filter(|_| settlement.outcome.provider_id.is_some());
        self.poll_at = asks.map(|after| later(now_ms, after));
    }

    /// Records the parts of an acceptance under several ids. Returns false for any other outcome.
    fn record_parts(&mut self, settlement: &Settlement) -> bool {
        let Settlement { fence, provider, outcome, .. } = settlement;
        let is_accepted = outcome.class == OutcomeClass::Accepted;
        is_accepted && self.provider_parts.add(*fence, provider, outcome.provider_ids())
    }

    fn record_answer(&mut self, settlement: &Settlement) {
        self.provider = Some(settlement.provider.clone());
        self.code = settlement.outcome.code;
        self.reason.clone_from(&settlement.outcome.text);
    }

    /// True if an earlier attempt was of unknown outcome.
    fn may_have_been_accepted(&self) -> bool {
        self.resends > 0
    }

    /// Status of a message that is not sent again: `end`, or `unknown` if it may have been accepted
    /// before.
    fn end_of_waiting(&self, end: Status) -> Status {
        if self.may_have_been_accepted() { Status::Unknown } else { end }
    }

    fn is_valid_after(&self, now_ms: i64, after: Duration) -> bool {
        later(now_ms, after) < self.valid_until
    }
}

/// The error of a change that the [table](crate::store::status::TRANSITIONS) does not allow
/// although the store's guard held.
pub fn impossible() -> Error {
    Error::new(
        ErrorKind::Internal,
        "the change is not in the state table; the message stays as it was",
    )
}

/// The start of the period of this length that a time lies in.
const fn start(at: UnixMs, period_ms: i64) -> UnixMs {
    at.saturating_sub(at.rem_euclid(period_ms))
}

fn later(now_ms: i64, after: Duration) -> i64 {
    now_ms.saturating_add(duration_to_ms(after))
}

#[cfg(test)]
mod tests;
