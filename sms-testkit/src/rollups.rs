//! Behaviours of every [`Rollups`]. [`rollups!`](crate::rollups!) makes a test of each.

#![allow(missing_docs, reason = "the name of each function says what it checks")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use sms_core::rollups::change::Change;
use sms_core::rollups::counter::Counter;
use sms_core::rollups::requests::{RollUpRequest, SeriesRequest, Step};
use sms_core::rollups::series::{Counts, Series};
use sms_core::store::{BeginRequest, InsertRequest};
use sms_core::{Class, MessageId, Money, ReceiptState, Rollups, Route, Scope, Store};
use time::OffsetDateTime;

use crate::harness::RollupsHarness;
use crate::store::steps::{
    ALL, DAY, PROVIDER, accepted, batch, message, otp, prepared, receipt, rejected, secs, some,
    unknown,
};

/// Calls after which everything must have been counted.
const MAX_CALLS: usize = 10_000;

impl RollupsHarness {
    /// A harness in which counting has begun.
    async fn begin(&self) {
        self.rollups.roll_up(RollUpRequest::new(ALL)).await.expect("roll_up");
    }

    /// Counts everything, in calls of this size. Returns what they say that they have counted.
    async fn roll_up_by(&self, limit: usize) -> Vec<Change> {
        let mut changes = Vec::new();
        for _ in 0..MAX_CALLS {
            let progress = self.rollups.roll_up(RollUpRequest::new(limit)).await.expect("roll_up");
            changes.extend(progress.changes);
            if !progress.is_behind {
                return changes;
            }
        }
        panic!("still behind after {MAX_CALLS} calls");
    }

    async fn roll_up(&self) {
        self.roll_up_by(ALL).await;
    }

    async fn created_at(&self, id: MessageId) -> OffsetDateTime {
        self.messages.state(id).await.created_at
    }

    /// The series from a time on until two hours later.
    async fn series(&self, from: OffsetDateTime, step: Step) -> Series {
        self.series_in(Scope::All, from, step).await
    }

    async fn series_in(&self, scope: Scope, from: OffsetDateTime, step: Step) -> Series {
        let request = SeriesRequest::new(from, from + Duration::from_hours(2), step).scope(scope);
        self.rollups.series(&request).await.expect("series")
    }
}

/// The sum of all points.
fn total(series: &Series, counter: Counter) -> u64 {
    series.points.iter().map(|point| point.counts.count(counter)).sum()
}

/// The numbers that are not zero.
fn filled(counts: &Counts) -> Vec<(Counter, u64)> {
    let pairs = Counter::ALL.into_iter().map(|counter| (counter, counts.count(counter)));
    pairs.filter(|(_, count)| *count > 0).collect()
}

fn totals(series: &Series) -> Vec<(Counter, u64)> {
    let pairs = Counter::ALL.into_iter().map(|counter| (counter, total(series, counter)));
    pairs.filter(|(_, count)| *count > 0).collect()
}

pub async fn counting_begins_with_the_first_call(h: &RollupsHarness) {
    let early = h.messages.sent(message()).await;
    h.begin().await;
    let at = h.created_at(early).await;
    h.roll_up().await;
    assert_eq!(totals(&h.series(at, Step::Minute).await), []);
    h.messages.sent(message()).await;
    h.roll_up().await;
    let expected = [(Counter::Accepted, 1), (Counter::Sent, 1), (Counter::Latency, 1)];
    assert_eq!(totals(&h.series(at, Step::Minute).await), expected);
}

pub async fn a_message_counts_once_in_each_state_that_it_enters(h: &RollupsHarness) {
    h.begin().await;
    let id = h.messages.unknown(message()).await;
    let at = h.created_at(id).await;
    h.roll_up().await;
    // The same outcome again, the late acceptance, a receipt and its repeat.
    h.messages.settle(id, 1, unknown()).await;
    h.roll_up().await;
    h.messages.settle(id, 1, accepted(id)).await;
    for _ in 0..2 {
        h.messages.receive(receipt(id, ReceiptState::InTransit)).await;
        h.messages.receive(receipt(id, ReceiptState::Delivered)).await;
        h.roll_up().await;
    }
    let expected = [
        (Counter::Accepted, 1),
        (Counter::Sent, 1),
        (Counter::Delivered, 1),
        (Counter::Unknown, 1),
        (Counter::Latency, 1),
    ];
    assert_eq!(totals(&h.series(at, Step::Minute).await), expected);
}

