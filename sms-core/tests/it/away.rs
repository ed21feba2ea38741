//! Outages of the queue: workers continue through the store.

use std::sync::Arc;
use std::time::Duration;

use sms_core::{Class, Limits, MessageId, Queue, Sender, Status};
use tokio::time::{Instant, sleep};

use crate::support::{Call, Fault, QUEUE_CALLS, Reply, TIMEOUT, Witness, World, accept, message};

/// Longest time until a due message is taken while the queue is down (guarantee G6 of the design).
const MAX_TAKE_TIME: Duration = Duration::from_secs(10);

fn accepting(world: &World) -> Arc<Witness> {
    world.witness(|_, batch| Reply::Now(accept(batch)))
}

/// Sends one message every 250 ms for 20 s; returns the longest wait of a message for its call.
async fn slowest(world: &World, provider: &Witness) -> Duration {
    let mut sent: Vec<(MessageId, Instant)> = Vec::new();
    for _ in 0..80 {
        sent.push((world.send(message("hi")).await, Instant::now()));
        sleep(Duration::from_millis(250)).await;
    }
    sleep(Duration::from_mins(2)).await;
    let calls = provider.calls();
    let waited = |(id, at): &(MessageId, Instant)| {
        let call = calls.iter().find(|call| call.ids.contains(id)).expect("it was sent");
        call.at - *at
    };
    assert!(sent.iter().all(|(id, _)| provider.times(*id) == 1), "something was sent twice");
    sent.iter().map(waited).max().expect("some")
}

#[tokio::test(start_paused = true)]
async fn while_the_queue_is_away_messages_are_taken_from_the_store_within_ten_seconds() {
    for fault in [Fault::Fail, Fault::Hang] {
        let world = World::new();
        let provider = accepting(&world);
        let worker = world.start(Arc::clone(&provider));
        world.send(message("before")).await;
        sleep(Duration::from_secs(30)).await;
        world.faults.break_all(QUEUE_CALLS, fault);
        let waited = slowest(&world, &provider).await;
        assert!(waited <= MAX_TAKE_TIME, "{fault:?}: {waited:?}");
        worker.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_was_idle_knows_that_the_queue_is_away_before_the_next_message() {
    let world = World::new();
    let provider = accepting(&world);
    let worker = world.start(Arc::clone(&provider));
    world.send(message("before")).await;
    sleep(Duration::from_secs(30)).await;
    world.faults.break_all(QUEUE_CALLS, Fault::Hang);
    sleep(Duration::from_secs(5)).await;
    let before = Instant::now();
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Sent).await;
    assert!(before.elapsed() <= Duration::from_secs(1), "{:?}", before.elapsed());
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_on_which_only_one_kind_of_call_hangs_is_away_too() {
    for call in QUEUE_CALLS {
        let world = World::new();
        let provider = accepting(&world);
        let worker = world.start(Arc::clone(&provider));
        sleep(Duration::from_secs(30)).await;
        world.faults.break_all(&[*call], Fault::Hang);
        let waited = slowest(&world, &provider).await;
        assert!(waited <= MAX_TAKE_TIME, "{call:?} hangs: {waited:?}");
        worker.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_in_the_lost_queue_is_taken_within_ten_seconds_too() {
    let world = World::new();
    let provider = accepting(&world);
    let ids = world.send_many(500).await;
    sleep(Duration::from_secs(1)).await;
    world.faults.break_all(QUEUE_CALLS, Fault::Hang);
    let before = Instant::now();
    let worker = world.start(Arc::clone(&provider));
    world.all_become(&ids, Status::Sent).await;
    assert!(before.elapsed() <= MAX_TAKE_TIME, "{:?}", before.elapsed());
    worker.stop().await;
    assert!(ids.iter().all(|id| provider.times(*id) == 1));
}

#[tokio::test(start_paused = true)]
async fn a_sender_in_the_same_process_reaches_the_worker_at_once_without_the_queue() {
    let world = World::new();
    let provider = accepting(&world);
    let worker = world.worker(Arc::clone(&provider)).build();
    let sender = Sender::builder(Arc::clone(&world.store)).queue(worker.queue()).build();
    let running = crate::support::run(worker);
    world.faults.break_all(QUEUE_CALLS, Fault::Hang);
    sleep(Duration::from_secs(10)).await;
    for _ in 0..20 {
        let before = Instant::now();
        let id = sender.send(message("hi")).await.unwrap();
        world.becomes(id, Status::Sent).await;
        assert!(before.elapsed() <= Duration::from_millis(50), "{:?}", before.elapsed());
        sleep(Duration::from_millis(123)).await;
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_back_is_used_again_and_nothing_is_left_behind() {
    let world = World::new();
    let slow = |batch: &[_]| Reply::After(Duration::from_secs(1), accept(batch));
    let provider = world.witness_with(Limits::new(10, TIMEOUT), move |_, batch| slow(batch));
    let worker = world.start(Arc::clone(&provider));
    world.send(message("before")).await;
    sleep(Duration::from_secs(30)).await;
    world.faults.break_all(QUEUE_CALLS, Fault::Fail);
    sleep(Duration::from_secs(10)).await;
    // More than the worker takes before the queue is back: the rest is in its fallback by then.
    let mut ids = world.send_many(900).await;
    sleep(Duration::from_secs(2)).await;
    world.faults.mend();
    let mended = Instant::now();
    sleep(Duration::from_secs(3)).await;
    ids.push(world.send(message("code").class(Class::Otp)).await);
    world.becomes(*ids.last().expect("one"), Status::Sent).await;
    assert!(
        mended.elapsed() < Duration::from_secs(6),
        "it waited behind the rest: {:?}",
        mended.elapsed()
    );
    world.all_become(&ids, Status::Sent).await;
    assert!(mended.elapsed() < Duration::from_secs(20), "left behind: {:?}", mended.elapsed());
    sleep(Duration::from_mins(2)).await;
    assert!(ids.iter().all(|id| provider.times(*id) == 1), "something was sent twice");
    let pulls = world.faults.count(Call::Pull);
    let before = Instant::now();
    let id = world.send(message("after")).await;
    world.becomes(id, Status::Sent).await;
    assert!(before.elapsed() < Duration::from_millis(1_100), "{:?}", before.elapsed());
    worker.stop().await;
    assert!(world.faults.count(Call::Pull) > pulls, "the queue is not pulled from");
    let stats = world.queue.stats().await.unwrap();
    assert!(stats.lanes.iter().all(|(_, lane)| lane.ready + lane.leased == 0), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_comes_and_goes_costs_little() {
    let world = World::new();
    let provider = accepting(&world);
    let worker = world.start(Arc::clone(&provider));
    let faults = Arc::clone(&world.faults);
    let flap = tokio::spawn(async move {
        loop {
            faults.break_all(QUEUE_CALLS, Fault::Hang);
            sleep(Duration::from_millis(2_500)).await;
            faults.mend();
            sleep(Duration::from_millis(2_500)).await;
        }
    });
    let waited = slowest(&world, &provider).await;
    flap.abort();
    world.faults.mend();
    worker.stop().await;
    assert!(waited <= MAX_TAKE_TIME, "{waited:?}");
}
