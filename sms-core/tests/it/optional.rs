//! Optional parts next to sending, when they fail or are slow.

use std::time::Duration;

use serde_json::Value;
use sms_core::registry::{Expect, Record};
use sms_core::worker::caretaker::Caretaker;
use sms_core::{CancellationToken, MemoryRegistry, Registry, Result, Status, async_trait};
use tokio::time::Instant;

use crate::support::{Call, Fault, QUEUE_CALLS, Reply, World, accept, message, start};

/// A registry in which orders can be read, and all other calls never end.
#[derive(Debug)]
struct SlowReports(MemoryRegistry);

#[async_trait]
impl Registry for SlowReports {
    async fn put(&self, _: &str, _: &str, _: &Value, _: Expect) -> Result<u64> {
        std::future::pending().await
    }
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        self.0.get(kind, name).await
    }
    async fn list(&self, _: &str) -> Result<Vec<Record>> {
        std::future::pending().await
    }
    async fn delete(&self, _: &str, _: &str) -> Result<bool> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn reports_that_cannot_be_written_or_listed_delay_no_message() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let registry = SlowReports(MemoryRegistry::new().clock(world.clock.clone()));
    let worker = start(world.worker(provider).registry(registry));
    let before = Instant::now();
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Sent).await;
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_never_answers_delays_neither_rescue_nor_expiry() {
    let world = World::new();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let dying =
        world.start(world.witness(|_, batch| Reply::After(Duration::MAX / 4, accept(batch))));
    let abandoned = world.send(message("hi")).await;
    world.becomes(abandoned, Status::Sending).await;
    dying.kill();
    world.faults.break_all(QUEUE_CALLS, Fault::Hang);
    let late = world.send(message("hi").deadline(Duration::from_secs(30))).await;
    let before = Instant::now();
    let (store, queue) = (world.store.clone(), world.queue.clone());
    let caretaker = Caretaker::new(store, queue, provider, Duration::from_hours(72));
    let shutdown = CancellationToken::new();
    let rescued_and_expired = async {
        world.becomes(abandoned, Status::Unknown).await;
        // The lease is 20 s, the provider's time to answer aside.
        assert!(before.elapsed() < Duration::from_secs(25), "rescued after {:?}", before.elapsed());
        world.becomes(late, Status::Expired).await;
        assert!(before.elapsed() < Duration::from_secs(35), "expired after {:?}", before.elapsed());
        shutdown.cancel();
    };
    tokio::join!(caretaker.run(&shutdown), rescued_and_expired);
    assert!(world.faults.count(Call::Stats) > 0);
}
