//! Pulls that wait, that share jobs, and that are dropped.

use std::time::Duration;

use sms_core::{Lane, Queue as _};
use tokio::time::{Instant, timeout};

use crate::support::{PATIENCE, Prefix, jobs, jobs_of, pull_all, push, queue};

#[tokio::test]
async fn a_pull_that_waits_longer_than_the_timeout_of_an_answer_is_no_error() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config().timeout(Duration::from_millis(300)));
    let start = Instant::now();
    assert_eq!(queue.pull(1, Duration::from_millis(1500)).await.expect("pull"), []);
    assert!(start.elapsed() >= Duration::from_millis(1400), "{:?}", start.elapsed());
}

#[tokio::test]
async fn two_consumers_share_what_there_is() {
    let prefix = Prefix::shared();
    let (one, other) = (queue(prefix.config()), queue(prefix.config()));
    let pushed = jobs(Lane::Normal, 20);
    push(&one, &pushed).await;
    let mut pulled = jobs_of(&pull_all(&one, 10).await);
    pulled.extend(jobs_of(&pull_all(&other, 10).await));
    assert_eq!(pulled, pushed);
}

#[tokio::test]
async fn another_consumer_takes_over_a_lease_that_is_over() {
    let prefix = Prefix::shared();
    let config = prefix.config().lease(Duration::from_millis(300));
    let (one, other) = (queue(config.clone()), queue(config));
    let pushed = jobs(Lane::Urgent, 5);
    push(&one, &pushed).await;
    let old = pull_all(&one, 5).await;
    drop(one);
    let new = pull_all(&other, 5).await;
    assert_eq!(jobs_of(&new), pushed);
    other.release(&old).await.expect("release");
    assert_eq!(
        other.pull(5, Duration::ZERO).await.expect("pull"),
        [],
        "the old lease returns nothing"
    );
}

#[tokio::test]
async fn a_waiting_pull_gets_a_lease_that_ends_meanwhile() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config().lease(Duration::from_millis(500)));
    push(&queue, &jobs(Lane::Bulk, 1)).await;
    let leased = pull_all(&queue, 1).await;
    let start = Instant::now();
    let again = queue.pull(1, PATIENCE).await.expect("pull");
    assert_eq!(jobs_of(&again), jobs_of(&leased));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_released_job_is_the_next_one() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    let pushed = jobs(Lane::Normal, 6);
    push(&queue, &pushed).await;
    let leases = pull_all(&queue, 4).await;
    queue.release(&leases[1..3]).await.expect("release");
    assert_eq!(jobs_of(&pull_all(&queue, 4).await), [pushed[1], pushed[2], pushed[4], pushed[5]]);
}

#[tokio::test]
async fn a_release_wakes_a_pull_of_another_consumer_at_once() {
    let prefix = Prefix::shared();
    let (one, other) = (queue(prefix.config()), queue(prefix.config()));
    push(&one, &jobs(Lane::Normal, 1)).await;
    let leases = pull_all(&one, 1).await;
    let (waiting, waits) =
        (tokio::spawn(async move { other.pull(1, PATIENCE).await }), Duration::from_millis(50));
    // Usually enough for the pull to wait. The result must be the same if it is not.
    let _ = timeout(waits, std::future::pending::<()>()).await;
    let start = Instant::now();
    one.release(&leases).await.expect("release");
    assert_eq!(jobs_of(&waiting.await.expect("no panic").expect("pull")), jobs_of(&leases));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_short_pull_does_not_wait_for_a_long_one() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    let long = tokio::spawn({
        let queue = queue.clone();
        async move { queue.pull(1, PATIENCE).await }
    });
    for _ in 0..5 {
        let start = Instant::now();
        assert_eq!(queue.pull(1, Duration::from_millis(100)).await.expect("pull"), []);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
    push(&queue, &jobs(Lane::Normal, 1)).await;
    assert_eq!(long.await.expect("no panic").expect("pull").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pulls_that_are_dropped_at_any_instant_lose_nothing() {
    let prefix = Prefix::shared();
    // A long lease, so that the jobs of a dropped pull can only come back by being returned.
    let queue = queue(prefix.config().lease(Duration::from_mins(10)));
    let pushed = jobs(Lane::Normal, 200);
    let mut got = Vec::new();
    for (round, some) in pushed.chunks(1).enumerate() {
        let micros = u64::try_from(round).expect("small") * 10;
        let waiting = queue.pull(1, PATIENCE);
        let (pulled, ()) =
            tokio::join!(timeout(Duration::from_micros(micros), waiting), push(&queue, some));
        got.extend(pulled.map(|leases| leases.expect("pull")).unwrap_or_default());
    }
    got.extend(pull_all(&queue, pushed.len() - got.len()).await);
    let mut got = jobs_of(&got);
    got.sort_by_key(|job| job.id);
    assert_eq!(got, pushed);
}

#[tokio::test]
async fn a_dropped_pull_that_blocks_keeps_no_other_waiting() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    queue.pull(1, Duration::from_millis(10)).await.expect("the connection that waits is made");
    assert!(
        timeout(Duration::from_millis(200), queue.pull(1, PATIENCE)).await.is_err(),
        "it waits"
    );
    let start = Instant::now();
    assert_eq!(queue.pull(1, Duration::from_millis(100)).await.expect("pull"), []);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_endless_wait_is_no_panic() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    push(&queue, &jobs(Lane::Normal, 1)).await;
    assert_eq!(queue.pull(usize::MAX, Duration::MAX).await.expect("pull").len(), 1);
}
