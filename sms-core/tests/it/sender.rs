//! Acceptance of messages: the meaning of `Ok`, shared inserts, and the effect of failures.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::store::{Archive, CancelRequest, DueRequest, ListRequest, MessageRequest};
use sms_core::worker::caretaker::Caretaker;
use sms_core::{
    Class, ErrorKind, MemoryQueue, MemoryStore, MessageId, PerLane, Queue, Result, Sandbox, Sender,
    Status, Store, StoreFault,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Call, Fault, QUEUE_CALLS, Reply, START_MS, World, accept, chain, message};

/// Lease of a job, and the time before a pushed job is pushed again.
const LEASE: Duration = Duration::from_mins(1);

/// Starts `count` sends at once.
fn send_at_once(world: &World, count: usize) -> Vec<JoinHandle<Result<MessageId>>> {
    let send = |number| {
        let sender = world.sender.clone();
        tokio::spawn(async move { sender.send(message(&format!("message {number}"))).await })
    };
    (0..count).map(send).collect()
}

async fn stored(world: &World) -> usize {
    world.memory.list(&ListRequest::new(usize::MAX)).await.unwrap().messages.len()
}

#[tokio::test(start_paused = true)]
async fn ok_means_stored() {
    let world = World::new();
    let id = world.sender.send(message("hi").reference("order-7")).await.unwrap();
    let stored = world.memory.get(&MessageRequest::new(id)).await.unwrap().unwrap();
    assert_eq!((stored.state.status, stored.message.text.as_str()), (Status::Queued, "hi"));
    assert_eq!(stored.message.reference.as_deref(), Some("order-7"));
}

#[tokio::test(start_paused = true)]
async fn concurrent_sends_share_inserts() {
    let world = World::new();
    for send in send_at_once(&world, 500) {
        send.await.unwrap().unwrap();
    }
    assert!(world.faults.count(Call::Insert) <= 3, "{} inserts", world.faults.count(Call::Insert));
    assert_eq!(stored(&world).await, 500);
}

