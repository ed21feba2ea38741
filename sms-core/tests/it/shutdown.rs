//! Shutdown of the worker.

use std::sync::Arc;
use std::time::Duration;

use sms_core::{Queue, Status};
use tokio::time::sleep;

use crate::support::{
    Call, Fault, QUEUE_CALLS, Reply, STORE_CALLS, TIMEOUT, World, accept, message,
};

/// Longest shutdown: the bound of `Worker::run`, and the margin for writing outcomes.
const MAX_SHUTDOWN_TIME: Duration = Duration::from_secs(2 * 5 + 5);

#[tokio::test(start_paused = true)]
async fn calls_in_flight_end_and_are_recorded() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::After(Duration::from_secs(4), accept(batch)));
    let worker = world.start(Arc::clone(&provider));
    let id = world.send(message("hi")).await;
    sleep(Duration::from_secs(1)).await;
    let took = worker.stop().await;
    assert_eq!(world.status(id).await, Status::Sent);
    assert!(took <= Duration::from_secs(4), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_new_is_taken_and_an_idle_worker_stops_at_once() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let worker = world.start(Arc::clone(&provider));
    sleep(Duration::from_secs(1)).await;
    let took = worker.stop().await;
    let id = world.send(message("hi")).await;
    sleep(Duration::from_mins(2)).await;
    assert_eq!((provider.times(id), world.status(id).await), (0, Status::Queued));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn jobs_that_were_not_begun_are_given_back() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    world.faults.break_all(&[Call::Begin], Fault::Fail);
    let worker = world.start(Arc::clone(&provider));
    world.send_many(10).await;
    sleep(Duration::from_secs(1)).await;
    let took = worker.stop().await;
    assert!(took <= MAX_SHUTDOWN_TIME, "{took:?}");
    let normal = world.queue.stats().await.unwrap().lanes.normal;
    assert_eq!((normal.ready, normal.leased), (10, 0));
}

/// Shuts down a worker with a call in flight, with a fault in these calls.
async fn stop_with(calls: &[Call], fault: Fault) -> Duration {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::After(TIMEOUT / 2, accept(batch)));
    let worker = world.start(Arc::clone(&provider));
    world.send_many(10).await;
    sleep(Duration::from_secs(1)).await;
    world.faults.break_all(calls, fault);
    sleep(Duration::from_secs(5)).await;
    worker.stop().await
}

#[tokio::test(start_paused = true)]
async fn it_ends_in_time_while_the_store_fails() {
    let took = stop_with(STORE_CALLS, Fault::Fail).await;
    assert!(took <= MAX_SHUTDOWN_TIME, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn it_ends_in_time_while_the_queue_fails() {
    let took = stop_with(QUEUE_CALLS, Fault::Fail).await;
    assert!(took <= MAX_SHUTDOWN_TIME, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn it_ends_in_time_while_the_store_does_not_answer() {
    let took = stop_with(STORE_CALLS, Fault::Hang).await;
    assert!(took <= MAX_SHUTDOWN_TIME, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn it_ends_in_time_while_the_queue_does_not_answer() {
    let took = stop_with(QUEUE_CALLS, Fault::Hang).await;
    assert!(took <= MAX_SHUTDOWN_TIME, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_comes_late_in_the_drain_is_still_recorded() {
    let world = World::new();
    let provider =
        world.witness(|_, batch| Reply::After(Duration::from_millis(4_900), accept(batch)));
    // The sixth repeat, 6.3 s later, succeeds; the call ends when the drain proper is over.
    world.faults.plan(Call::Begin, Fault::Fail, 6);
    let id = world.send(message("hi")).await;
    let worker = world.start(Arc::clone(&provider));
    sleep(Duration::from_millis(50)).await;
    let took = worker.stop().await;
    assert!(took <= MAX_SHUTDOWN_TIME, "{took:?}");
    assert_eq!((provider.times(id), world.status(id).await), (1, Status::Sent));
}
