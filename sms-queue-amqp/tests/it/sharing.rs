//! Several processes that share the same lanes.

use std::time::Duration;

use sms_core::{Lane, Queue as _};
use tokio::time::{Instant, timeout};

use crate::support::{Lanes, PATIENCE, jobs, pull_all, sorted, until};

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_work_and_get_no_job_twice() {
    let lanes = Lanes::new();
    let (one, other) = (lanes.open().await, lanes.open().await);
    let pushed = jobs(Lane::Normal, 600);
    one.push(&pushed).await.expect("push");
    let work = async |queue: &sms_queue_amqp::AmqpQueue| {
        let mut pulled = Vec::new();
        loop {
            let leases = queue.pull(20, Duration::from_secs(1)).await.expect("pull");
            if leases.is_empty() {
                return pulled;
            }
            queue.ack(&leases).await.expect("ack");
            pulled.extend(leases);
        }
    };
    let (mut ours, theirs) = tokio::join!(work(&one), work(&other));
    assert!(!ours.is_empty() && !theirs.is_empty(), "{} and {}", ours.len(), theirs.len());
    ours.extend(theirs);
    assert_eq!(sorted(&ours), pushed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stopped_pulling_keeps_no_job_from_another() {
    let lanes = Lanes::new();
    let (idle, busy) = (lanes.open().await, lanes.open().await);
    // Subscribes, with a window of a hundred.
    assert_eq!(idle.pull(100, Duration::from_millis(10)).await.expect("pull"), []);
    let pushed = jobs(Lane::Normal, 50);
    busy.push(&pushed).await.expect("push");
    let start = Instant::now();
    assert_eq!(sorted(&pull_all(&busy, 50).await), pushed);
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_reaches_the_one_that_waits_for_it() {
    let lanes = Lanes::new();
    let (one, other) = (lanes.open().await, lanes.open().await);
    for _ in 0..20 {
        let pushed = jobs(Lane::Urgent, 1);
        let waiting = other.pull(1, PATIENCE);
        let (pulled, ()) = tokio::join!(waiting, async { one.push(&pushed).await.expect("push") });
        let leases = pulled.expect("pull");
        assert_eq!(sorted(&leases), pushed);
        other.ack(&leases).await.expect("ack");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_a_process_that_died_come_back_at_once() {
    let lanes = Lanes::new();
    let (dies, lives) = (lanes.open().await, lanes.open().await);
    let pushed = jobs(Lane::Normal, 10);
    lives.push(&pushed).await.expect("push");
    assert_eq!(pull_all(&dies, 10).await.len(), 10);
    drop(dies);
    // The leases of the dead process are a minute long.
    let back = timeout(Duration::from_secs(20), pull_all(&lives, 10))
        .await
        .expect("long before a lease ends");
    assert_eq!(sorted(&back), pushed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_not_settled_by_another_process() {
    let lanes = Lanes::new();
    let (one, other) = (lanes.open().await, lanes.open().await);
    one.push(&jobs(Lane::Normal, 4)).await.expect("push");
    let leases = pull_all(&one, 4).await;
    other.ack(&leases).await.expect("an ack of a foreign lease is no error");
    other.release(&leases).await.expect("nor is a release of one");
    assert_eq!(other.pull(4, Duration::from_millis(300)).await.expect("pull"), []);
    one.release(&leases).await.expect("release");
    assert_eq!(pull_all(&other, 4).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_pushes_is_no_consumer() {
    let lanes = Lanes::new();
    let queue = lanes.open().await;
    queue.push(&jobs(Lane::Normal, 1)).await.expect("push");
    assert_eq!(lanes.inspect(&lanes.lane(Lane::Normal)).await, (1, 0));
    let leases = pull_all(&queue, 1).await;
    queue.ack(&leases).await.expect("ack");
    until("a process that stopped pulling is no consumer either", async || {
        lanes.inspect(&lanes.lane(Lane::Normal)).await == (0, 0)
    })
    .await;
}

/// The best of five runs counts, because a busy machine can delay deliveries for longer than a pull
/// waits for them. A queue that does not wait for full batches needs several times as many pulls in
/// each run.
#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_comes_in_full_batches() {
    let mut fewest = usize::MAX;
    for _ in 0..5 {
        fewest = fewest.min(pulls_for_2000_in_batches_of_100().await);
        if fewest <= 24 {
            return;
        }
    }
    panic!("20 batches of 100 took {fewest} pulls or more in each of five runs");
}

async fn pulls_for_2000_in_batches_of_100() -> usize {
    let lanes = Lanes::new();
    let (pushes, pulls) = (lanes.open().await, lanes.open().await);
    pushes.push(&jobs(Lane::Bulk, 2000)).await.expect("push");
    let (mut pulled, mut calls) = (0, 0);
    while pulled < 2000 {
        let leases = pulls.pull(100, PATIENCE).await.expect("pull");
        pulls.ack(&leases).await.expect("ack");
        (pulled, calls) = (pulled + leases.len(), calls + 1);
    }
    calls
}
