//! Sending messages.

mod attempt;
mod batching;
pub mod breaker;
pub mod caretaker;
mod connection;
pub mod control;
mod fallback_queue;
mod incoming;
mod lease;
mod pace;
mod pipeline;
mod pull;
mod reporter;
mod served_route;
mod shared;
mod slots;
mod text_retention;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use self::breaker::Breaker;
use self::caretaker::Caretaker;
use self::control::ProviderControl;
use self::fallback_queue::FallbackQueue;
pub use self::lease::least_lease;
use self::served_route::ServedRoute;
use self::shared::Shared;
use self::text_retention::TextRetention;
use crate::erasure::Erasure;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Route;
use crate::provider::Provider;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::store::Store;
use crate::store::retry::RetryPolicy;
use crate::supervise::survive_panic;

/// Defaults of a worker.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(8).unwrap();
const RETENTION: Duration = Duration::from_hours(90 * 24);

/// Takes messages to the provider: pull, begin, submit, settle, ack; and runs a
/// [`Caretaker`].
///
/// It needs no queue server to send: while its queue fails or does not answer, it takes what is due
/// from the store, and goes back by itself. See [`queue`](Self::queue) for a sender in the same
/// process.
///
/// Messages of the default [route](Route) go to the provider that the worker is built with. Other
/// [routes](WorkerBuilder::route) have providers, limits and pauses of their own.
///
/// # What a crash leaves
///
/// Killed before `begin` is committed: `queued`, and the caretaker offers the message again. After
/// it: `sending` until the lease is over, then `unknown`, for nobody can tell whether the provider
/// got it.
///
/// ```
/// use sms_core::{CancellationToken, MemoryQueue, MemoryStore, Sandbox, Worker};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let worker = Worker::builder(MemoryStore::new(), MemoryQueue::new(), Sandbox::new())
///     .name("worker-1")
///     .build();
/// let shutdown = CancellationToken::new();
/// let running = tokio::spawn(worker.run(shutdown.clone()));
/// // Later, when the process is told to end:
/// shutdown.cancel();
/// running.await.expect("the worker does not panic")?;
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    default: Arc<ServedRoute>,
    others: Vec<Arc<ServedRoute>>,
    concurrency: NonZeroUsize,
    retention: Duration,
    text_retention: Option<TextRetention>,
}

/// Builds a [`Worker`].
#[derive(Debug)]
#[must_use]
pub struct WorkerBuilder {
    shared: Shared,
    provider: Arc<dyn Provider>,
    others: Vec<(Route, Arc<dyn Provider>)>,
    concurrency: NonZeroUsize,
    retention: Duration,
    text_retention: Option<TextRetention>,
}

impl WorkerBuilder {
    /// The worker's name, unique among all that share the store. Defaults to `worker-` and a random
    /// part.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.shared.name = name.into();
        self
    }

    /// Also serves this route, with a provider of its own, which has calls, limits, a pause and a
    /// connection of its own. By default a worker serves the [default route](Route::DEFAULT) only.
    ///
    /// Senders do not push the messages of this route: the worker looks for them in the store twice
    /// a second. Orders name the provider: routes with providers of one name pause together.
    /// [`Worker::run`] refuses a route that occurs twice.
    ///
    /// ```
    /// use sms_core::{MemoryQueue, MemoryStore, RecordingProvider, Route, Sandbox, Worker};
    ///
    /// let provider = RecordingProvider::new();
    /// let worker = Worker::builder(MemoryStore::new(), MemoryQueue::new(), provider)
    ///     .route(Route::SANDBOX, Sandbox::new())
    ///     .build();
    /// ```
    pub fn route(mut self, route: Route, provider: impl Provider) -> Self {
        self.others.push((route, Arc::new(provider)));
        self
    }

    /// Sets the largest number of calls to a provider in flight, and as many again that carry an
    /// urgent message each, since it must not wait for the others. Defaults to 8.
    pub fn concurrency(mut self, calls: NonZeroUsize) -> Self {
        self.concurrency = calls;
        self
    }

    /// Sets the times at which definite failures are retried. Defaults to [`RetryPolicy::default`].
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.shared.retry = retry;
        self
    }

    /// Sets the length of a lease, for which a message belongs to this worker. Defaults to its
    /// least: twice the provider's [timeout](crate::Limits::timeout) and 10 s; [`Worker::run`]
    /// refuses a shorter one.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.shared.lease = Some(lease);
        self
    }

    /// Sets the time for which ended messages are kept. Defaults to 90 days; 72 h at the least.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Removes the texts of messages that ended longer ago than this, with the erasure of the
    /// store. Defaults to none: texts are kept as long as their messages.
    pub fn text_retention(mut self, erasure: impl Erasure, after: Duration) -> Self {
        self.text_retention = Some(TextRetention::new(Arc::new(erasure), after));
        self
    }

    /// Sets the registry through which operators [pause and resume](crate::worker::control) the
    /// provider for every worker, and to which this one reports its state. Defaults to none: then
    /// it takes no orders.
    pub fn registry(mut self, registry: impl Registry) -> Self {
        self.shared.control = Some(ProviderControl::new(registry));
        self
    }

    /// The worker.
    pub fn build(self) -> Worker {
        let Self { shared, provider, others, concurrency, retention, text_retention } = self;
        let shared = Arc::new(shared);
        let serve = |(route, provider)| Arc::new(ServedRoute::new(&shared, route, provider));
        let default = serve((Route::DEFAULT, provider));
        let others = others.into_iter().map(serve).collect();
        Worker { shared, default, others, concurrency, retention, text_retention }
    }
}

