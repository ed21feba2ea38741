//! The law of counting: which events change which counts.

use std::collections::BTreeMap;

use crate::clock::UnixMs;
use crate::message::{Class, Route};
use crate::provider::money::Money;
use crate::rollups::counter::Counter;
use crate::rollups::latency::bucket;
use crate::store::event::EventKind;
use crate::store::status::Status;

/// The [`detail`](Change::detail) of a count that has none.
pub const NO_DETAIL: i64 = i64::MIN;

const MINUTE_MS: i64 = 60_000;

/// The part of an event that counting needs, with what it needs of the message.
///
/// A field that no count of this event needs may be left out, because every event is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedEvent {
    /// Time of the event.
    pub at: UnixMs,
    /// Kind of the event.
    pub kind: EventKind,
    /// Status of the message after it.
    pub status: Status,
    /// Owner of the message.
    pub owner: Option<String>,
    /// Class of the message.
    pub class: Class,
    /// The provider's code; needed for the statuses of [`Counter::CODED`].
    pub code: Option<i32>,
    /// Status of the message after the event before this one; `None` if this is the first. Not
    /// needed for [an attempt](EventKind::Attempt), which always changes the status.
    pub before: Option<Status>,
    /// Time from which the message was to be sent: its acceptance, or its later `send_at`. Needed
    /// for [`ANSWERS`].
    pub wanted_at: Option<UnixMs>,
    /// Cost that became known by the event.
    pub cost: Option<Money>,
}

/// Events that have a latency: those in which the provider answered.
pub const ANSWERS: [EventKind; 2] = [EventKind::Attempt, EventKind::LateOutcome];

impl LoggedEvent {
    /// An event of a message without an owner, with nothing that may be left out.
    pub const fn new(at: UnixMs, kind: EventKind, status: Status, class: Class) -> Self {
        let (owner, code, before, wanted_at, cost) = (None, None, None, None, None);
        Self { at, kind, status, owner, class, code, before, wanted_at, cost }
    }

    /// Sets the owner.
    pub fn owner(mut self, owner: impl Into<Option<String>>) -> Self {
        self.owner = owner.into();
        self
    }

    /// Sets the provider's code.
    pub fn code(mut self, code: impl Into<Option<i32>>) -> Self {
        self.code = code.into();
        self
    }

    /// Sets the cost of a message of this route. Tests cost nothing, whatever the sandbox says.
    pub fn cost(mut self, cost: Option<Money>, route: &Route) -> Self {
        self.cost = cost.filter(|_| *route != Route::SANDBOX);
        self
    }

    /// Sets the status after the event before this one.
    pub fn before(mut self, before: impl Into<Option<Status>>) -> Self {
        self.before = before.into();
        self
    }

    /// Sets the times at which the message was accepted and from which it was to be sent.
    pub fn wanted(mut self, created_at: Option<UnixMs>, send_at: Option<UnixMs>) -> Self {
        self.wanted_at = created_at.map(|at| send_at.map_or(at, |send_at| send_at.max(at)));
        self
    }
}

/// An addition to one count of one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Start of the minute.
    pub minute: UnixMs,
    /// Owner of the messages; empty for messages without one.
    pub owner: String,
    /// Class of the messages.
    pub class: Class,
    /// The count.
    pub counter: Counter,
    /// The provider's code, or the bucket of a latency; [`NO_DETAIL`] for other counts.
    pub detail: i64,
    /// The number to add; for [`Counter::Cost`] the amount, in millionths.
    pub count: u64,
}

