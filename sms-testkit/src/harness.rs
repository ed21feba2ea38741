//! Harnesses: an adapter under test, with what its suite needs.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sms_core::{
    Erasure, ManualClock, PhoneNumber, Provider, Queue, Registry, Rollups, StopList, Store,
    Worklists,
};

/// Control over the clock of the component under test.
///
/// Between the calls the clock may stand still, like a [`ManualClock`], or run, like the clock of a
/// database: the suites allow some seconds wherever they compare times.
#[async_trait]
pub trait Time: Send + Sync + 'static {
    /// Lets this much time pass.
    async fn advance(&self, by: Duration);

    /// Sets the wall clock forward although no time has passed.
    async fn set_forward(&self, by: Duration);

    /// Sets the wall clock back although no time has passed.
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

/// Values to keep until the test is over. They are dropped after the component.
type Kept = Vec<Box<dyn Any + Send + Sync>>;

/// A new, empty store for one test of [`store!`](crate::store!).
pub struct StoreHarness {
    pub(crate) store: Arc<dyn Store>,
    time: Box<dyn Time>,
    kept: Kept,
}

impl StoreHarness {
    /// A harness of a store and the control over its clock.
    pub fn new(store: impl Store, time: impl Time) -> Self {
        Self { store: Arc::new(store), time: Box::new(time), kept: Vec::new() }
    }

    /// Keeps a value until the test is over, such as a temporary directory or a guard that drops a
    /// schema.
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The store under test.
    pub fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Lets this much time pass on the store's clock.
    pub async fn advance(&self, by: Duration) {
        self.time.advance(by).await;
    }

    /// Sets the wall clock of the store forward although no time has passed.
    pub async fn set_forward(&self, by: Duration) {
        self.time.set_forward(by).await;
    }

    /// Sets the wall clock of the store back although no time has passed.
    pub async fn set_back(&self, by: Duration) {
        self.time.set_back(by).await;
    }
}

/// A new, empty registry for one test of [`registry!`](crate::registry!).
pub struct RegistryHarness {
    pub(crate) registry: Arc<dyn Registry>,
    time: Box<dyn Time>,
    kept: Kept,
}

impl RegistryHarness {
    /// A harness of a registry and the control over its clock.
    pub fn new(registry: impl Registry, time: impl Time) -> Self {
        Self { registry: Arc::new(registry), time: Box::new(time), kept: Vec::new() }
    }

    /// Keeps a value until the test is over.
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The registry under test.
    pub fn registry(&self) -> Arc<dyn Registry> {
        self.registry.clone()
    }

    /// Lets this much time pass on the registry's clock.
    pub async fn advance(&self, by: Duration) {
        self.time.advance(by).await;
    }
}

/// A new, empty store that rolls up, for one test of [`rollups!`](crate::rollups!).
pub struct RollupsHarness {
    pub(crate) rollups: Arc<dyn Rollups>,
    pub(crate) messages: StoreHarness,
}

impl RollupsHarness {
    /// A harness of a store and the control over its clock.
    pub fn new(store: impl Store + Rollups, time: impl Time) -> Self {
        let store = Arc::new(store);
        Self { rollups: store.clone(), messages: StoreHarness::new(store, time) }
    }

    /// Keeps a value until the test is over.
    pub fn keeping(self, guard: impl Any + Send + Sync) -> Self {
        Self { messages: self.messages.keeping(guard), ..self }
    }
}

/// A new, empty store with a stop-list, for one test of [`stop_list!`](crate::stop_list!).
pub struct StopListHarness {
    pub(crate) stop_list: Arc<dyn StopList>,
    pub(crate) messages: StoreHarness,
}

impl StopListHarness {
    /// A harness of a store and the control over its clock.
    pub fn new(store: impl Store + StopList, time: impl Time) -> Self {
        let store = Arc::new(store);
        Self { stop_list: store.clone(), messages: StoreHarness::new(store, time) }
    }

    /// Keeps a value until the test is over.
    pub fn keeping(self, guard: impl Any + Send + Sync) -> Self {
        Self { messages: self.messages.keeping(guard), ..self }
    }
}

/// A new, empty store that can erase, for one test of [`erasure!`](crate::erasure!).
pub struct ErasureHarness {
    pub(crate) erasure: Arc<dyn Erasure>,
    pub(crate) worklists: Arc<dyn Worklists>,
    pub(crate) messages: StoreHarness,
}

impl ErasureHarness {
    /// A harness of a store and the control over its clock.
    pub fn new(store: impl Store + Erasure + Worklists, time: impl Time) -> Self {
        let store = Arc::new(store);
        Self {
            erasure: store.clone(),
            worklists: store.clone(),
            messages: StoreHarness::new(store, time),
        }
    }

    /// Keeps a value until the test is over.
    pub fn keeping(self, guard: impl Any + Send + Sync) -> Self {
        Self { messages: self.messages.keeping(guard), ..self }
    }
}

/// A new, empty store of worklists, for one test of [`worklists!`](crate::worklists!).
pub struct WorklistsHarness {
    pub(crate) worklists: Arc<dyn Worklists>,
    guards: Vec<Box<dyn Any + Send + Sync>>,
}

impl WorklistsHarness {
    /// A harness of a store.
    pub fn new(worklists: impl Worklists) -> Self {
        Self { worklists: Arc::new(worklists), guards: Vec::new() }
    }

    /// Keeps a value until the test is over.
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guards.push(Box::new(guard));
        self
    }
}

/// A new, empty queue for one test of [`queue!`](crate::queue!).
pub struct QueueHarness {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) lease: Duration,
    kept: Kept,
}

impl QueueHarness {
    /// A harness of a queue with leases of this length. A bounded queue must hold at least 1,000
    /// jobs per lane.
    ///
    /// The suite waits for leases to end, so they should be short, but not so short that one ends
    /// before a slow machine makes its next call: 2 s is a good value. For a queue that uses
    /// tokio's clock, call `tokio::time::pause()` before the queue is created. Leases may then have
    /// any length.
    pub fn new(queue: impl Queue, lease: Duration) -> Self {
        Self { queue: Arc::new(queue), lease, kept: Vec::new() }
    }

    /// Keeps a value until the test is over.
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
    /// A harness of a provider in front of a simulator that accepts every message, including those
    /// from the sender `Acme`.
    pub fn new(provider: impl Provider) -> Self {
        Self { provider: Arc::new(provider), refused: None, kept: Vec::new() }
    }

    /// Names a number that the simulator refuses. With it the suite checks that outcomes come in
    /// the order of the submissions.
    pub fn refusing(mut self, number: PhoneNumber) -> Self {
        self.refused = Some(number);
        self
    }

    /// Keeps a value until the test is over, such as the simulator.
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The provider under test.
    pub fn provider(&self) -> Arc<dyn Provider> {
        self.provider.clone()
    }
}
