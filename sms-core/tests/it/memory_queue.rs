//! Guarantees of the in-process queue beyond the contract of every queue.

use std::time::Duration;

use sms_core::{Job, Lane, MemoryQueue, MessageId, Queue};
use tokio::time::sleep;

const LEASE: Duration = Duration::from_mins(1);

fn jobs(lane: Lane, count: usize) -> Vec<Job> {
    (0..count).map(|_| Job::new(MessageId::new(), lane)).collect()
}

async fn pull(queue: &MemoryQueue) -> Vec<Job> {
    queue.pull(1000, Duration::ZERO).await.unwrap().into_iter().map(|lease| lease.job).collect()
}

#[tokio::test(start_paused = true)]
async fn a_lane_holds_no_more_than_its_capacity_and_says_so() {
    let queue = MemoryQueue::new().capacity(10).lease(LEASE);
    queue.push(&jobs(Lane::Bulk, 25)).await.unwrap();
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.lanes.bulk.ready, stats.capacity), (10, Some(10)));
    // Pulled jobs still count towards the capacity.
    assert_eq!(queue.pull(4, Duration::ZERO).await.unwrap().len(), 4);
    assert_eq!(queue.stats().await.unwrap().room().into_values(), [10, 10, 0]);
    queue.push(&jobs(Lane::Bulk, 1)).await.unwrap();
    assert_eq!(pull(&queue).await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_gets_in_and_out_first_while_bulk_is_full() {
    let queue = MemoryQueue::new().capacity(10).lease(LEASE);
    queue.push(&jobs(Lane::Bulk, 25)).await.unwrap();
    let urgent = jobs(Lane::Urgent, 1);
    queue.push(&urgent).await.unwrap();
    assert_eq!(pull(&queue).await[0], urgent[0]);
}

#[tokio::test(start_paused = true)]
async fn no_id_is_held_twice_until_it_is_acked() {
    let queue = MemoryQueue::new().capacity(10).lease(LEASE);
    let job = jobs(Lane::Normal, 1);
    queue.push(&[job[0], job[0]]).await.unwrap();
    let leases = queue.pull(10, Duration::ZERO).await.unwrap();
    assert_eq!(leases.len(), 1);
    queue.push(&job).await.unwrap();
    assert!(pull(&queue).await.is_empty());
    queue.ack(&leases).await.unwrap();
    queue.push(&job).await.unwrap();
    assert_eq!(pull(&queue).await, job);
}

#[tokio::test(start_paused = true)]
async fn ids_whose_leases_are_over_come_back_in_their_order() {
    let queue = MemoryQueue::new().capacity(100).lease(LEASE);
    let pushed = jobs(Lane::Normal, 20);
    queue.push(&pushed).await.unwrap();
    assert_eq!(pull(&queue).await, pushed);
    sleep(LEASE).await;
    assert_eq!(pull(&queue).await, pushed);
}

#[tokio::test(start_paused = true)]
async fn a_wave_of_jobs_wakes_every_puller() {
    let queue = std::sync::Arc::new(MemoryQueue::new());
    let puller = || {
        let queue = std::sync::Arc::clone(&queue);
        tokio::spawn(async move { queue.pull(1, Duration::from_secs(10)).await.unwrap().len() })
    };
    let pullers: Vec<_> = (0..5).map(|_| puller()).collect();
    sleep(Duration::from_secs(1)).await;
    let before = tokio::time::Instant::now();
    queue.push(&jobs(Lane::Normal, 5)).await.unwrap();
    for puller in pullers {
        assert_eq!(puller.await.unwrap(), 1);
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
}
