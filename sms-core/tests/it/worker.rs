//! Messages in a worker when nothing fails: order, batches, limits.

use sms_core::store::{Archive, MessageRequest};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use sms_core::store::event::EventKind;
use sms_core::store::timeline::steps;
use sms_core::{Class, ErrorKind, Limits, Sandbox, Status, clock::datetime_from_ms};
use tokio::time::{Instant, sleep};

use crate::support::{Reply, START_MS, Seen, TIMEOUT, World, accept, message, start};

#[tokio::test(start_paused = true)]
async fn a_message_goes_through_its_states_in_order_until_it_is_delivered() {
    let world = World::new();
    let id = world.send(message("hi")).await;
    assert_eq!(world.status(id).await, Status::Queued);
    let worker = world.start(Sandbox::new().clock(world.clock.clone()));
    world.becomes(id, Status::Delivered).await;
    worker.stop().await;
    let stored = world.memory.get(&MessageRequest::new(id)).await.unwrap().unwrap();
    let steps = steps(&stored, world.timeline(id).await);
    let seen: Vec<_> = steps.iter().map(|step| (step.kind, step.status)).collect();
    let expected = [
        (EventKind::Accepted, Status::Queued),
        (EventKind::Attempt, Status::Sent),
        (EventKind::Receipt, Status::Delivered),
    ];
    assert_eq!(seen, expected);
    assert!(steps.is_sorted_by_key(|step| step.at));
}

#[tokio::test(start_paused = true)]
async fn nothing_reaches_the_provider_before_its_attempt_is_on_record() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let worker = world.start(Arc::clone(&provider));
    let mut ids = world.send_many(50).await;
    ids.push(world.send(message("code").class(Class::Otp)).await);
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    for state in provider.calls().iter().flat_map(|call| &call.states) {
        assert_eq!((state.status, state.fence, state.attempts), (Status::Sending, 1, 1));
        assert!(state.lease.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_taken_at_once_and_not_at_the_next_round() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let worker = world.start(Arc::clone(&provider));
    sleep(Duration::from_millis(1234)).await;
    let before = Instant::now();
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Sent).await;
    assert!(before.elapsed() < Duration::from_millis(50), "{:?}", before.elapsed());
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_time_codes_go_alone_and_the_others_together() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let mut ids = world.send_many(5).await;
    for _ in 0..3 {
        ids.push(world.send(message("code").class(Class::Otp)).await);
    }
    let worker = world.start(Arc::clone(&provider));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    let mut sizes: Vec<usize> = provider.calls().iter().map(|call| call.ids.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 1, 1, 5]);
}

#[tokio::test(start_paused = true)]
async fn no_call_is_larger_than_the_providers_batch() {
    let world = World::new();
    let provider =
        world.witness_with(Limits::new(7, TIMEOUT), |_, batch| Reply::Now(accept(batch)));
    let ids = world.send_many(40).await;
    let worker = world.start(Arc::clone(&provider));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    let sizes: Vec<usize> = provider.calls().iter().map(|call| call.ids.len()).collect();
    assert_eq!((sizes.iter().max(), sizes.iter().sum()), (Some(&7), 40));
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_in_flight_than_allowed() {
    let world = World::new();
    let slow = |batch: &[_]| Reply::After(Duration::from_secs(1), accept(batch));
    let provider = world.witness_with(Limits::new(1, TIMEOUT), move |_, batch| slow(batch));
    let ids = world.send_many(20).await;
    let worker =
        start(world.worker(Arc::clone(&provider)).concurrency(NonZeroUsize::new(3).unwrap()));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.most_in_flight(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_more_one_time_codes_are_in_flight_than_calls_allowed() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::After(Duration::from_secs(1), accept(batch)));
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(world.send(message("code").class(Class::Otp)).await);
    }
    let worker =
        start(world.worker(Arc::clone(&provider)).concurrency(NonZeroUsize::new(3).unwrap()));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    assert!(provider.most_in_flight() <= 3, "{} calls at once", provider.most_in_flight());
}