/// The additions of these events, one for each minute, owner, class, counter and detail.
///
/// An event counts in the minute of its time, once, if it brought its message into another state
/// than the event before it. So a message that is unknown, then sent and then delivered counts once
/// in each.
pub fn changes(events: impl IntoIterator<Item = LoggedEvent>) -> Vec<Change> {
    let mut counts = BTreeMap::new();
    for event in events {
        let mut add = |counter: Counter, detail, count: u64| {
            let minute = start(event.at, MINUTE_MS);
            let owner = event.owner.clone().unwrap_or_default();
            let key = (minute, owner, event.class.number(), counter, detail);
            counts.entry(key).or_insert((event.class, 0)).1 += count;
        };
        if let Some(cost) = event.cost.filter(|cost| cost.micros() > 0) {
            add(Counter::Cost, NO_DETAIL, cost.micros().unsigned_abs());
        }
        let Some(counter) = Counter::of_status(event.status) else { continue };
        // An attempt begins in the status `sending`, which no event has.
        if event.kind != EventKind::Attempt && event.before == Some(event.status) {
            continue;
        }
        let code = event.code.filter(|_| Counter::CODED.contains(&event.status));
        add(counter, code.map_or(NO_DETAIL, i64::from), 1);
        if counter == Counter::Sent
            && ANSWERS.contains(&event.kind)
            && let Some(wanted_at) = event.wanted_at
        {
            let took = event.at.saturating_sub(wanted_at).max(0).unsigned_abs();
            add(Counter::Latency, bucket(took).into(), 1);
        }
    }
    let change = |((minute, owner, _, counter, detail), (class, count))| Change {
        minute,
        owner,
        class,
        counter,
        detail,
        count,
    };
    counts.into_iter().map(change).collect()
}

/// The start of the period of this length that a time lies in.
pub const fn start(at: UnixMs, period_ms: i64) -> UnixMs {
    at.saturating_sub(at.rem_euclid(period_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, kind: EventKind, status: Status, before: Option<Status>) -> LoggedEvent {
        let event = LoggedEvent::new(at, kind, status, Class::Otp).code(7).before(before);
        event.wanted(Some(60_000), Some(61_000))
    }

    fn counted(events: impl IntoIterator<Item = LoggedEvent>) -> Vec<(i64, Counter, i64, u64)> {
        let row = |change: Change| (change.minute, change.counter, change.detail, change.count);
        changes(events).into_iter().map(row).collect()
    }

    #[test]
    fn a_state_counts_when_a_message_enters_it_and_not_while_it_stays() {
        use Status::{Queued, Sent, Unknown};
        let steps = [
            event(62_000, EventKind::Attempt, Unknown, None),
            event(63_000, EventKind::LateOutcome, Unknown, Some(Unknown)),
            event(64_000, EventKind::Resolved, Queued, Some(Unknown)),
            event(65_000, EventKind::Attempt, Unknown, Some(Queued)),
            event(120_000, EventKind::Inferred, Sent, Some(Unknown)),
            event(121_000, EventKind::Receipt, Sent, Some(Sent)),
        ];
        let expected =
            [(60_000, Counter::Unknown, NO_DETAIL, 2), (120_000, Counter::Sent, NO_DETAIL, 1)];
        assert_eq!(counted(steps), expected);
    }

    #[test]
    fn a_cost_counts_as_money_when_it_becomes_known_and_not_for_tests() {
        use Status::Delivered;
        let of = |at, before, cost, route: &Route| {
            let cost = Some(Money::from_micros(cost));
            event(at, EventKind::Receipt, Delivered, before).cost(cost, route)
        };
        let steps = [
            of(60_000, Some(Status::Sent), 500_000, &Route::DEFAULT),
            of(61_000, Some(Delivered), 250_000, &Route::DEFAULT),
            of(62_000, Some(Delivered), 0, &Route::DEFAULT),
            of(63_000, Some(Delivered), 100_000, &Route::SANDBOX),
        ];
        let expected = [
            (60_000, Counter::Delivered, NO_DETAIL, 1),
            (60_000, Counter::Cost, NO_DETAIL, 750_000),
        ];
        assert_eq!(counted(steps), expected);
    }

    #[test]
    fn failures_have_a_code_and_answers_a_latency_from_the_wanted_time_on() {
        let steps = [
            event(62_000, EventKind::Attempt, Status::Sent, None),
            event(62_000, EventKind::Attempt, Status::Failed, None),
        ];
        let expected = [
            (60_000, Counter::Sent, NO_DETAIL, 1),
            (60_000, Counter::Failed, 7, 1),
            (60_000, Counter::Latency, bucket(1000).into(), 1),
        ];
        assert_eq!(counted(steps), expected);
    }
}
