//! A provider that holds a connection: opening, closing, receipts that arrive on it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sms_core::store::{Archive, MessageRequest};
use sms_core::{
    Error, ErrorKind, IncomingReceipts, Limits, MessageId, Outcome, Provider, Receipt,
    ReceiptState, Result, Status, Submission, async_trait,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::support::{Call, Fault, TIMEOUT, World, message};

/// A line that accepts what it is given and reports it delivered after `delay`.
#[derive(Default)]
struct ConnectedProvider {
    delay: Duration,
    /// Tries to open that fail.
    failures: Mutex<usize>,
    /// What happened, in order.
    log: Mutex<Vec<(Step, Instant)>>,
    arrived: Mutex<VecDeque<Receipt>>,
    news: Notify,
    confirmed: Mutex<Vec<Receipt>>,
    /// Receipts per answer of `next`.
    per_answer: usize,
    panics: Mutex<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Open,
    Submit,
    Submitted,
    Close,
}

impl fmt::Debug for ConnectedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectedProvider").finish_non_exhaustive()
    }
}

impl ConnectedProvider {
    fn new() -> Self {
        Self { per_answer: 1, ..Self::default() }
    }

    fn note(&self, step: Step) {
        self.log.lock().unwrap().push((step, Instant::now()));
    }

    fn steps(&self) -> Vec<Step> {
        self.log.lock().unwrap().iter().map(|(step, _)| *step).collect()
    }

    /// A receipt arrives.
    fn arrive(&self, id: MessageId, state: ReceiptState) {
        self.arrived.lock().unwrap().push_back(Receipt::new("line", format!("l-{id}"), state));
        self.news.notify_one();
    }

    /// Receipts that arrived and were not returned yet.
    fn take(&self) -> Vec<Receipt> {
        let panics = self.panics.lock().unwrap().checked_sub(1);
        if let Some(left) = panics {
            *self.panics.lock().unwrap() = left;
            // Without the noise of the panic hook.
            std::panic::resume_unwind(Box::new("a defect in the provider's code"));
        }
        let mut arrived = self.arrived.lock().unwrap();
        let count = self.per_answer.min(arrived.len());
        arrived.drain(..count).collect()
    }

    fn confirmed(&self) -> usize {
        self.confirmed.lock().unwrap().len()
    }
}

#[async_trait]
impl Provider for ConnectedProvider {
    fn name(&self) -> &'static str {
        "line"
    }

    fn limits(&self) -> Limits {
        Limits::new(10, TIMEOUT)
    }

    async fn open(&self) -> Result<()> {
        self.note(Step::Open);
        let mut failures = self.failures.lock().unwrap();
        if *failures == 0 {
            return Ok(());
        }
        *failures -= 1;
        Err(Error::new(ErrorKind::Unavailable, "connection refused"))
    }

    async fn close(&self) -> Result<()> {
        self.note(Step::Close);
        Ok(())
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        self.note(Step::Submit);
        sleep(self.delay).await;
        self.note(Step::Submitted);
        batch.iter().map(|message| Outcome::accepted(format!("l-{}", message.id))).collect()
    }

    fn incoming(&self) -> Option<&dyn IncomingReceipts> {
        Some(self)
    }
}

#[async_trait]
impl IncomingReceipts for ConnectedProvider {
    async fn next(&self) -> Vec<Receipt> {
        loop {
            let news = self.news.notified();
            let receipts = self.take();
            if !receipts.is_empty() {
                return receipts;
            }
            news.await;
        }
    }

    async fn written(&self, receipts: &[Receipt]) {
        self.confirmed.lock().unwrap().extend_from_slice(receipts);
    }
}