/// Largest number of calls within one second.
fn busiest_second(calls: &[Seen]) -> usize {
    let within = |from: &Seen| {
        calls.iter().filter(|call| call.at.duration_since(from.at).as_secs() == 0).count()
    };
    (0..calls.len()).map(|first| within(&calls[first]) - first).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn no_second_sees_more_calls_than_the_providers_rate() {
    let world = World::new();
    let limits = Limits::new(1, TIMEOUT).calls_per_second(NonZeroU32::new(20).unwrap());
    let provider = world.witness_with(limits, |_, batch| Reply::Now(accept(batch)));
    let ids = world.send_many(30).await;
    let worker = world.start(Arc::clone(&provider));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    assert!(busiest_second(&provider.calls()) <= 20, "{}", busiest_second(&provider.calls()));
}

#[tokio::test(start_paused = true)]
async fn calls_that_waited_for_others_to_end_keep_their_distance() {
    let world = World::new();
    let limits = Limits::new(1, TIMEOUT).calls_per_second(NonZeroU32::new(20).unwrap());
    // All calls in flight end together, on the next full second.
    let start_of_all = Instant::now();
    let until_full = move || {
        Duration::from_nanos(1_000_000_000 - u64::from(start_of_all.elapsed().subsec_nanos()))
    };
    let provider =
        world.witness_with(limits, move |_, batch| Reply::After(until_full(), accept(batch)));
    let ids = world.send_many(30).await;
    let worker =
        start(world.worker(Arc::clone(&provider)).concurrency(NonZeroUsize::new(5).unwrap()));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    let calls = provider.calls();
    let distances: Vec<_> =
        calls.windows(2).map(|two| two[1].at.duration_since(two[0].at)).collect();
    assert!(distances.iter().all(|distance| distance.as_millis() >= 50), "{distances:?}");
}

#[tokio::test(start_paused = true)]
async fn one_time_codes_keep_the_providers_rate_too() {
    let world = World::new();
    let limits = Limits::new(100, TIMEOUT).calls_per_second(NonZeroU32::new(20).unwrap());
    let provider = world.witness_with(limits, |_, batch| Reply::Now(accept(batch)));
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(world.send(message("code").class(Class::Otp)).await);
    }
    let worker = world.start(Arc::clone(&provider));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    assert!(busiest_second(&provider.calls()) <= 20, "{}", busiest_second(&provider.calls()));
}

