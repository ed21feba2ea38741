//! State that all parts of a worker share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::breaker::Breaker;
use super::control::ProviderControl;
use super::fallback_queue::FallbackQueue;
use crate::end_log::EndLog;
use crate::outage::Outage;
use crate::provider::Provider;
use crate::store::Store;
use crate::store::retry::RetryPolicy;

/// State that all parts of a worker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) queue: Arc<FallbackQueue>,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) breaker: Arc<Breaker>,
    /// The source of operators' orders, and the place for this worker's reports.
    pub(super) control: Option<ProviderControl>,
    /// Calls to the provider in flight.
    pub(super) in_flight: AtomicUsize,
    pub(super) retry: RetryPolicy,
    pub(super) ends: EndLog,
    /// Outages of the writes of attempts and of receipts to the store, of calls to the queue, and
    /// of orders and reports.
    pub(super) recording: Outage,
    pub(super) receiving: Outage,
    pub(super) telling: Outage,
    pub(super) reporting: Outage,
    pub(super) name: String,
    pub(super) lease: Option<Duration>,
    /// The right to write a batch to the store.
    pub(super) writes: Semaphore,
    /// Numbers the calls of `begin`.
    pub(super) batches: AtomicU64,
    /// Set when the drain begins: messages that have not been submitted yet are not submitted any
    /// more.
    pub(super) stop: CancellationToken,
    /// Set late in the drain: writes that still wait for the store are tried once more.
    pub(super) abandon: CancellationToken,
}