pub async fn every_end_has_a_count(h: &RollupsHarness) {
    h.begin().await;
    let mut at = None;
    for status in sms_core::Status::ALL {
        let id = h.messages.in_status(status).await;
        at = Some(at.unwrap_or(h.created_at(id).await));
    }
    h.roll_up().await;
    let series = h.series(at.expect("a message"), Step::Minute).await;
    let expected = [
        (Counter::Accepted, 9),
        (Counter::Sent, 3),
        (Counter::Delivered, 1),
        (Counter::Undelivered, 1),
        (Counter::Failed, 1),
        (Counter::Unknown, 1),
        (Counter::Expired, 1),
        (Counter::Cancelled, 1),
        (Counter::Latency, 3),
    ];
    assert_eq!(totals(&series), expected);
}

pub async fn acceptances_are_counted_by_owner_and_class(h: &RollupsHarness) {
    h.begin().await;
    let of = |owner: &str| prepared(&message().owner(owner));
    let messages = [of("a"), of("b"), of("a"), prepared(&otp().owner("a")), prepared(&message())];
    h.messages.insert(&messages).await;
    let at = h.created_at(messages[0].id).await;
    h.roll_up().await;
    let own = h.series_in(Scope::Owner("a".to_owned()), at, Step::Minute).await;
    assert_eq!(totals(&own), [(Counter::Accepted, 3)]);
    let by_class: Vec<_> =
        own.by_class.iter().map(|of| (of.class, of.counts.count(Counter::Accepted))).collect();
    assert_eq!(by_class, [(Class::Otp, 1), (Class::Service, 2), (Class::Marketing, 0)]);
    assert_eq!(total(&h.series(at, Step::Minute).await, Counter::Accepted), 5);
    let stranger = h.series_in(Scope::Owner("c".to_owned()), at, Step::Minute).await;
    assert_eq!(totals(&stranger), []);
}

pub async fn a_replay_is_no_acceptance(h: &RollupsHarness) {
    h.begin().await;
    let keyed = || prepared(&message().owner("a").key("k"));
    let first = keyed();
    let at = {
        h.messages.insert(std::slice::from_ref(&first)).await;
        h.created_at(first.id).await
    };
    h.messages.insert(&[first, keyed()]).await;
    h.messages.insert(&[keyed(), prepared(&message())]).await;
    h.roll_up().await;
    assert_eq!(total(&h.series(at, Step::Minute).await, Counter::Accepted), 2);
}

pub async fn failures_are_counted_by_code(h: &RollupsHarness) {
    h.begin().await;
    let failed = h.messages.sending(message()).await;
    h.messages.settle(failed, 1, rejected()).await;
    let at = h.created_at(failed).await;
    let undelivered = h.messages.sent(message()).await;
    h.messages.receive(receipt(undelivered, ReceiptState::Undelivered)).await;
    let code = receipt(undelivered, ReceiptState::Undelivered).code;
    h.roll_up().await;
    let series = h.series(at, Step::Hour).await;
    let codes: Vec<_> = series.by_code.iter().map(|of| (of.code, filled(&of.counts))).collect();
    let expected =
        [(code, vec![(Counter::Undelivered, 1)]), (Some(202), vec![(Counter::Failed, 1)])];
    assert_eq!(codes, expected);
}

pub async fn costs_are_counted_when_they_become_known_and_not_those_of_tests(h: &RollupsHarness) {
    h.begin().await;
    let cost = Money::from_micros(2_500_000);
    let [first, second] =
        [h.messages.sent(message().owner("a")).await, h.messages.sent(otp()).await];
    let at = h.created_at(first).await;
    h.messages.receive(receipt(first, ReceiptState::Delivered).cost_later(true)).await;
    h.roll_up().await;
    assert_eq!(total(&h.series(at, Step::Minute).await, Counter::Cost), 0);
    // The answer to the query, its repeat, and a cost that comes with the end.
    for _ in 0..2 {
        h.messages.receive(receipt(first, ReceiptState::Delivered).cost(cost)).await;
        h.messages.receive(receipt(second, ReceiptState::Undelivered).cost(cost)).await;
        h.roll_up().await;
    }
    let test = h.messages.queued(message().route(Route::SANDBOX.as_str())).await;
    let (ids, lease) = ([test], secs(60));
    let request = BeginRequest::new(&ids, "w", batch(), PROVIDER, lease).route(&Route::SANDBOX);
    assert_eq!(h.messages.store().begin(request).await.expect("begin").len(), 1);
    h.messages.settle(test, 1, accepted(test)).await;
    h.messages.receive(receipt(test, ReceiptState::Delivered).cost(cost)).await;
    h.roll_up().await;
    for step in [Step::Minute, Step::Hour] {
        let series = h.series(at, step).await;
        let of_classes: Vec<_> = series.by_class.iter().map(|of| of.counts.cost()).collect();
        assert_eq!(of_classes, [cost, cost, Money::default()], "{step:?}");
        assert_eq!(total(&series, Counter::Cost), 5_000_000, "{step:?}");
        let (delivered, undelivered) = (Counter::Delivered, Counter::Undelivered);
        assert_eq!((total(&series, delivered), total(&series, undelivered)), (2, 1), "{step:?}");
        let own = h.series_in(Scope::Owner("a".to_owned()), at, step).await;
        assert_eq!(total(&own, Counter::Cost), 2_500_000, "{step:?}");
    }
}