impl Worker {
    /// A worker between these. Give it the `Arc` of a store that others use too.
    pub fn builder(store: impl Store, queue: impl Queue, provider: impl Provider) -> WorkerBuilder {
        let queue = Arc::new(FallbackQueue::new(Arc::new(queue)));
        WorkerBuilder {
            shared: Shared::new(Arc::new(store), queue),
            provider: Arc::new(provider),
            others: Vec::new(),
            concurrency: CONCURRENCY,
            retention: RETENTION,
            text_retention: None,
        }
    }

    /// The worker's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The worker's queue, for a [`Sender`](crate::Sender) in the same process: the one it was
    /// built with and, while that one cannot be used, one inside the process, which this worker
    /// then works off. It takes a worker that [runs](Self::run); a process without one pushes into
    /// the queue itself.
    pub fn queue(&self) -> Arc<dyn Queue> {
        self.shared.queue.clone()
    }

    /// The breaker of the default route: why its provider is paused, if it is.
    pub fn breaker(&self) -> Arc<Breaker> {
        Arc::clone(&self.default.breaker)
    }

    fn routes(&self) -> impl Iterator<Item = &Arc<ServedRoute>> {
        std::iter::once(&self.default).chain(&self.others)
    }

    /// Works until the shutdown; then takes nothing new, lets calls in flight end and their
    /// outcomes be written, gives back what was not begun, and closes the providers. That takes as
    /// long as one call, twice the provider's timeout and 5 s at most; with a provider that holds a
    /// connection, 8 s more.
    ///
    /// # Errors
    ///
    /// `Config` when the lease is too short for a provider's timeout, or a route occurs twice.
    /// Failures of store, queue and provider are logged and repeated.
    pub async fn run(self, shutdown: CancellationToken) -> Result<()> {
        self.check()?;
        let Shared { store, queue, .. } = self.shared.as_ref();
        let caretaker =
            Caretaker::serving(Arc::clone(store), self.routes().map(Arc::as_ref), self.retention);
        let routes = self.routes().map(|route| route.run(self.concurrency, &shutdown));
        tokio::join!(
            // Boxed, because a future holds all the others it waits for.
            Box::pin(caretaker.run(&shutdown)),
            async {
                let watch = || shutdown.run_until_cancelled(queue.watch());
                while survive_panic("watch the queue", watch()).await.is_none() {}
            },
            join_all(routes),
            async {
                if let Some(texts) = &self.text_retention {
                    texts.run(&shutdown).await;
                }
            },
        );
        Ok(())
    }

    /// Refuses what cannot work.
    fn check(&self) -> Result<()> {
        let mut known = HashSet::new();
        for served in self.routes() {
            served.check_lease()?;
            if !known.insert(&served.route) {
                let message = format!("the worker serves the route `{}` twice", served.route);
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        Ok(())
    }
}
