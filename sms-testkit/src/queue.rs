//! Behaviours of every [`Queue`](sms_core::Queue). [`queue!`](crate::queue!) makes a test of each.

#![allow(missing_docs, reason = "the name of each function says what it checks")]

use sms_core::PerLane;
use std::time::Duration;

use sms_core::queue::{LaneStats, LeaseToken};
use sms_core::{Job, Lane, Lease, MessageId};
use tokio::time::{Instant, timeout};

use crate::harness::QueueHarness;

/// Time limit for jobs that must arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(20);

fn jobs(lane: Lane, number: usize) -> Vec<Job> {
    (0..number).map(|_| Job::new(MessageId::new(), lane)).collect()
}

fn jobs_of(leases: &[Lease]) -> Vec<Job> {
    leases.iter().map(|lease| lease.job).collect()
}

fn sorted(mut jobs: Vec<Job>) -> Vec<Job> {
    jobs.sort_by_key(|job| job.id);
    jobs
}

impl QueueHarness {
    async fn push(&self, jobs: &[Job]) {
        self.queue.push(jobs).await.expect("push");
    }

    async fn pull(&self, max: usize, wait: Duration) -> Vec<Lease> {
        let leases = self.queue.pull(max, wait).await.expect("pull");
        assert!(leases.len() <= max, "pull returns no more jobs than requested");
        leases
    }

    async fn ack(&self, leases: &[Lease]) {
        self.queue.ack(leases).await.expect("ack");
    }

    async fn release(&self, leases: &[Lease]) {
        self.queue.release(leases).await.expect("release");
    }

    /// Pulls this many jobs, in as many calls as necessary.
    async fn pull_all(&self, number: usize) -> Vec<Lease> {
        let end = Instant::now() + ARRIVAL_LIMIT;
        let mut leases = Vec::new();
        while leases.len() < number {
            assert!(Instant::now() < end, "only {} of {number} jobs arrived", leases.len());
            leases.extend(self.pull(number - leases.len(), self.lease / 4).await);
        }
        leases
    }

    async fn push_and_pull(&self, lane: Lane) -> Lease {
        self.push(&jobs(lane, 1)).await;
        self.pull_all(1).await[0]
    }

    async fn expect_nothing(&self, why: &str) {
        assert_eq!(self.pull(10, self.lease / 4).await, [], "{why}");
    }

    /// Waits until every lease has ended.
    async fn leases_end(&self) {
        tokio::time::sleep(self.lease + self.lease / 4).await;
    }

    /// Waits until the lanes hold this many jobs: `(ready, leased)`.
    async fn expect_lanes(&self, expected: [(usize, usize); 3]) -> PerLane<LaneStats> {
        let end = Instant::now() + self.lease / 2;
        loop {
            let lanes = self.queue.stats().await.expect("stats").lanes;
            let counts = lanes.map(|lane| (lane.ready, lane.leased));
            if counts.into_values() == expected {
                return lanes;
            }
            assert!(
                Instant::now() < end,
                "(ready, leased) by lane are {counts:?}, not {expected:?}"
            );
            tokio::time::sleep(self.lease / 50).await;
        }
    }
}

pub async fn a_pushed_job_is_pulled(h: &QueueHarness) {
    for lane in Lane::ALL {
        let pushed = jobs(lane, 1);
        h.push(&pushed).await;
        assert_eq!(jobs_of(&h.pull_all(1).await), pushed);
    }
}

pub async fn every_job_of_a_large_push_is_pulled(h: &QueueHarness) {
    let pushed = jobs(Lane::Normal, 1000);
    h.push(&pushed).await;
    let mut pulled = Vec::new();
    while pulled.len() < pushed.len() {
        let leases = h.pull_all((pushed.len() - pulled.len()).min(100)).await;
        h.ack(&leases).await;
        pulled.extend(jobs_of(&leases));
    }
    assert_eq!(sorted(pulled), pushed);
    h.expect_nothing("all are acked").await;
}

pub async fn the_urgent_lane_goes_first(h: &QueueHarness) {
    let pushed: Vec<_> = [Lane::Bulk, Lane::Normal, Lane::Urgent]
        .into_iter()
        .flat_map(|lane| jobs(lane, 2))
        .collect();
    h.push(&pushed).await;
    let mut lanes = Vec::new();
    for _ in 0..pushed.len() {
        lanes.push(h.pull_all(1).await[0].job.lane);
    }
    let expected = [Lane::Urgent, Lane::Urgent, Lane::Normal, Lane::Normal, Lane::Bulk, Lane::Bulk];
    assert_eq!(lanes, expected);
}

pub async fn an_urgent_job_overtakes_a_backlog(h: &QueueHarness) {
    h.push(&jobs(Lane::Bulk, 50)).await;
    h.pull_all(5).await;
    let urgent = jobs(Lane::Urgent, 1);
    h.push(&urgent).await;
    assert_eq!(jobs_of(&h.pull_all(1).await), urgent);
}

