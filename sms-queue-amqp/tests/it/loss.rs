//! Loss of queues and jobs, and recovery from it.

use std::time::Duration;

use sms_core::{ErrorKind, Lane, Queue as _};
use tokio::time::Instant;

use crate::support::{Lanes, jobs, pull_all, push_through, sorted, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_deleted_under_its_consumer_is_declared_again_and_consumed() {
    let lanes = Lanes::new();
    let queue = lanes.open().await;
    queue.push(&jobs(Lane::Normal, 1)).await.expect("push");
    let held = pull_all(&queue, 1).await;
    lanes.delete(Lane::Normal).await;
    // Its queue is gone, which must not fail the ack.
    queue.ack(&held).await.expect("ack");
    let after = jobs(Lane::Normal, 3);
    push_through(&queue, &after).await;
    assert_eq!(sorted(&pull_all(&queue, 3).await), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_without_a_queue_is_not_taken_for_done() {
    let lanes = Lanes::new();
    let queue = lanes.open().await;
    lanes.delete(Lane::Bulk).await;
    let pushed = jobs(Lane::Bulk, 5);
    let error = queue.push(&pushed).await.expect_err("there is nothing to hold them");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    push_through(&queue, &pushed).await;
    assert_eq!(sorted(&pull_all(&queue, 5).await), pushed);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_push_that_was_returned_fails() {
    let lanes = Lanes::new();
    let queue = lanes.open().await;
    lanes.delete(Lane::Bulk).await;
    let (good, lost) = (jobs(Lane::Urgent, 50), jobs(Lane::Bulk, 50));
    let (good_one, lost_one) = tokio::join!(queue.push(&good), queue.push(&lost));
    assert!(lost_one.is_err(), "there is nothing to hold them");
    good_one.expect("another lane is not concerned");
    assert_eq!(sorted(&pull_all(&queue, 50).await), good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_returned_too_often_is_dead_lettered_and_can_be_pushed_again() {
    let lanes = Lanes::new();
    let queue = lanes.open_with(|config| config.delivery_limit(20)).await;
    let pushed = jobs(Lane::Normal, 1);
    queue.push(&pushed).await.expect("push");
    for _ in 0..=20 {
        let leases = pull_all(&queue, 1).await;
        queue.release(&leases).await.expect("release");
    }
    until("the id is dead-lettered", async || lanes.inspect(&lanes.named("dead")).await.0 == 1)
        .await;
    assert_eq!(lanes.get(&lanes.named("dead")).await, Some(pushed[0].id.to_string()));
    assert_eq!(queue.pull(1, Duration::from_millis(300)).await.expect("pull"), []);
    queue.push(&pushed).await.expect("push");
    assert_eq!(sorted(&pull_all(&queue, 1).await), pushed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_job_is_dead_lettered_and_holds_nothing_up() {
    let lanes = Lanes::new();
    let queue = lanes.open().await;
    lanes.publish(Lane::Normal, "hello").await;
    let pushed = jobs(Lane::Normal, 2);
    queue.push(&pushed).await.expect("push");
    let leases = pull_all(&queue, 2).await;
    assert_eq!(sorted(&leases), pushed);
    queue.ack(&leases).await.expect("ack");
    until("it is dead-lettered", async || lanes.inspect(&lanes.named("dead")).await.0 == 1).await;
    assert_eq!(lanes.get(&lanes.named("dead")).await.as_deref(), Some("hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_too_long_is_dropped_and_not_dead_lettered() {
    let lanes = Lanes::new();
    let queue = lanes.open_with(|config| config.ttl(Duration::from_secs(1))).await;
    queue.push(&jobs(Lane::Bulk, 3)).await.expect("push");
    until("they are gone", async || lanes.inspect(&lanes.lane(Lane::Bulk)).await.0 == 0).await;
    assert_eq!(lanes.inspect(&lanes.named("dead")).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_lane_says_so_and_leaves_the_others_open() {
    let lanes = Lanes::new();
    let queue = lanes.open_with(|config| config.capacity(10)).await;
    // RabbitMQ enforces the bound, and not exactly.
    until("the lane is full", async || queue.push(&jobs(Lane::Bulk, 10)).await.is_err()).await;
    let stats = queue.stats().await.expect("stats");
    assert_eq!((stats.room().bulk, stats.capacity), (0, Some(10)));
    assert!(stats.lanes.bulk.ready < 100, "it does not grow without end: {stats:?}");
    let urgent = jobs(Lane::Urgent, 1);
    queue.push(&urgent).await.expect("push");
    assert_eq!(sorted(&pull_all(&queue, 1).await), urgent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_pull_loses_no_job_and_keeps_none() {
    let lanes = Lanes::new();
    let queue = std::sync::Arc::new(lanes.open().await);
    let pushed = jobs(Lane::Normal, 200);
    queue.push(&pushed).await.expect("push");
    for n in 0..50 {
        let pull = queue.pull(10, Duration::from_secs(10));
        if let Ok(leases) = tokio::time::timeout(Duration::from_micros(n * 40), pull).await {
            queue.release(&leases.expect("pull")).await.expect("release");
        }
    }
    // A lease is a minute, so a job that was lost to a dropped pull would take longer.
    let start = Instant::now();
    assert_eq!(sorted(&pull_all(&queue, 200).await), pushed);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