pub async fn a_repeated_call_counts_nothing_twice(h: &RollupsHarness) {
    h.begin().await;
    let id = h.messages.sent(message()).await;
    for _ in 0..3 {
        h.roll_up().await;
        h.begin().await;
    }
    let expected = [(Counter::Accepted, 1), (Counter::Sent, 1), (Counter::Latency, 1)];
    assert_eq!(totals(&h.series(h.created_at(id).await, Step::Minute).await), expected);
}

pub async fn a_bounded_call_leaves_the_rest_to_the_next(h: &RollupsHarness) {
    h.begin().await;
    let first = h.messages.sent(message()).await;
    for _ in 0..4 {
        h.messages.sent(message()).await;
    }
    let progress = h.rollups.roll_up(RollUpRequest::new(2)).await.expect("roll_up");
    assert!(progress.is_behind, "a full page says that there may be more");
    let at = h.created_at(first).await;
    assert_eq!(total(&h.series(at, Step::Minute).await, Counter::Sent), 2);
    h.roll_up_by(2).await;
    assert_eq!(total(&h.series(at, Step::Minute).await, Counter::Sent), 5);
}

pub async fn callers_at_the_same_time_count_once(h: &RollupsHarness) {
    const MESSAGES: u64 = 20;
    h.begin().await;
    let first = h.messages.sent(message()).await;
    let all_at_a_time = async |limit| {
        let one = || h.roll_up_by(limit);
        <[_; 4]>::from(tokio::join!(one(), one(), one(), one())).concat()
    };
    let callers = all_at_a_time(1);
    let writer = async {
        for _ in 1..MESSAGES {
            h.messages.sent(message()).await;
        }
    };
    let ((), mut told) = tokio::join!(writer, callers);
    told.extend(all_at_a_time(2).await);
    told.extend(h.roll_up_by(ALL).await);
    let sent =
        told.iter().filter(|change| change.counter == Counter::Sent).map(|change| change.count);
    assert_eq!(sent.sum::<u64>(), MESSAGES, "each transition is told to one of them");
    let series = h.series(h.created_at(first).await, Step::Minute).await;
    let expected =
        [(Counter::Accepted, MESSAGES), (Counter::Sent, MESSAGES), (Counter::Latency, MESSAGES)];
    assert_eq!(totals(&series), expected);
}

pub async fn a_call_that_is_dropped_counts_whole_or_not_at_all(h: &RollupsHarness) {
    h.begin().await;
    let first = h.messages.sent(message()).await;
    let mut messages = 1;
    for polls in 0..30 {
        h.messages.sent(message()).await;
        messages += 1;
        drop_after(polls, h.rollups.roll_up(RollUpRequest::new(ALL))).await;
    }
    // A call without a caller may go on for a moment. It and this one count once.
    h.roll_up().await;
    h.messages.sent(message()).await;
    messages += 1;
    h.roll_up().await;
    let series = h.series(h.created_at(first).await, Step::Minute).await;
    let expected =
        [(Counter::Accepted, messages), (Counter::Sent, messages), (Counter::Latency, messages)];
    assert_eq!(totals(&series), expected);
}

/// Polls a future this number of times and drops it.
async fn drop_after(polls: usize, future: impl Future) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

