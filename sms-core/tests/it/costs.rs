//! Costs that callbacks leave to a query.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef, Receipts};
use sms_core::{
    Error, ErrorKind, Limits, MessageId, Money, Outcome, Provider, Receipt, ReceiptState, Result,
    Status, Store as _, Submission, async_trait,
};
use tokio::time::{Instant, sleep};

use crate::support::{TIMEOUT, World, message};

/// Names per query.
const BATCH: usize = 100;
const COST: Money = Money::from_micros(500_000);

/// A provider that tells the cost in queries. It has no other receipt for them.
#[derive(Debug, Default)]
struct Priced {
    costs: bool,
    is_down: AtomicBool,
    /// The number of names of each query.
    queries: Mutex<Vec<usize>>,
}

impl Priced {
    fn new(costs: bool) -> Arc<Self> {
        Arc::new(Self { costs, ..Self::default() })
    }

    fn queries(&self) -> Vec<usize> {
        self.queries.lock().expect("no panic").clone()
    }
}

#[async_trait]
impl Provider for Priced {
    fn name(&self) -> &'static str {
        "priced"
    }

    fn limits(&self) -> Limits {
        Limits::new(100, TIMEOUT)
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        batch.iter().map(|it| Outcome::accepted(it.id.to_string())).collect()
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }
}

#[async_trait]
impl Receipts for Priced {
    fn polling(&self) -> Polling {
        let day = Duration::from_hours(24);
        Polling::new(day, day, 2 * day, BATCH).costs(self.costs)
    }

    async fn query(&self, names: &[ProviderRef]) -> Result<Vec<Receipt>> {
        self.queries.lock().expect("no panic").push(names.len());
        if self.is_down.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, "down"));
        }
        let receipt = |name: &ProviderRef| {
            Receipt::new("priced", &*name.provider_id, ReceiptState::Delivered).cost(COST)
        };
        Ok(names.iter().map(receipt).collect())
    }
}

/// Messages that callbacks have ended.
async fn delivered(world: &World, count: usize) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(world.send(message("hi")).await);
    }
    world.all_become(&ids, Status::Sent).await;
    let callback = |id: &MessageId| {
        Receipt::new("priced", id.to_string(), ReceiptState::Delivered).cost_later(true)
    };
    let callbacks: Vec<_> = ids.iter().map(callback).collect();
    world.store.apply_receipts(&callbacks).await.expect("applied");
    ids
}

async fn known(world: &World, ids: &[MessageId]) -> usize {
    let mut known = 0;
    for id in ids {
        known += usize::from(world.state(*id).await.cost == Some(COST));
    }
    known
}

#[tokio::test(start_paused = true)]
async fn many_are_asked_about_in_one_call_and_an_idle_worker_asks_nothing() {
    let (world, provider) = (World::new(), Priced::new(true));
    let worker = world.start(Arc::clone(&provider));
    let ids = delivered(&world, 150).await;
    let begun = Instant::now();
    while known(&world, &ids).await < ids.len() {
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", provider.queries());
        sleep(Duration::from_millis(100)).await;
    }
    let queries = provider.queries();
    assert_eq!(queries.iter().sum::<usize>(), 150, "each once: {queries:?}");
    assert!(queries.len() <= 4, "{queries:?}");
    sleep(Duration::from_hours(12)).await;
    assert_eq!(provider.queries(), queries);
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_asked_seldom_and_no_cost_is_lost() {
    let (world, provider) = (World::new(), Priced::new(true));
    let worker = world.start(Arc::clone(&provider));
    provider.is_down.store(true, Ordering::Relaxed);
    let ids = delivered(&world, 3).await;
    sleep(Duration::from_hours(2)).await;
    let queries = provider.queries().len();
    assert!((3..=7).contains(&queries), "{queries}");
    provider.is_down.store(false, Ordering::Relaxed);
    sleep(Duration::from_hours(12)).await;
    assert_eq!(known(&world, &ids).await, 3);
    assert_eq!(provider.queries().len(), queries + 1);
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_backlog_of_a_provider_that_is_down_waits_longer_after_each_failure() {
    let (world, provider) = (World::new(), Priced::new(true));
    let worker = world.start(Arc::clone(&provider));
    provider.is_down.store(true, Ordering::Relaxed);
    delivered(&world, 1000).await;
    sleep(Duration::from_mins(1)).await;
    let queries = provider.queries().len();
    assert!(queries <= 6, "{queries} calls in a minute");
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_want_to_is_not_asked() {
    let (world, provider) = (World::new(), Priced::new(false));
    let worker = world.start(Arc::clone(&provider));
    let ids = delivered(&world, 1).await;
    sleep(Duration::from_hours(1)).await;
    assert_eq!((provider.queries(), known(&world, &ids).await), (Vec::new(), 0));
    worker.stop().await;
}