async fn all_delivered(world: &World, ids: &[MessageId]) {
    world.all_become(ids, Status::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_opened_before_the_first_call_and_closed_after_the_last() {
    let world = World::new();
    let line =
        Arc::new(ConnectedProvider { delay: Duration::from_secs(3), ..ConnectedProvider::new() });
    let worker = world.start(Arc::clone(&line));
    world.send(message("hi")).await;
    sleep(Duration::from_secs(1)).await;
    worker.stop().await;
    assert_eq!(line.steps(), [Step::Open, Step::Submit, Step::Submitted, Step::Close]);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_cannot_be_opened_is_paused_and_tried_again() {
    let world = World::new();
    let line = Arc::new(ConnectedProvider { failures: Mutex::new(3), ..ConnectedProvider::new() });
    let worker = world.worker(Arc::clone(&line)).build();
    let breaker = worker.breaker();
    let worker = crate::support::run(worker);
    let id = world.send(message("hi")).await;
    sleep(Duration::from_millis(500)).await;
    let pause = breaker.pause_reason().expect("a pause");
    assert!(pause.reason.contains("connection refused"), "{}", pause.reason);
    assert_eq!(world.status(id).await, Status::Queued);
    assert_eq!(world.state(id).await.attempts, 0, "no attempt is spent on it");
    world.becomes(id, Status::Sent).await;
    assert_eq!(breaker.pause_reason(), None);
    assert_eq!(line.steps()[..5], [Step::Open, Step::Open, Step::Open, Step::Open, Step::Submit]);
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_stops_while_its_provider_cannot_be_opened() {
    let world = World::new();
    let line = Arc::new(ConnectedProvider {
        failures: Mutex::new(usize::MAX),
        ..ConnectedProvider::new()
    });
    let worker = world.start(Arc::clone(&line));
    sleep(Duration::from_mins(1)).await;
    let took = worker.stop().await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(line.steps().last(), Some(&Step::Close));
}

#[tokio::test(start_paused = true)]
async fn receipts_that_arrive_are_written_and_then_confirmed() {
    let world = World::new();
    let line = Arc::new(ConnectedProvider { per_answer: 3, ..ConnectedProvider::new() });
    let worker = world.start(Arc::clone(&line));
    let ids = world.send_many(20).await;
    world.all_become(&ids, Status::Sent).await;
    for id in &ids {
        line.arrive(*id, ReceiptState::Delivered);
    }
    all_delivered(&world, &ids).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(line.confirmed(), 20);
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn receipts_are_kept_and_not_confirmed_until_the_store_takes_them() {
    let world = World::new();
    let line = Arc::new(ConnectedProvider::new());
    let worker = world.start(Arc::clone(&line));
    let ids = world.send_many(3).await;
    world.all_become(&ids, Status::Sent).await;
    for (number, fault) in [Fault::Fail, Fault::Hang].into_iter().enumerate() {
        world.faults.break_all(&[Call::Receipts], fault);
        line.arrive(ids[number], ReceiptState::Delivered);
        sleep(Duration::from_mins(5)).await;
        assert_eq!(line.confirmed(), number, "{fault:?}");
        world.faults.mend();
        sleep(Duration::from_mins(1)).await;
        assert_eq!(line.confirmed(), number + 1, "{fault:?}");
    }
    all_delivered(&world, &ids[..2]).await;
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_receiving_does_not_end_it() {
    let world = World::new();
    let line = Arc::new(ConnectedProvider { panics: Mutex::new(2), ..ConnectedProvider::new() });
    let worker = world.start(Arc::clone(&line));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Sent).await;
    line.arrive(id, ReceiptState::Delivered);
    world.becomes(id, Status::Delivered).await;
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_arrived_before_the_shutdown_is_written_although_the_store_fails_for_a_moment() {
    let world = World::new();
    let line = Arc::new(ConnectedProvider::new());
    let worker = world.start(Arc::clone(&line));
    let ids = world.send_many(10).await;
    world.all_become(&ids, Status::Sent).await;
    world.faults.plan(Call::Receipts, Fault::Fail, 3);
    for id in &ids {
        line.arrive(*id, ReceiptState::Delivered);
    }
    worker.stop().await;
    for id in &ids {
        let stored = world.memory.get(&MessageRequest::new(*id)).await.unwrap().unwrap();
        assert_eq!(stored.state.status, Status::Delivered);
    }
    assert_eq!(line.confirmed(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_during_an_outage_of_the_store_ends_and_confirms_nothing() {
    let world = World::new();
    let line = Arc::new(ConnectedProvider::new());
    let worker = world.start(Arc::clone(&line));
    let id = world.send(message("hi")).await;
    world.becomes(id, Status::Sent).await;
    world.faults.break_all(&[Call::Receipts], Fault::Fail);
    line.arrive(id, ReceiptState::Delivered);
    sleep(Duration::from_secs(1)).await;
    let took = worker.stop().await;
    assert!(took <= Duration::from_secs(8), "{took:?}");
    assert_eq!(line.confirmed(), 0);
}
