//! Code of an adapter that panics, in each task of sender and worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use sms_core::provider::{Polling, ProviderRef};
use sms_core::registry::{Expect, Record};
use sms_core::{
    Account, AccountInfo, Error, ErrorKind, LateAnswer, LateAnswers, Limits, MemoryRegistry,
    Outcome, Provider, ProviderControl, Receipt, ReceiptState, Receipts, Registry, Result, Status,
    Submission, async_trait,
};
use tokio::time::{Instant, sleep};

use crate::support::{Call, Fault, Reply, TIMEOUT, World, accept, message, start};

/// Longest time until a task that panicked works again.
const MAX_RESTART_TIME: Duration = Duration::from_secs(5);

/// Panics once for each method it has not panicked in.
#[derive(Debug, Default)]
struct Once(AtomicBool);

impl Once {
    fn panic(&self) {
        if !self.0.swap(true, Ordering::SeqCst) {
            std::panic::resume_unwind(Box::new("a bug in an adapter's code"));
        }
    }

    fn did(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_any_call_of_store_or_queue_costs_no_outcome_and_stops_no_task() {
    let calls = [
        Call::Due,
        Call::Begin,
        Call::Settle,
        Call::Rescue,
        Call::Expire,
        Call::Infer,
        Call::Purge,
        Call::Push,
        Call::Pull,
        Call::Ack,
        Call::Stats,
    ];
    for call in calls {
        let world = World::new();
        let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
        world.faults.plan(call, Fault::Panic, 1);
        let worker = world.start(Arc::clone(&provider));
        let first = world.send_many(5).await;
        world.all_become(&first, Status::Sent).await;
        // Rare steps are repeated at their interval.
        sleep(match call {
            Call::Infer => Duration::from_secs(11),
            Call::Purge => Duration::from_mins(11),
            _ => MAX_RESTART_TIME,
        })
        .await;
        let before = Instant::now();
        let more = world.send_many(5).await;
        world.all_become(&more, Status::Sent).await;
        assert!(before.elapsed() < Duration::from_secs(2), "{call:?}: {:?}", before.elapsed());
        assert!(world.faults.count(call) > 1, "{call:?} was not called again after its panic");
        worker.stop().await;
        for id in [first, more].concat() {
            let recorded = world.recorded_outcomes(id).await;
            assert_eq!((provider.times(id), recorded), (1, vec!["accepted"]), "{call:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_insert_fails_its_caller_and_nobody_after() {
    let world = World::new();
    world.faults.plan(Call::Insert, Fault::Panic, 1);
    let error = world.sender.send(message("hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "it is not known whether it was stored");
    world.send(message("hi")).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_jobs_are_pushed_stops_no_later_push() {
    for call in [Call::Push, Call::Stats] {
        let world = World::new();
        world.faults.plan(call, Fault::Panic, 1);
        world.send(message("hi")).await;
        sleep(MAX_RESTART_TIME).await;
        let before = world.faults.count(Call::Push);
        // More than the initial capacity, before the first answer of the queue.
        for _ in 0..3 {
            world.send_many(600).await;
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(world.faults.count(Call::Push), before + 3, "{call:?}");
    }
}

/// A registry that panics once in a method.
#[derive(Debug)]
struct PanickingRegistry {
    inner: MemoryRegistry,
    method: &'static str,
    once: Once,
}

impl PanickingRegistry {
    fn called(&self, method: &str) {
        if method == self.method {
            self.once.panic();
        }
    }
}

#[async_trait]
impl Registry for PanickingRegistry {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        self.called("put");
        self.inner.put(kind, name, value, expect).await
    }
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        self.called("get");
        self.inner.get(kind, name).await
    }
    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        self.called("list");
        self.inner.list(kind).await
    }
    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        self.called("delete");
        self.inner.delete(kind, name).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_registry_stops_neither_sending_nor_orders_nor_reports() {
    for method in ["get", "put", "list", "delete"] {
        let world = World::new();
        let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
        let inner = MemoryRegistry::new().clock(world.clock.clone());
        let registry = Arc::new(PanickingRegistry { inner, method, once: Once::default() });
        let control = ProviderControl::new(Arc::clone(&registry));
        if method == "delete" {
            // The report of a worker that crashed long ago; without it nothing is deleted before
            // the end.
            let report = r#"{"provider":"witness","started_at":"2020-01-01T00:00:00Z",
                "in_flight":0,"pause":null}"#;
            let report: Value = serde_json::from_str(report).unwrap();
            registry.inner.put("worker", "old", &report, Expect::Anything).await.unwrap();
            sleep(Duration::from_hours(25)).await;
        }
        let worker =
            start(world.worker(Arc::clone(&provider)).registry(Arc::clone(&registry)).name("w"));
        let id = world.send(message("hi")).await;
        let before = Instant::now();
        world.becomes(id, Status::Sent).await;
        assert!(before.elapsed() < MAX_RESTART_TIME, "{method}: {:?}", before.elapsed());
        sleep(MAX_RESTART_TIME).await;
        control.pause("witness", "olga", "a test").await.unwrap();
        sleep(MAX_RESTART_TIME).await;
        let reported = control.workers().await.unwrap();
        let pause = reported
            .iter()
            .find(|reported| reported.name == "w")
            .and_then(|reported| reported.report.pause.clone());
        assert_eq!(pause.and_then(|pause| pause.by).as_deref(), Some("olga"), "{method}");
        worker.stop().await;
        assert!(registry.once.did(), "{method} was never called");
    }
}

/// A provider that panics once in a method.
#[derive(Debug)]
struct PanickingProvider {
    method: &'static str,
    once: Once,
    asked: AtomicBool,
}

impl PanickingProvider {
    fn called(&self, method: &str) {
        if method == self.method {
            self.once.panic();
        }
    }
}

#[async_trait]
impl Provider for PanickingProvider {
    fn name(&self) -> &'static str {
        "panicking"
    }
    fn limits(&self) -> Limits {
        Limits::new(1, TIMEOUT)
    }
    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        if self.method == "check" && !self.asked.swap(true, Ordering::SeqCst) {
            return vec![Outcome::blocked(201, "no money")];
        }
        accept(batch)
    }
    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }
    fn late(&self) -> Option<&dyn LateAnswers> {
        Some(self)
    }
    fn account(&self) -> Option<&dyn Account> {
        Some(self)
    }
}

#[async_trait]
impl Receipts for PanickingProvider {
    fn polling(&self) -> Polling {
        let second = Duration::from_secs(1);
        Polling::new(second, second, Duration::from_hours(1), 10)
    }
    async fn query(&self, refs: &[ProviderRef]) -> Result<Vec<Receipt>> {
        self.called("query");
        let delivered = |sent: &ProviderRef| {
            Receipt::new("panicking", &*sent.provider_id, ReceiptState::Delivered)
        };
        Ok(refs.iter().map(delivered).collect())
    }
}

#[async_trait]
impl LateAnswers for PanickingProvider {
    async fn next(&self) -> Vec<LateAnswer> {
        self.called("next");
        self.asked.store(self.method == "next", Ordering::SeqCst);
        std::future::pending().await
    }
}

#[async_trait]
impl Account for PanickingProvider {
    async fn check(&self) -> Result<()> {
        self.called("check");
        Ok(())
    }
    async fn info(&self) -> Result<AccountInfo> {
        Err(Error::new(ErrorKind::Unavailable, "not asked here"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_provider_next_to_sending_stops_no_task() {
    for method in ["query", "next", "check"] {
        let world = World::new();
        let provider = Arc::new(PanickingProvider {
            method,
            once: Once::default(),
            asked: AtomicBool::default(),
        });
        let worker = world.start(Arc::clone(&provider));
        let id = world.send(message("hi")).await;
        world.becomes(id, Status::Delivered).await;
        sleep(MAX_RESTART_TIME).await;
        assert!(provider.once.did(), "{method} was never called");
        assert!(
            provider.asked.load(Ordering::SeqCst) || method == "query",
            "{method} was not called again"
        );
        let before = Instant::now();
        let id = world.send(message("hi")).await;
        world.becomes(id, Status::Delivered).await;
        assert!(before.elapsed() < MAX_RESTART_TIME, "{method}: {:?}", before.elapsed());
        worker.stop().await;
    }
}
