//! The law of counting: which events change which counts.

use std::collections::BTreeMap;

use crate::clock::{UnixMs, datetime_to_ms};
use crate::message::Class;
use crate::rollups::counter::Counter;
use crate::rollups::latency::bucket;
use crate::store::event::{Event, EventKind};
use crate::store::status::Status;

/// The [`detail`](Change::detail) of a count that has none.
pub const NO_DETAIL: i64 = i64::MIN;

const MINUTE_MS: i64 = 60_000;

/// An event with what the law of counting needs of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedEvent {
    /// The event, with the owner of its message.
    pub event: Event,
    /// Class of the message.
    pub class: Class,
    /// Status of the message after the event before this one; `None` if this is the first.
    pub before: Option<Status>,
    /// Time from which the message was to be sent: its acceptance, or its later `send_at`.
    pub wanted_at: UnixMs,
}

impl LoggedEvent {
    /// An event of a message that was accepted at `created_at`, to be sent from `send_at` on.
    pub fn new(
        event: Event,
        class: Class,
        before: Option<Status>,
        created_at: UnixMs,
        send_at: Option<UnixMs>,
    ) -> Self {
        let wanted_at = send_at.map_or(created_at, |at| at.max(created_at));
        Self { event, class, before, wanted_at }
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
    /// The number to add.
    pub count: u64,
}

/// The additions of these events, one for each minute, owner, class, counter and detail.
///
/// An event counts in the minute of its time, once, if it brought its message into another state
/// than the event before it. So a message that is unknown, then sent and then delivered counts once
/// in each.
pub fn changes(events: impl IntoIterator<Item = LoggedEvent>) -> Vec<Change> {
    let mut counts = BTreeMap::new();
    for LoggedEvent { event, class, before, wanted_at } in events {
        let Some(counter) = Counter::of_status(event.status) else { continue };
        if before == Some(event.status) {
            continue;
        }
        let at = datetime_to_ms(event.at);
        let owner = event.owner.unwrap_or_default();
        let mut add = |counter: Counter, detail| {
            let key = (start(at, MINUTE_MS), owner.clone(), class.number(), counter, detail);
            counts.entry(key).or_insert((class, 0)).1 += 1;
        };
        let code = event.details.code.filter(|_| counter.has_code());
        add(counter, code.map_or(NO_DETAIL, i64::from));
        let is_answer = matches!(event.kind, EventKind::Attempt | EventKind::LateOutcome);
        if counter == Counter::Sent && is_answer {
            let took = at.saturating_sub(wanted_at).max(0).unsigned_abs();
            add(Counter::Latency, bucket(took).into());
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
    use crate::clock::datetime_from_ms;
    use crate::message::MessageId;
    use crate::store::event::EventDetails;

    fn event(at: i64, kind: EventKind, status: Status, before: Option<Status>) -> LoggedEvent {
        let details = EventDetails { code: Some(7), ..EventDetails::default() };
        let event = Event::new(1, MessageId::new(), datetime_from_ms(at), kind, status, details);
        LoggedEvent::new(event, Class::Otp, before, 60_000, Some(61_000))
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
