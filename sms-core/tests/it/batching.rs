//! Conditions under which the worker waits for a batch to fill.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sms_core::{Class, MessageId, Outcome, Queue, Status};
use tokio::time::{Instant, sleep, sleep_until};

use crate::support::{Call, Fault, Reply, Witness, World, accept, all, message};

const MS: Duration = Duration::from_millis(1);
/// Interval of pulls while a batch fills.
const PULL_INTERVAL: Duration = Duration::from_millis(5);
/// Longest wait of a message: for a pull, and for its batch.
const MAX_WAIT: Duration = Duration::from_millis(25);

/// Each message with the time at which it was sent.
type Sent = HashMap<MessageId, Instant>;

/// Sends `messages` messages, each by itself, at every interval, for as long as `lasts`.
async fn stream(world: &World, messages: usize, every: Duration, lasts: Duration) -> Sent {
    let (start, mut sent) = (Instant::now(), Sent::new());
    let mut next = start;
    while next < start + lasts {
        sleep_until(next).await;
        for _ in 0..messages {
            sent.insert(world.send(message("hi")).await, Instant::now());
        }
        next += every;
    }
    sent
}

/// 5,000 messages a second.
async fn fast(world: &World, lasts: Duration) -> Sent {
    stream(world, 5, MS, lasts).await
}

async fn all_sent(world: &World, sent: &Sent) {
    let ids: Vec<MessageId> = sent.keys().copied().collect();
    world.all_become(&ids, Status::Sent).await;
}

/// Time of the call with each message.
fn called(provider: &Witness) -> Sent {
    let calls = provider.calls();
    calls.iter().flat_map(|call| call.ids.iter().map(|id| (*id, call.at))).collect()
}

/// The longest time from the sending of a message to its call.
fn longest_wait(provider: &Witness, sent: &Sent) -> Duration {
    let called = called(provider);
    sent.iter().map(|(id, at)| called[id] - *at).max().unwrap()
}

fn sizes(provider: &Witness) -> Vec<usize> {
    provider.calls().iter().map(|call| call.ids.len()).collect()
}

#[tokio::test(start_paused = true)]
async fn up_to_a_thousand_messages_a_second_each_goes_at_once() {
    for every in [2 * MS, MS] {
        let world = World::new();
        let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
        let worker = world.start(Arc::clone(&provider));
        let sent = stream(&world, 1, every, 1_000 * MS).await;
        all_sent(&world, &sent).await;
        worker.stop().await;
        assert_eq!(provider.calls().len(), sent.len());
        assert_eq!(longest_wait(&provider, &sent), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn five_thousand_messages_a_second_fill_batches_and_wait_no_longer_than_that_takes() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let worker = world.start(Arc::clone(&provider));
    let sent = fast(&world, 2_000 * MS).await;
    all_sent(&world, &sent).await;
    worker.stop().await;
    let sizes = sizes(&provider);
    assert!(sizes.len() * 1_000 <= 20 * sent.len(), "{} calls for {}", sizes.len(), sent.len());
    // Without the first ones, before the worker knows the rate, and the last ones.
    let steady = &sizes[50..sizes.len() - 1];
    assert!(steady.iter().all(|size| *size == 100), "{steady:?}");
    assert!(longest_wait(&provider, &sent) <= MAX_WAIT, "{:?}", longest_wait(&provider, &sent));
}

#[tokio::test(start_paused = true)]
async fn a_backlog_goes_in_full_batches_and_its_rest_soon() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let ids = world.send_many(2_050).await;
    let worker = world.start(Arc::clone(&provider));
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
    let calls = provider.calls();
    let (last, full) = calls.split_last().unwrap();
    assert!(
        full.len() == 20 && full.iter().all(|call| call.ids.len() == 100),
        "{:?}",
        sizes(&provider)
    );
    let waited = last.at - full[19].at;
    assert!(waited <= MAX_WAIT, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_waits_for_no_batch_and_what_was_gathered_goes_next_to_it() {
    for moment in 0..25 {
        let world = World::new();
        let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
        let worker = world.start(Arc::clone(&provider));
        let before = fast(&world, 60 * MS + moment * MS).await;
        let (sent_at, urgent) =
            (Instant::now(), world.send(message("code").class(Class::Otp)).await);
        let after = fast(&world, 50 * MS).await;
        all_sent(&world, &after).await;
        worker.stop().await;
        let called = called(&provider);
        let urgent_at = called[&urgent];
        assert!(urgent_at - sent_at <= PULL_INTERVAL, "{:?} at {moment}", urgent_at - sent_at);
        // Messages that came after the last pull may still be in the queue.
        let mut gathered = before.iter().filter(|(_, at)| sent_at - **at > PULL_INTERVAL);
        assert!(gathered.all(|(id, _)| called[id] <= urgent_at), "at {moment}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_while_gathering_loses_nothing_and_keeps_nothing() {
    let mut given_back = 0;
    for moment in 0..25 {
        let world = World::new();
        let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
        let worker = world.start(Arc::clone(&provider));
        let sent = fast(&world, 60 * MS + moment * MS).await;
        let took = worker.stop().await;
        assert!(took <= MAX_WAIT, "{took:?}");
        let done = sizes(&provider).iter().sum::<usize>();
        let normal = world.queue.stats().await.unwrap().lanes.normal;
        assert_eq!((done + normal.ready, normal.leased), (sent.len(), 0), "at {moment}");
        given_back += normal.ready;
    }
    assert!(given_back > 0, "no shutdown came while jobs were gathered");
}

#[tokio::test(start_paused = true)]
async fn what_was_gathered_is_sent_when_the_next_pull_fails() {
    for fault in [Fault::Fail, Fault::Hang] {
        let world = World::new();
        let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
        let worker = world.start(Arc::clone(&provider));
        let before = fast(&world, 62 * MS).await;
        let done = sizes(&provider).iter().sum::<usize>();
        assert!(done < before.len(), "nothing was being gathered");
        world.faults.plan(Call::Pull, fault, 1);
        sleep(6_000 * MS).await;
        all_sent(&world, &before).await;
        worker.stop().await;
        assert!(before.keys().all(|id| provider.times(*id) == 1));
        // Once it was pulled, nothing waited for the end of a lease of the queue.
        assert!(longest_wait(&provider, &before) <= Duration::from_secs(6));
    }
}

#[tokio::test(start_paused = true)]
async fn a_trial_is_one_message_and_gathers_no_others() {
    let world = World::new();
    let blocked = |batch: &[_]| all(batch, &Outcome::blocked(201, "no money"));
    let provider = world.witness(move |number, batch| {
        let pays = number <= 60;
        Reply::Now(if pays { accept(batch) } else { blocked(batch) })
    });
    let worker = world.start(Arc::clone(&provider));
    fast(&world, 3_000 * MS).await;
    worker.stop().await;
    let calls = provider.calls();
    let (last_before, trial) = (&calls[60], &calls[61]);
    assert_eq!((last_before.ids.len(), trial.ids.len()), (100, 1));
    assert_eq!(trial.at - last_before.at, Duration::from_secs(2), "the first pause of the breaker");
}
