//! What a suite needs of an adapter.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sms_core::{ManualClock, PhoneNumber, Provider, Queue, Registry, Store};

/// A hand on the clock of the component under test.
///
/// The clock may stand still otherwise, as a [`ManualClock`] does, or go on by itself, as that of a
/// database: the suites leave some seconds of room wherever they look at the time.
#[async_trait]
pub trait Time: Send + Sync + 'static {
    /// Moves the clock forward; what the component does after this happens that much later.
    async fn advance(&self, by: Duration);

    /// Sets the wall clock forward, without any time passing.
    async fn set_forward(&self, by: Duration);

    /// Sets the wall clock back.
    async fn set_back(&self, by: Duration);
}

#[async_trait]
impl Time for ManualClock {
    async fn advance(&self, by: Duration) {
        self.advance(by);
    }

    async fn set_forward(&self, by: Duration) {
        self.set_forward(by);
    }

    async fn set_back(&self, by: Duration) {
        self.set_back(by);
    }
}

#[async_trait]
impl<T: Time + ?Sized> Time for Arc<T> {
    async fn advance(&self, by: Duration) {
        (**self).advance(by).await;
    }

    async fn set_forward(&self, by: Duration) {
        (**self).set_forward(by).await;
    }

    async fn set_back(&self, by: Duration) {
        (**self).set_back(by).await;
    }
}

/// What has to live as long as the test: dropped after the component itself.
type Kept = Vec<Box<dyn Any + Send + Sync>>;

/// A fresh, empty store for one test of [`store!`](crate::store!).
pub struct StoreHarness {
    pub(crate) store: Arc<dyn Store>,
    time: Box<dyn Time>,
    kept: Kept,
}

impl StoreHarness {
    /// A store, and a hand on its clock.
    pub fn new(store: impl Store, time: impl Time) -> Self {
        Self { store: Arc::new(store), time: Box::new(time), kept: Vec::new() }
    }

    /// Keeps this until the test is over: a temporary directory, a guard that drops a schema.
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The store under test.
    pub fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Moves the store's clock forward.
    pub async fn advance(&self, by: Duration) {
        self.time.advance(by).await;
    }

    /// Sets the wall clock that the store's clock follows forward.
    pub async fn set_forward(&self, by: Duration) {
        self.time.set_forward(by).await;
    }

    /// Sets the wall clock that the store's clock follows back.
    pub async fn set_back(&self, by: Duration) {
        self.time.set_back(by).await;
    }
}

/// A fresh, empty registry for one test of [`registry!`](crate::registry!).
pub struct RegistryHarness {
    pub(crate) registry: Arc<dyn Registry>,
    time: Box<dyn Time>,
    kept: Kept,
}

impl RegistryHarness {
    /// A registry, and a hand on its clock.
    pub fn new(registry: impl Registry, time: impl Time) -> Self {
        Self { registry: Arc::new(registry), time: Box::new(time), kept: Vec::new() }
    }

    /// Keeps this until the test is over.
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The registry under test.
    pub fn registry(&self) -> Arc<dyn Registry> {
        self.registry.clone()
    }

    /// Moves the registry's clock forward.
    pub async fn advance(&self, by: Duration) {
        self.time.advance(by).await;
    }
}

/// A fresh, empty queue for one test of [`queue!`](crate::queue!).
pub struct QueueHarness {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) lease: Duration,
    kept: Kept,
}

impl QueueHarness {
    /// A queue, and how long its leases are. One with a bound must hold 1,000 jobs a lane at the
    /// least.
    ///
    /// The suite waits for leases to end, so let them be short; yet not so short that one ends
    /// while a slow machine still makes the next call: 2 s serve well. A queue that measures by
    /// tokio's clock can have it paused (`tokio::time::pause()` before the queue is made), and then
    /// leases may be as long as they like.
    pub fn new(queue: impl Queue, lease: Duration) -> Self {
        Self { queue: Arc::new(queue), lease, kept: Vec::new() }
    }

    /// Keeps this until the test is over.
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The queue under test.
    pub fn queue(&self) -> Arc<dyn Queue> {
        self.queue.clone()
    }
}

/// A provider for one test of [`provider!`](crate::provider!).
pub struct ProviderHarness {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) refused: Option<PhoneNumber>,
    kept: Kept,
}

impl ProviderHarness {
    /// A provider whose far side (a simulator) accepts every message, also those from the sender
    /// `Acme`.
    pub fn new(provider: impl Provider) -> Self {
        Self { provider: Arc::new(provider), refused: None, kept: Vec::new() }
    }

    /// The far side accepts every message but those to this number, of which it says that it does
    /// not. With it the suite can tell whether outcomes come in the order of the submissions.
    pub fn refusing(mut self, number: PhoneNumber) -> Self {
        self.refused = Some(number);
        self
    }

    /// Keeps this until the test is over: the simulator.
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The provider under test.
    pub fn provider(&self) -> Arc<dyn Provider> {
        self.provider.clone()
    }
}