#[tokio::test(start_paused = true)]
async fn a_lone_send_waits_for_nobody() {
    let world = World::new();
    let before = Instant::now();
    world.send(message("hi")).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn more_than_a_thousand_rows_are_split() {
    let world = World::new();
    world.faults.plan(Call::Insert, Fault::Delay(Duration::from_secs(1)), 1);
    for send in send_at_once(&world, 3500) {
        send.await.unwrap().unwrap();
    }
    assert!(
        (4..=5).contains(&world.faults.count(Call::Insert)),
        "{} inserts",
        world.faults.count(Call::Insert)
    );
    assert_eq!((stored(&world).await, world.faults.most_rows()), (3500, 1000));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_takes_nothing_from_the_others() {
    let world = World::new();
    world.faults.plan(Call::Insert, Fault::Delay(Duration::from_secs(1)), 1);
    let mut sends = send_at_once(&world, 10);
    sleep(Duration::from_millis(500)).await;
    for gone in sends.drain(..5) {
        gone.abort();
    }
    for send in sends {
        send.await.unwrap().unwrap();
    }
    // The messages of the callers that went away were being inserted already, and stay accepted.
    assert_eq!(stored(&world).await, 10);
}

#[tokio::test(start_paused = true)]
async fn everybody_who_shared_a_failed_insert_is_told_why() {
    let world = World::new();
    world.faults.break_all(&[Call::Insert], Fault::Fail);
    for send in send_at_once(&world, 10) {
        let error = send.await.unwrap().unwrap_err();
        let (kind, words) = chain(&error);
        assert_eq!(kind, ErrorKind::Unavailable);
        assert!(error.is_retryable());
        assert_eq!(error.fault(), Some(StoreFault::Full), "what can be done about it is lost");
        assert_eq!(words.last().map(String::as_str), Some("the cause"), "{words:?}");
    }
    world.faults.mend();
    world.send(message("hi")).await;
    assert_eq!(stored(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_after_a_lost_answer_is_the_same_message() {
    let world = World::new();
    world.faults.plan(Call::Insert, Fault::LoseAnswer, 1);
    let error = world.sender.send(message("hi").key("k")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    world.send(message("hi").key("k")).await;
    assert_eq!(stored(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_down_delays_no_acceptance_and_loses_nothing() {
    for fault in [Fault::Hang, Fault::Fail] {
        let world = World::new();
        world.faults.break_all(QUEUE_CALLS, fault);
        let before = Instant::now();
        let mut ids = Vec::new();
        for _ in 0..200 {
            ids.push(world.send(message("hi")).await);
        }
        assert_eq!(before.elapsed(), Duration::ZERO);
        world.faults.mend();
        let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
        let worker = world.start(Arc::clone(&provider));
        world.all_become(&ids, Status::Sent).await;
        assert!(before.elapsed() <= Duration::from_mins(1), "{:?}", before.elapsed());
        worker.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_message_names_its_fields_and_stores_nothing() {
    let world = World::new();
    let error = world.sender.send(sms_core::Message::new("12", "")).await.unwrap_err();
    let fields: Vec<&str> = error.fields().iter().map(|field| field.field).collect();
    assert_eq!((error.kind(), fields), (ErrorKind::Invalid, vec!["to", "text"]));
    assert_eq!((world.faults.count(Call::Insert), stored(&world).await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_same_key_and_content_is_one_message_even_at_once() {
    let world = World::new();
    let send = |_| {
        let sender = world.sender.clone();
        tokio::spawn(async move { sender.send(message("hi").key("k")).await.unwrap() })
    };
    let mut ids = Vec::new();
    for send in (0..100).map(send).collect::<Vec<_>>() {
        ids.push(send.await.unwrap());
    }
    ids.dedup();
    assert_eq!((ids.len(), stored(&world).await), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_same_key_for_other_content_is_refused_and_spoils_nobody_elses() {
    let world = World::new();
    world.send(message("hi").key("k")).await;
    let messages =
        [message("bye").key("k"), message("bye").key("k2"), message("bye").key("k").owner("other")];
    let [reused, fine, foreign] = messages;
    let (reused, fine, foreign) = tokio::join!(
        world.sender.send(reused),
        world.sender.send(fine),
        world.sender.send(foreign)
    );
    assert_eq!(reused.unwrap_err().kind(), ErrorKind::KeyReused);
    assert!(fine.is_ok() && foreign.is_ok());
    assert_eq!(stored(&world).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_replayed_message_is_not_offered_to_the_queue_again() {
    let world = World::new();
    let id = world.send(message("hi").key("k")).await;
    sleep(Duration::from_secs(1)).await;
    let leases = world.queue.pull(10, Duration::ZERO).await.unwrap();
    world.queue.ack(&leases).await.unwrap();
    assert_eq!(world.send(message("hi").key("k")).await, id);
    assert!(world.queue.pull(10, Duration::from_secs(1)).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_message_is_not_offered_to_the_queue() {
    let world = World::new();
    world.send(message("later").send_at(datetime_from_ms(START_MS + 1_000))).await;
    sleep(Duration::from_secs(10)).await;
    let stats = world.queue.stats().await.unwrap();
    assert!(stats.lanes.iter().all(|(_, lane)| lane.ready + lane.leased == 0));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_message_is_never_sent_although_its_id_is_in_the_queue() {
    let world = World::new();
    let id = world.send(message("hi")).await;
    let request = CancelRequest::new(id, "test".to_owned());
    assert_eq!(world.memory.cancel(request).await.unwrap(), Status::Cancelled);
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let worker = world.start(Arc::clone(&provider));
    sleep(Duration::from_mins(1)).await;
    worker.stop().await;
    assert_eq!(provider.times(id), 0);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_waits_for_a_dead_store_can_be_given_up() {
    let world = World::new();
    world.faults.plan(Call::Insert, Fault::Hang, 1);
    let impatient = timeout(Duration::from_secs(1), world.sender.send(message("hi")));
    assert!(impatient.await.is_err());
}

/// Polls once outside of any runtime.
fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_sender_can_be_built_outside_a_runtime_and_says_so_when_it_must_send_there() {
    let sender = Sender::builder(MemoryStore::new()).queue(sms_core::MemoryQueue::new()).build();
    let Poll::Ready(Err(error)) = poll_once(sender.send(message("hi"))) else {
        panic!("an answer is due")
    };
    assert_eq!(error.kind(), ErrorKind::Closed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(sender.send(message("hi"))).unwrap();
    drop(runtime);
    let Poll::Ready(Err(error)) = poll_once(sender.send(message("hi"))) else {
        panic!("an answer is due")
    };
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_a_full_queue_has_no_room_for_is_the_caretakers_at_once() {
    let (store, queue) =
        (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new().capacity(4).lease(LEASE)));
    let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
    for number in 0..10 {
        sender.send(message(&format!("message {number}"))).await.unwrap();
        sleep(Duration::from_millis(200)).await;
    }
    let due = DueRequest::new(PerLane::all(100), LEASE);
    assert_eq!(store.due(due).await.unwrap().len(), 6, "they would have to wait for 20 s");
    sender.send(message("urgent").class(Class::Otp)).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(queue.stats().await.unwrap().lanes.urgent.ready, 1, "another lane has room");
    let leases = queue.pull(5, Duration::ZERO).await.unwrap();
    queue.ack(&leases).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    sender.send(message("the last")).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(queue.stats().await.unwrap().lanes.normal.ready, 1, "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_burst_larger_than_the_queue_leaves_nothing_for_the_second_offer() {
    let (store, queue) =
        (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new().capacity(5000).lease(LEASE)));
    let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
    sender.send(message("the first")).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    let sends = (0..8000).map(|number| {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(message(&format!("message {number}"))).await })
    });
    for sent in sends.collect::<Vec<_>>() {
        sent.await.unwrap().unwrap();
    }
    sleep(Duration::from_millis(50)).await;
    let due = DueRequest::new(PerLane::all(10_000), LEASE);
    let (ready, due) =
        (queue.stats().await.unwrap().lanes.normal.ready, store.due(due).await.unwrap().len());
    assert_eq!(
        ready + due,
        8001,
        "the others would have to wait for 20 s: {ready} in the queue, {due} due"
    );
    assert!(ready > 900, "{ready}");
}

#[tokio::test(start_paused = true)]
async fn the_caretaker_leaves_the_senders_half_of_the_queue() {
    let (store, queue) =
        (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new().capacity(10).lease(LEASE)));
    let unqueued = Sender::builder(store.clone()).build();
    for number in 0..20 {
        unqueued.send(message(&format!("message {number}"))).await.unwrap();
    }
    let caretaker =
        Caretaker::new(store.clone(), queue.clone(), Arc::new(Sandbox::default()), LEASE);
    assert!(caretaker.offer().await.unwrap(), "more may be due");
    assert_eq!(
        queue.stats().await.unwrap().lanes.normal.ready,
        5,
        "what a sender pushed now would be dropped"
    );
    let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
    sender.send(message("the last")).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(queue.stats().await.unwrap().lanes.normal.ready, 6);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_the_first_message_although_its_time_is_past() {
    let world = World::new();
    let soon = datetime_from_ms(START_MS) + Duration::from_mins(5);
    let keyed = |text: &str, key: &str| message(text).key(key).send_at(soon);
    let first = world.sender.send(keyed("hi", "k")).await.unwrap();
    sleep(Duration::from_hours(1)).await;
    assert_eq!(world.sender.send(keyed("hi", "k")).await.unwrap(), first);
    let other = world.sender.send(keyed("ho", "k")).await.expect_err("other content");
    assert_eq!(other.kind(), ErrorKind::KeyReused);
    let late = world.sender.send(keyed("hi", "l")).await.expect_err("another key");
    assert_eq!(late.code(), "send_at_invalid");
    // It is not known whether the message is a replay, so it is not refused.
    world.faults.plan(Call::Read, Fault::Fail, 1);
    assert!(world.sender.send(keyed("hi", "k")).await.expect_err("unknown").is_retryable());
    assert_eq!(stored(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_time_forbids_spoils_no_other_message_of_its_batch() {
    let world = World::new();
    let past = message("late").send_at(datetime_from_ms(START_MS) - Duration::from_mins(11));
    let batch = [past.clone(), message("good"), past, message("better")];
    let batch: Vec<_> =
        batch.iter().map(|message| world.sender.prepare(message).unwrap()).collect();
    let ids = [batch[1].id, batch[3].id];
    let answers = world.sender.accept(batch).await.unwrap();
    let answers: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().ok().map(|accepted| accepted.id)).collect();
    assert_eq!(answers, [None, Some(ids[0]), None, Some(ids[1])]);
    assert_eq!(stored(&world).await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_time_allows_costs_no_look_at_the_keys() {
    let world = World::new();
    let soon = datetime_from_ms(START_MS) + Duration::from_mins(5);
    for text in ["a", "b"] {
        world.send(message(text).key(text).send_at(soon)).await;
    }
    assert_eq!(world.faults.count(Call::Read), 0);
}