pub async fn one_pull_reaches_into_every_lane(h: &QueueHarness) {
    let pushed: Vec<_> = Lane::ALL.into_iter().flat_map(|lane| jobs(lane, 2)).collect();
    h.push(&pushed).await;
    assert_eq!(sorted(jobs_of(&h.pull_all(pushed.len()).await)), pushed);
}

pub async fn a_lane_is_first_in_first_out(h: &QueueHarness) {
    let pushed = jobs(Lane::Normal, 10);
    for some in pushed.chunks(3) {
        h.push(some).await;
    }
    let mut pulled = h.pull_all(4).await;
    pulled.extend(h.pull_all(6).await);
    assert_eq!(jobs_of(&pulled), pushed);
}

pub async fn no_more_than_asked_for_are_pulled(h: &QueueHarness) {
    h.push(&jobs(Lane::Normal, 5)).await;
    assert_eq!(h.pull_all(2).await.len(), 2);
    assert_eq!(h.pull(0, ARRIVAL_LIMIT).await, [], "no jobs are requested");
    assert_eq!(h.pull_all(3).await.len(), 3);
}

pub async fn a_leased_job_is_hidden(h: &QueueHarness) {
    h.push_and_pull(Lane::Normal).await;
    h.expect_nothing("another consumer holds it").await;
}

pub async fn a_lease_that_is_over_gives_its_job_back(h: &QueueHarness) {
    for lane in Lane::ALL {
        let lease = h.push_and_pull(lane).await;
        h.leases_end().await;
        let again = h.pull_all(1).await[0];
        assert_eq!(again.job, lease.job);
        h.ack(&[again]).await;
    }
}

pub async fn an_acked_job_is_gone_for_good(h: &QueueHarness) {
    let lease = h.push_and_pull(Lane::Normal).await;
    h.ack(&[lease]).await;
    h.leases_end().await;
    h.expect_nothing("it is acked").await;
}

pub async fn an_ack_can_be_repeated(h: &QueueHarness) {
    let lease = h.push_and_pull(Lane::Normal).await;
    for _ in 0..3 {
        h.ack(&[lease]).await;
    }
    h.ack(&[lease, lease]).await;
    h.ack(&[]).await;
}

pub async fn an_ack_after_the_lease_is_no_error(h: &QueueHarness) {
    let lease = h.push_and_pull(Lane::Normal).await;
    h.leases_end().await;
    h.ack(&[lease]).await;
    h.release(&[lease]).await;
}

pub async fn an_ack_of_a_foreign_lease_is_no_error(h: &QueueHarness) {
    let lease = h.push_and_pull(Lane::Normal).await;
    let foreign = Lease::new(lease.job, LeaseToken(u64::MAX >> 1, u64::MAX >> 1));
    h.ack(&[foreign]).await;
    h.release(&[foreign]).await;
    h.expect_nothing("only the holder of the lease can release the job").await;
}

pub async fn an_acked_job_can_be_pushed_again(h: &QueueHarness) {
    let lease = h.push_and_pull(Lane::Normal).await;
    h.ack(&[lease]).await;
    h.push(&[lease.job]).await;
    assert_eq!(jobs_of(&h.pull_all(1).await), [lease.job], "a retry pushes the same id again");
}

pub async fn a_job_that_is_pushed_twice_is_not_lost(h: &QueueHarness) {
    let pushed = jobs(Lane::Normal, 1);
    h.push(&pushed).await;
    h.push(&pushed).await;
    assert_eq!(jobs_of(&h.pull_all(1).await), pushed);
}

pub async fn a_released_job_is_back_at_once(h: &QueueHarness) {
    for lane in Lane::ALL {
        let lease = h.push_and_pull(lane).await;
        let released = Instant::now();
        h.release(&[lease]).await;
        let again = h.pull_all(1).await[0];
        assert_eq!(again.job, lease.job);
        assert!(
            released.elapsed() < h.lease / 2,
            "a release does not wait for the end of the lease"
        );
        h.ack(&[again]).await;
    }
}

pub async fn a_release_can_be_repeated(h: &QueueHarness) {
    let lease = h.push_and_pull(Lane::Normal).await;
    h.release(&[lease]).await;
    h.release(&[lease]).await;
    h.release(&[]).await;
    let again = h.pull_all(1).await;
    h.ack(&again).await;
    h.expect_nothing("a repeated release does not double the job").await;
}

pub async fn a_pull_without_a_wait_returns_at_once(h: &QueueHarness) {
    let start = Instant::now();
    assert_eq!(h.pull(10, Duration::ZERO).await, []);
    assert!(start.elapsed() < ARRIVAL_LIMIT / 4, "it took {:?}", start.elapsed());
}

pub async fn a_pull_waits_no_longer_than_asked(h: &QueueHarness) {
    let (start, wait) = (Instant::now(), Duration::from_millis(300));
    assert_eq!(h.pull(10, wait).await, []);
    let took = start.elapsed();
    assert!(took >= wait * 3 / 4, "it waits for jobs: {took:?}");
    assert!(took < wait + ARRIVAL_LIMIT / 4, "it took {took:?}");
}

