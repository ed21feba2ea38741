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
mod pull;
mod reporter;
mod shared;
mod slots;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::attempt::LAST_TRY;
use self::breaker::Breaker;
use self::caretaker::Caretaker;
use self::control::ProviderControl;
use self::fallback_queue::FallbackQueue;
pub use self::lease::least_lease;
use self::pull::Puller;
use self::shared::Shared;
use crate::end_log::EndLog;
use crate::error::{Error, ErrorKind, Result};
use crate::outage::Outage;
use crate::provider::Provider;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::store::Store;
use crate::store::retry::RetryPolicy;
use crate::supervise::survive_panic;

/// Time by which the drain exceeds the timeout of a call before writes to the store are given up.
const DRAIN_MARGIN: Duration = Duration::from_secs(3);

/// Batches that a worker writes to the store at a time: more would take no less time together, and
/// an urgent message, which waits for none of them, would share the store with them all.
const MAX_WRITES: usize = 4;

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
    concurrency: NonZeroUsize,
    retention: Duration,
}

/// Builds a [`Worker`].
#[derive(Debug)]
#[must_use]
pub struct WorkerBuilder {
    shared: Shared,
    concurrency: NonZeroUsize,
    retention: Duration,
}

impl WorkerBuilder {
    /// The worker's name, unique among all that share the store. Defaults to `worker-` and a random
    /// part.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.shared.name = name.into();
        self
    }

    /// Sets the largest number of calls to the provider in flight, and as many again that carry an
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

    /// Sets the registry through which operators [pause and resume](crate::worker::control) the
    /// provider for every worker, and to which this one reports its state. Defaults to none: then
    /// it takes no orders.
    pub fn registry(mut self, registry: impl Registry) -> Self {
        self.shared.control = Some(ProviderControl::new(registry));
        self
    }

    /// The worker.
    pub fn build(self) -> Worker {
        let Self { shared, concurrency, retention } = self;
        Worker { shared: Arc::new(shared), concurrency, retention }
    }
}

impl Worker {
    /// A worker between these. Give it the `Arc` of a store that others use too.
    pub fn builder(store: impl Store, queue: impl Queue, provider: impl Provider) -> WorkerBuilder {
        let provider: Arc<dyn Provider> = Arc::new(provider);
        let shared = Shared {
            store: Arc::new(store),
            queue: Arc::new(FallbackQueue::new(Arc::new(queue))),
            breaker: Arc::new(Breaker::new(Arc::clone(&provider))),
            provider,
            control: None,
            in_flight: AtomicUsize::new(0),
            retry: RetryPolicy::default(),
            ends: EndLog::new(),
            recording: Outage::new(
                "recording attempts",
                "nothing is sent, outcomes are kept and written later",
            ),
            receiving: Outage::new(
                "recording receipts",
                "receipts from the connection of the provider are kept and written later",
            ),
            telling: Outage::new(
                "telling the queue what is done",
                "the jobs come again and fall off the store",
            ),
            reporting: Outage::new(
                "reading orders and writing reports",
                "the last orders that were read count",
            ),
            name: format!("worker-{:08x}", fastrand::u32(..)),
            lease: None,
            writes: Semaphore::new(MAX_WRITES),
            // Not from 1: a worker that is started again under its old name must not be taken for
            // its former self.
            batches: AtomicU64::new(fastrand::u64(..1 << 62)),
            stop: CancellationToken::new(),
            abandon: CancellationToken::new(),
        };
        WorkerBuilder { shared, concurrency: CONCURRENCY, retention: RETENTION }
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

    /// The worker's breaker: why its provider is paused, if it is.
    pub fn breaker(&self) -> Arc<Breaker> {
        Arc::clone(&self.shared.breaker)
    }

    /// Works until the shutdown; then takes nothing new, lets calls in flight end and their
    /// outcomes be written, gives back what was not begun, and closes the provider. That takes as
    /// long as one call, twice the provider's timeout and 5 s at most; with a provider that holds a
    /// connection, 8 s more.
    ///
    /// # Errors
    ///
    /// `Config` when the lease is too short for the provider's timeout. Failures of store, queue
    /// and provider are logged and repeated.
    pub async fn run(self, shutdown: CancellationToken) -> Result<()> {
        let Shared { store, queue, provider, .. } = self.shared.as_ref();
        let least = least_lease(provider.limits().timeout);
        if self.shared.lease.is_some_and(|lease| lease < least) {
            let message = format!(
                "the lease must be at least {least:?}: twice the provider's timeout and 10 s"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        let closed = CancellationToken::new();
        let caretaker =
            Caretaker::new(Arc::clone(store), queue.clone(), Arc::clone(provider), self.retention);
        tokio::join!(
            // Boxed, because a future holds all the others it waits for.
            Box::pin(caretaker.run(&shutdown)),
            async {
                let watch = || shutdown.run_until_cancelled(queue.watch());
                while survive_panic("watch the queue", watch()).await.is_none() {}
            },
            async {
                let tend = || shutdown.run_until_cancelled(self.shared.breaker.tend());
                while survive_panic("end pauses", tend()).await.is_none() {}
            },
            async {
                while survive_panic("orders and reports", self.shared.steer(&shutdown))
                    .await
                    .is_none()
                {}
            },
            Box::pin(async {
                while survive_panic("late answers", self.shared.listen(&shutdown)).await.is_none() {
                }
            }),
            Box::pin(async {
                while survive_panic("incoming receipts", self.shared.receive(&closed))
                    .await
                    .is_none()
                {}
            }),
            Box::pin(async {
                self.work(&shutdown).await;
                self.shared.close().await;
                closed.cancel();
            })
        );
        Ok(())
    }

    /// Opens the provider and takes jobs until the shutdown, then lets calls in flight end.
    async fn work(&self, shutdown: &CancellationToken) {
        if self.shared.open(shutdown).await.is_none() {
            return;
        }
        let attempts = TaskTracker::new();
        Puller::new(&self.shared, self.concurrency, &attempts, shutdown).run().await;
        self.shared.stop.cancel();
        attempts.close();
        let call = self.shared.provider.limits().timeout;
        if timeout(call + DRAIN_MARGIN, attempts.wait()).await.is_err() {
            self.shared.abandon.cancel();
            let _ = timeout(call + LAST_TRY * 2, attempts.wait()).await;
        }
    }
}