/// The most messages in calls that start within one second.
fn most_messages_in_a_second(calls: &[Seen]) -> usize {
    let within = |from: &Seen| {
        let near = calls.iter().filter(|call| {
            call.at >= from.at && call.at.duration_since(from.at) < Duration::from_secs(1)
        });
        near.map(|call| call.ids.len()).sum()
    };
    calls.iter().map(within).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn no_second_sees_more_messages_than_the_providers_rate() {
    for (batch, rate) in [(100, 20), (7, 20), (1, 20), (30, 300)] {
        let world = World::new();
        let limits =
            Limits::new(batch, TIMEOUT).messages_per_second(NonZeroU32::new(rate).unwrap());
        let provider = world.witness_with(limits, |_, batch| Reply::Now(accept(batch)));
        let mut ids = world.send_many(150).await;
        ids.push(world.send(message("code").class(Class::Otp)).await);
        let before = Instant::now();
        let worker = world.start(Arc::clone(&provider));
        world.all_become(&ids, Status::Sent).await;
        let took = before.elapsed();
        worker.stop().await;
        let most = most_messages_in_a_second(&provider.calls());
        // The first call of two batches can be short, and the next one full: one batch more.
        let rate = usize::try_from(rate).unwrap();
        assert!(most < rate + batch.min(rate), "{batch} {rate}: {most} in a second");
        let needed = Duration::from_secs(1).mul_f64(151.0 / f64::from(limits_rate(limits)));
        assert!(took <= needed + Duration::from_secs(3), "{batch} {rate}: {took:?}");
        assert!(provider.calls().iter().all(|call| call.ids.len() <= rate));
    }
}

fn limits_rate(limits: Limits) -> u32 {
    limits.messages_per_second.map_or(u32::MAX, NonZeroU32::get)
}

#[tokio::test(start_paused = true)]
async fn no_attempt_is_spent_on_waiting_for_a_slow_rate() {
    let world = World::new();
    let limits =
        Limits::new(10, Duration::from_secs(1)).messages_per_second(NonZeroU32::new(1).unwrap());
    let provider = world.witness_with(limits, |_, batch| Reply::Now(accept(batch)));
    let ids = world.send_many(40).await;
    let worker = world.start(Arc::clone(&provider));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    for id in ids {
        assert_eq!(world.state(id).await.attempts, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_messages_are_in_flight_than_the_window() {
    for (batch, window) in [(100, 5), (1, 5), (3, 5)] {
        let world = World::new();
        let limits = Limits::new(batch, TIMEOUT).window(NonZeroUsize::new(window).unwrap());
        let flying = Arc::new(std::sync::Mutex::new((Vec::new(), 0)));
        let seen = Arc::clone(&flying);
        let second = Duration::from_secs(1);
        let provider = world.witness_with(limits, move |_, batch| {
            let mut flying = seen.lock().unwrap();
            let now = Instant::now();
            flying.0.retain(|(until, _)| *until > now);
            flying.0.push((now + second, batch.len()));
            flying.1 = flying.1.max(flying.0.iter().map(|(_, count)| *count).sum());
            Reply::After(second, accept(batch))
        });
        let mut ids = world.send_many(40).await;
        for _ in 0..10 {
            ids.push(world.send(message("code").class(Class::Otp)).await);
        }
        let worker = world.start(Arc::clone(&provider));
        world.all_become(&ids, Status::Sent).await;
        worker.stop().await;
        let most: usize = flying.lock().unwrap().1;
        assert!(most <= window, "batches of {batch}: {most} in flight");
        assert!(most + batch > window, "batches of {batch}: only {most} in flight");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_a_call_could_outlive_is_refused() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    // The least is 2 × 5 + 10 s.
    let worker = world.worker(provider).lease(Duration::from_millis(19_999)).build();
    let error = worker.run(sms_core::CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_message_goes_when_it_is_due_and_not_before() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let worker = world.start(Arc::clone(&provider));
    let (before, wait) = (Instant::now(), Duration::from_mins(30));
    let id = world.send(message("later").send_at(datetime_from_ms(START_MS + 1_800_000))).await;
    world.becomes(id, Status::Sent).await;
    worker.stop().await;
    let waited = provider.calls()[0].at.duration_since(before);
    assert!(waited >= wait && waited <= wait + Duration::from_secs(2), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_message_never_reaches_the_provider() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let id = world.send(message("old").deadline(Duration::from_secs(10))).await;
    sleep(Duration::from_secs(10)).await;
    let worker = world.start(Arc::clone(&provider));
    world.becomes(id, Status::Expired).await;
    worker.stop().await;
    assert_eq!(provider.times(id), 0);
}

#[tokio::test(start_paused = true)]
async fn urgent_messages_overtake_a_backlog() {
    let world = World::new();
    let slow = |batch: &[_]| Reply::After(Duration::from_secs(1), accept(batch));
    let provider = world.witness_with(Limits::new(1, TIMEOUT), move |_, batch| slow(batch));
    let backlog = world.send_many(100).await;
    let worker = start(world.worker(Arc::clone(&provider)).concurrency(NonZeroUsize::MIN));
    world.becomes(backlog[2], Status::Sent).await;
    let before = Instant::now();
    let id = world.send(message("code").class(Class::Otp)).await;
    world.becomes(id, Status::Sent).await;
    assert!(before.elapsed() <= Duration::from_secs(3), "{:?}", before.elapsed());
    worker.stop().await;
}

/// Longest time until a due message is taken (guarantee G6 of the design).
const MAX_TAKE_TIME: Duration = Duration::from_secs(2);

/// Time from this instant to the first call with the message.
async fn asked_after(
    world: &World,
    provider: &crate::support::Witness,
    id: sms_core::MessageId,
) -> Duration {
    let before = Instant::now();
    while provider.times(id) == 0 {
        assert!(before.elapsed() < Duration::from_mins(2), "never: {:?}", world.timeline(id).await);
        sleep(Duration::from_millis(10)).await;
    }
    before.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_one_time_code_does_not_wait_for_the_first_call_of_a_worker() {
    let world = World::new();
    let slow = Duration::from_millis(4_900);
    let provider = world.witness(move |_, batch| Reply::After(slow, accept(batch)));
    let ids = world.send_many(1_000).await;
    let worker = world.start(Arc::clone(&provider));
    asked_after(&world, &provider, ids[0]).await;
    for _ in 0..5 {
        let code = world.send(message("code").class(Class::Otp)).await;
        let waited = asked_after(&world, &provider, code).await;
        assert!(waited <= MAX_TAKE_TIME, "{waited:?}");
    }
    let calls = provider.calls();
    assert_eq!(
        calls.iter().filter(|call| call.ids.len() > 1).count(),
        1,
        "the backlog waits for the outcome"
    );
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_time_codes_that_came_together_do_not_wait_for_the_first_of_them() {
    let world = World::new();
    let provider =
        world.witness(|_, batch| Reply::After(Duration::from_millis(4_900), accept(batch)));
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(world.send(message("code").class(Class::Otp)).await);
    }
    let worker = world.start(Arc::clone(&provider));
    let before = Instant::now();
    for code in codes {
        asked_after(&world, &provider, code).await;
    }
    assert!(before.elapsed() <= MAX_TAKE_TIME, "{:?}", before.elapsed());
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_one_time_code_does_not_wait_for_the_trial_after_a_pause() {
    let world = World::new();
    let provider = world.witness(|call, batch| match call {
        1 => Reply::Now(crate::support::all(batch, &sms_core::Outcome::blocked(7, "no money"))),
        _ => Reply::After(Duration::from_millis(4_900), accept(batch)),
    });
    let ids = world.send_many(1_000).await;
    let worker = world.start(Arc::clone(&provider));
    while provider.calls().len() < 2 {
        sleep(Duration::from_millis(10)).await;
    }
    let code = world.send(message("code").class(Class::Otp)).await;
    let waited = asked_after(&world, &provider, code).await;
    assert!(waited <= MAX_TAKE_TIME, "{waited:?}");
    assert_eq!(provider.calls()[1].ids.len(), 1, "the trial is one message");
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_one_time_code_does_not_wait_for_a_place_behind_slow_calls() {
    for pace in [None, NonZeroU32::new(4)] {
        let world = World::new();
        let mut limits = Limits::new(1, TIMEOUT);
        limits.calls_per_second = pace;
        let slow = |batch: &[_]| Reply::After(Duration::from_millis(4_900), accept(batch));
        let provider = world.witness_with(limits, move |call, batch| match call {
            1 => Reply::Now(accept(batch)),
            _ => slow(batch),
        });
        world.send_many(100).await;
        let worker = world.start(Arc::clone(&provider));
        while provider.most_in_flight() < 8 {
            sleep(Duration::from_millis(10)).await;
        }
        let code = world.send(message("code").class(Class::Otp)).await;
        let waited = asked_after(&world, &provider, code).await;
        assert!(waited <= MAX_TAKE_TIME, "{pace:?}: {waited:?}");
        worker.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_is_asked_once_by_a_backlog_of_one_time_codes() {
    let world = World::new();
    let provider = world.witness(|_, batch| {
        let refused = crate::support::all(batch, &sms_core::Outcome::blocked(7, "no money"));
        Reply::After(Duration::from_millis(300), refused)
    });
    for _ in 0..100 {
        world.send(message("code").class(Class::Otp)).await;
    }
    let worker = world.start(Arc::clone(&provider));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(provider.calls().len(), 1);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(provider.calls().len(), 2, "one trial after the pause");
    worker.stop().await;
}