/// Starts a pull in a new task, and gives it time to begin waiting.
async fn waiting_pull(h: &QueueHarness) -> tokio::task::JoinHandle<Vec<Lease>> {
    let queue = h.queue();
    let task = tokio::spawn(async move { queue.pull(1, ARRIVAL_LIMIT).await.expect("pull") });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!task.is_finished(), "a pull waits for jobs");
    task
}

pub async fn a_push_wakes_a_waiting_pull(h: &QueueHarness) {
    let waiting = waiting_pull(h).await;
    let (pushed, start) = (jobs(Lane::Bulk, 1), Instant::now());
    h.push(&pushed).await;
    assert_eq!(jobs_of(&waiting.await.expect("pull")), pushed);
    assert!(start.elapsed() < ARRIVAL_LIMIT / 4, "it woke after {:?}", start.elapsed());
}

pub async fn a_release_wakes_a_waiting_pull(h: &QueueHarness) {
    let lease = h.push_and_pull(Lane::Normal).await;
    let waiting = waiting_pull(h).await;
    h.release(&[lease]).await;
    assert_eq!(jobs_of(&waiting.await.expect("pull")), [lease.job]);
}

pub async fn a_push_wakes_every_waiting_pull(h: &QueueHarness) {
    let waiting = [waiting_pull(h).await, waiting_pull(h).await, waiting_pull(h).await];
    let (pushed, start) = (jobs(Lane::Normal, 3), Instant::now());
    h.push(&pushed).await;
    let mut pulled = Vec::new();
    for task in waiting {
        pulled.extend(jobs_of(&task.await.expect("pull")));
    }
    assert_eq!(sorted(pulled), pushed, "each gets one job");
    assert!(start.elapsed() < ARRIVAL_LIMIT / 4, "they woke after {:?}", start.elapsed());
}

pub async fn a_dropped_pull_loses_no_job(h: &QueueHarness) {
    for _ in 0..5 {
        let waiting = waiting_pull(h).await;
        let pushed = jobs(Lane::Normal, 1);
        h.push(&pushed).await;
        waiting.abort();
        let got = waiting.await.map_or_else(|_| Vec::new(), |leases| jobs_of(&leases));
        if got.is_empty() {
            let again = timeout(ARRIVAL_LIMIT, h.pull_all(1))
                .await
                .expect("the job comes back after its lease");
            assert_eq!(jobs_of(&again), pushed);
        }
    }
}

pub async fn an_empty_push_is_no_error(h: &QueueHarness) {
    h.push(&[]).await;
    h.expect_nothing("nothing was pushed").await;
}

pub async fn stats_count_what_is_ready_and_what_is_leased(h: &QueueHarness) {
    h.expect_lanes([(0, 0); 3]).await;
    h.push(&jobs(Lane::Urgent, 2)).await;
    h.push(&jobs(Lane::Bulk, 3)).await;
    let lanes = h.expect_lanes([(2, 0), (0, 0), (3, 0)]).await;
    assert_eq!(lanes.normal.oldest_age_ms, None, "the lane is empty");
    let leases = h.pull_all(3).await;
    h.expect_lanes([(0, 2), (0, 0), (2, 1)]).await;
    h.ack(&leases[..2]).await;
    h.release(&leases[2..]).await;
    h.expect_lanes([(0, 0), (0, 0), (3, 0)]).await;
}

pub async fn stats_have_room_for_what_can_be_pushed(h: &QueueHarness) {
    let stats = h.queue.stats().await.expect("stats");
    assert!(
        stats.room().iter().all(|(_, room)| *room >= 1000),
        "the suite needs room for 1,000 jobs: {stats:?}"
    );
    h.push(&jobs(Lane::Normal, 10)).await;
    h.expect_lanes([(0, 0), (10, 0), (0, 0)]).await;
    let room = h.queue.stats().await.expect("stats").room();
    assert_eq!(room.urgent, stats.room().urgent);
    assert!(stats.capacity.is_none() || room.normal == stats.room().normal - 10, "{room:?}");
}

pub async fn concurrent_pulls_get_different_jobs(h: &QueueHarness) {
    let pushed = jobs(Lane::Normal, 200);
    h.push(&pushed).await;
    let pullers: Vec<_> = (0..8)
        .map(|_| {
            let queue = h.queue();
            let wait = h.lease / 4;
            tokio::spawn(async move {
                let mut pulled = Vec::new();
                // Ends with more jobs than were pushed, which fails the test below.
                while pulled.len() <= 200 {
                    let leases = queue.pull(7, wait).await.expect("pull");
                    if leases.is_empty() {
                        break;
                    }
                    queue.ack(&leases).await.expect("ack");
                    pulled.extend(jobs_of(&leases));
                    tokio::task::yield_now().await;
                }
                pulled
            })
        })
        .collect();
    let mut pulled = Vec::new();
    for puller in pullers {
        pulled.extend(puller.await.expect("a concurrent pull must not panic"));
    }
    assert_eq!(sorted(pulled), pushed, "each job is pulled by one of them");
}
