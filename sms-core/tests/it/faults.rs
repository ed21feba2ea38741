//! Behaviour of the worker when store and queue fail.

use std::sync::Arc;
use std::time::Duration;

use sms_core::{Job, Lane, Queue, Status};
use tokio::time::{Instant, sleep};

use crate::support::{
    Call, Fault, QUEUE_CALLS, Reply, STORE_CALLS, Witness, World, accept, message, start,
};

fn accepting(world: &World) -> Arc<Witness> {
    world.witness(|_, batch| Reply::Now(accept(batch)))
}

#[tokio::test(start_paused = true)]
async fn while_begin_fails_nothing_is_sent_and_afterwards_everything_once() {
    let world = World::new();
    let provider = accepting(&world);
    let ids = world.send_many(10).await;
    world.faults.break_all(&[Call::Begin], Fault::Fail);
    let worker = world.start(Arc::clone(&provider));
    sleep(Duration::from_mins(2)).await;
    assert!(provider.calls().is_empty());
    assert!(world.faults.count(Call::Release) > 0, "leases must be given back");
    world.faults.mend();
    let before = Instant::now();
    world.all_become(&ids, Status::Sent).await;
    assert!(before.elapsed() < Duration::from_mins(1));
    worker.stop().await;
    assert!(ids.iter().all(|id| provider.times(*id) == 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_begin_costs_no_message_and_sends_none_twice() {
    for fault in [Fault::LoseAnswer, Fault::DelayAnswer(Duration::from_secs(9))] {
        let world = World::new();
        let provider = accepting(&world);
        let ids = world.send_many(10).await;
        world.faults.plan(Call::Begin, fault, 2);
        let worker = world.start(Arc::clone(&provider));
        world.all_become(&ids, Status::Sent).await;
        sleep(Duration::from_mins(5)).await;
        worker.stop().await;
        for id in ids {
            assert_eq!(
                (provider.times(id), world.recorded_outcomes(id).await),
                (1, vec!["accepted"])
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_begin_that_answers_too_late_sends_nothing() {
    let world = World::new();
    let provider = accepting(&world);
    let id = world.send(message("hi")).await;
    world.faults.plan(Call::Begin, Fault::DelayAnswer(Duration::from_secs(11)), 1);
    let worker = world.start(Arc::clone(&provider));
    world.becomes(id, Status::Unknown).await;
    worker.stop().await;
    assert_eq!(provider.times(id), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_settle_records_the_outcome_once() {
    let world = World::new();
    let provider = accepting(&world);
    world.faults.plan(Call::Settle, Fault::LoseAnswer, 3);
    let worker = world.start(Arc::clone(&provider));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Sent).await;
    sleep(Duration::from_mins(5)).await;
    worker.stop().await;
    assert_eq!((provider.times(id), world.recorded_outcomes(id).await), (1, vec!["accepted"]));
    assert_eq!(world.faults.count(Call::Settle), 4);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_kept_while_settle_fails_and_recorded_afterwards() {
    let world = World::new();
    let provider = accepting(&world);
    let id = world.send(message("hi")).await;
    world.faults.break_all(&[Call::Settle], Fault::Fail);
    let worker = world.start(Arc::clone(&provider));
    // Longer than the lease: the message is rescued in the meantime, and the late acceptance makes
    // it sent.
    world.becomes(id, Status::Unknown).await;
    sleep(Duration::from_mins(10)).await;
    world.faults.mend();
    world.becomes(id, Status::Sent).await;
    worker.stop().await;
    assert_eq!(provider.times(id), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_stops_new_calls() {
    let world = World::new();
    let provider = world
        .witness_with(sms_core::Limits::new(1, crate::support::TIMEOUT), |_, batch| {
            Reply::Now(accept(batch))
        });
    world.send_many(100).await;
    world.faults.break_all(&[Call::Settle], Fault::Fail);
    let worker = world.start(Arc::clone(&provider));
    sleep(Duration::from_mins(1)).await;
    assert_eq!(
        provider.calls().len(),
        16,
        "8 in flight, and 8 more that wait for the record of their outcomes"
    );
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_the_queue_is_wiped_everything_is_sent_within_a_minute() {
    let world = World::new();
    let provider = accepting(&world);
    let ids = world.send_many(500).await;
    sleep(Duration::from_secs(1)).await;
    loop {
        let leases = world.queue.pull(1000, Duration::ZERO).await.unwrap();
        if leases.is_empty() {
            break;
        }
        world.queue.ack(&leases).await.unwrap();
    }
    let before = Instant::now();
    let worker = world.start(Arc::clone(&provider));
    world.all_become(&ids, Status::Sent).await;
    assert!(before.elapsed() <= Duration::from_mins(1), "{:?}", before.elapsed());
    worker.stop().await;
    assert!(ids.iter().all(|id| provider.times(*id) == 1));
}

/// A queue that delivers every id five times.
#[derive(Debug)]
struct Five(std::sync::Mutex<Vec<Job>>);

#[sms_core::async_trait]
impl Queue for Five {
    async fn push(&self, jobs: &[Job]) -> sms_core::Result<()> {
        let mut all = self.0.lock().unwrap();
        all.extend((0..5).flat_map(|_| jobs));
        Ok(())
    }
    async fn pull(&self, max: usize, wait: Duration) -> sms_core::Result<Vec<sms_core::Lease>> {
        let jobs: Vec<Job> = {
            let mut all = self.0.lock().unwrap();
            let most = all.len().min(max);
            all.drain(..most).collect()
        };
        if jobs.is_empty() {
            sleep(wait).await;
        }
        let token = sms_core::queue::LeaseToken(0, 0);
        Ok(jobs.into_iter().map(|job| sms_core::Lease::new(job, token)).collect())
    }
    async fn ack(&self, _: &[sms_core::Lease]) -> sms_core::Result<()> {
        Ok(())
    }
    async fn release(&self, leases: &[sms_core::Lease]) -> sms_core::Result<()> {
        let jobs: Vec<Job> = leases.iter().map(|lease| lease.job).collect();
        self.push(&jobs).await
    }
    async fn stats(&self) -> sms_core::Result<sms_core::queue::QueueStats> {
        Ok(sms_core::queue::QueueStats::default())
    }
}

#[tokio::test(start_paused = true)]
async fn every_id_delivered_five_times_is_sent_once() {
    let world = World::new();
    let provider =
        world.witness(|_, batch| Reply::After(Duration::from_millis(300), accept(batch)));
    let queue = Arc::new(Five(std::sync::Mutex::default()));
    let worker = |name| {
        let worker = sms_core::Worker::builder(
            Arc::clone(&world.store),
            Arc::clone(&queue),
            Arc::clone(&provider),
        );
        start(worker.name(name))
    };
    let workers = [worker("a"), worker("b")];
    let ids = world.send_many(250).await;
    world.all_become(&ids, Status::Sent).await;
    sleep(Duration::from_mins(2)).await;
    for worker in workers {
        worker.stop().await;
    }
    assert!(ids.iter().all(|id| provider.times(*id) == 1));
}

#[tokio::test(start_paused = true)]
async fn a_worker_restarted_under_its_old_name_sends_nothing_again() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    world.faults.break_all(&[Call::Settle], Fault::Hang);
    let first = start(world.worker(Arc::clone(&provider)).name("node-1"));
    let id = world.send(message("hi")).await;
    while provider.times(id) == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    // Killed after the provider has the message and before the outcome is recorded; then the queue
    // delivers the id again.
    first.kill();
    world.faults.mend();
    world.queue.push(&[Job::new(id, Lane::Urgent)]).await.unwrap();
    let second = start(world.worker(Arc::clone(&provider)).name("node-1"));
    sleep(Duration::from_mins(5)).await;
    second.stop().await;
    assert_eq!(provider.times(id), 1);
}

#[tokio::test(start_paused = true)]
async fn store_and_queue_down_for_a_while_lose_nothing_and_double_nothing() {
    for calls in [STORE_CALLS, QUEUE_CALLS] {
        let world = World::new();
        let provider =
            world.witness(|_, batch| Reply::After(Duration::from_millis(100), accept(batch)));
        let worker = world.start(Arc::clone(&provider));
        let ids = world.send_many(100).await;
        sleep(Duration::from_millis(50)).await;
        world.faults.break_all(calls, Fault::Fail);
        sleep(Duration::from_mins(3)).await;
        world.faults.mend();
        let before = Instant::now();
        world.all_become(&ids, Status::Sent).await;
        assert!(before.elapsed() < Duration::from_mins(1), "{:?}", before.elapsed());
        worker.stop().await;
        assert!(ids.iter().all(|id| provider.times(*id) == 1));
    }
}