pub async fn events_count_in_the_minute_of_their_time(h: &RollupsHarness) {
    h.begin().await;
    let id = h.messages.sending(message()).await;
    let at = h.created_at(id).await;
    h.messages.advance(Duration::from_mins(5)).await;
    h.messages.settle(id, 1, accepted(id)).await;
    h.messages.advance(Duration::from_mins(70)).await;
    h.messages.receive(receipt(id, ReceiptState::Delivered)).await;
    h.roll_up().await;
    for (step, sent, delivered) in
        [(Step::Minute, 5, 75), (Step::FiveMinutes, 1, 15), (Step::Hour, 0, 1)]
    {
        // From the start of the point in which the message was accepted.
        let series = h.series(at, step).await;
        let index = |counter| {
            series
                .points
                .iter()
                .position(|point| point.counts.count(counter) == 1)
                .expect("a count")
        };
        let seconds = u64::from(step.seconds());
        let offset = at.unix_timestamp().unsigned_abs() % seconds;
        let shifted = |minutes: u64| usize::try_from((offset + minutes * 60) / seconds).unwrap();
        assert_eq!(index(Counter::Accepted), 0, "{step:?}");
        // A store's clock may run between the steps of the test.
        assert!(index(Counter::Sent).abs_diff(shifted(5)) <= 1, "{step:?}: sent after {sent}");
        assert!(
            index(Counter::Delivered).abs_diff(shifted(75)) <= 1,
            "{step:?}: delivered after {delivered}"
        );
    }
}

pub async fn points_without_counts_are_there(h: &RollupsHarness) {
    h.begin().await;
    let id = h.messages.queued(message()).await;
    h.roll_up().await;
    let from = h.created_at(id).await - Duration::from_hours(1);
    let series = h.series(from, Step::FiveMinutes).await;
    assert!(series.points.len() >= 24, "{}", series.points.len());
    let steps = series.points.windows(2).map(|two| two[1].at - two[0].at);
    assert!(steps.into_iter().all(|step| step == time::Duration::minutes(5)));
    assert_eq!(totals(&series), [(Counter::Accepted, 1)]);
    assert!(series.points.iter().all(|point| point.latency.is_none()));
}

pub async fn the_latency_is_the_time_until_the_provider_accepts(h: &RollupsHarness) {
    h.begin().await;
    let id = h.messages.sending(message()).await;
    let at = h.created_at(id).await;
    h.messages.advance(secs(20)).await;
    h.messages.settle(id, 1, accepted(id)).await;
    h.roll_up().await;
    let series = h.series(at, Step::Hour).await;
    let latency = series.points.iter().find_map(|point| point.latency).expect("a latency");
    // Up to a quarter too long, and some seconds for a clock that runs.
    assert!((20_000..30_000).contains(&latency.p50), "{latency:?}");
    assert_eq!(latency.p50, latency.p99, "one message is every percentile");
}

pub async fn minutes_are_kept_for_72_hours_and_hours_for_90_days(h: &RollupsHarness) {
    h.begin().await;
    let id = h.messages.queued(message()).await;
    let at = h.created_at(id).await;
    h.roll_up().await;
    for (advance, minutes, hours) in [(71, 1, 1), (3, 0, 1), (84 * 24, 0, 1), (4 * 24, 0, 0)] {
        h.messages.advance(Duration::from_hours(advance)).await;
        h.roll_up().await;
        let minute = total(&h.series(at, Step::Minute).await, Counter::Accepted);
        let hour = total(&h.series(at, Step::Hour).await, Counter::Accepted);
        assert_eq!((minute, hour), (minutes, hours), "{advance} hours later");
    }
}

pub async fn a_purge_takes_nothing_away(h: &RollupsHarness) {
    h.begin().await;
    let id = h.messages.sent(message()).await;
    let at = h.created_at(id).await;
    h.messages.receive(receipt(id, ReceiptState::Delivered)).await;
    h.roll_up().await;
    h.messages.advance(DAY * 2).await;
    assert_eq!(h.messages.purge(DAY).await, 1);
    h.roll_up().await;
    let series = h.series(at, Step::Hour).await;
    assert_eq!(total(&series, Counter::Delivered), 1);
    assert_eq!(total(&series, Counter::Accepted), 1);
}

pub async fn a_large_batch_is_counted_whole(h: &RollupsHarness) {
    h.begin().await;
    let messages = some(1000);
    let request = InsertRequest::new(&messages);
    h.messages.store().insert(request).await.expect("inserted");
    h.roll_up().await;
    let at = h.created_at(messages[0].id).await;
    assert_eq!(total(&h.series(at, Step::Day).await, Counter::Accepted), 1000);
}
