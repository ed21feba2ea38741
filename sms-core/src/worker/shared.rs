//! State that all routes of a worker share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::control::ProviderControl;
use super::fallback_queue::FallbackQueue;
use crate::end_log::EndLog;
use crate::outage::Outage;
use crate::store::Store;
use crate::store::retry::RetryPolicy;

/// Batches that a worker writes to the store at a time: more would take no less time together, and
/// an urgent message, which waits for none of them, would share the store with them all.
const MAX_WRITES: usize = 4;

/// State that all routes of a worker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) queue: Arc<FallbackQueue>,
    /// The source of operators' orders, and the place for this worker's reports.
    pub(super) control: Option<ProviderControl>,
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
}

impl Shared {
    pub(super) fn new(store: Arc<dyn Store>, queue: Arc<FallbackQueue>) -> Self {
        Self {
            store,
            queue,
            control: None,
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
        }
    }
}
