//! One route of a worker: a provider with its own limits, breaker, queue and connection.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::breaker::Breaker;
use super::control::reporter_name;
use super::lease::least_lease;
use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::MemoryQueue;
use crate::message::Route;
use crate::provider::Provider;
use crate::queue::Queue;

/// Ids of a lane that are taken from the store ahead of the calls for them, where no sender pushes.
const CAPACITY: usize = 2_000;

/// A route that a worker serves. Nothing of one route waits for another: a provider that is paused,
/// slow or away keeps only its own messages.
#[derive(Debug)]
pub(super) struct ServedRoute {
    pub(super) shared: Arc<Shared>,
    pub(super) route: Route,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) breaker: Arc<Breaker>,
    /// The worker's queue for the default route, else one of its own that the caretaker fills.
    pub(super) queue: Arc<dyn Queue>,
    /// Calls to the provider in flight.
    pub(super) in_flight: AtomicUsize,
    /// Set when the drain begins: messages that have not been submitted yet are not submitted any
    /// more.
    pub(super) stop: CancellationToken,
    /// Set late in the drain: writes that still wait for the store are tried once more.
    pub(super) abandon: CancellationToken,
}

impl ServedRoute {
    pub(super) fn new(shared: &Arc<Shared>, route: Route, provider: Arc<dyn Provider>) -> Self {
        let queue: Arc<dyn Queue> = if route.is_pushed() {
            shared.queue.clone()
        } else {
            Arc::new(MemoryQueue::new().capacity(CAPACITY))
        };
        Self {
            shared: Arc::clone(shared),
            route,
            breaker: Arc::new(Breaker::new(Arc::clone(&provider))),
            provider,
            queue,
            in_flight: AtomicUsize::new(0),
            stop: CancellationToken::new(),
            abandon: CancellationToken::new(),
        }
    }

    /// Name under which the worker reports about this route.
    pub(super) fn reporter_name(&self) -> String {
        reporter_name(&self.shared.name, self.route.as_str())
    }

    /// Length of a lease.
    pub(super) fn lease(&self) -> Duration {
        self.shared.lease.unwrap_or_else(|| least_lease(self.provider.limits().timeout))
    }

    /// Refuses a lease that is too short for the provider's timeout.
    pub(super) fn check_lease(&self) -> Result<()> {
        let least = least_lease(self.provider.limits().timeout);
        if self.lease() >= least {
            return Ok(());
        }
        let message =
            format!("the lease must be at least {least:?}: twice the provider's timeout and 10 s");
        Err(Error::new(ErrorKind::Config, message))
    }
}
