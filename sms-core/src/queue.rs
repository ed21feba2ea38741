//! The hand-off between those who accept messages and those who send them.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::error::Result;
use crate::lane::{Lane, PerLane};
use crate::message::MessageId;

/// A queue of message ids. It is a *hint*: the [`Store`](crate::Store) is the truth.
///
/// # Contract
///
/// * **Ordering**: `pull` prefers the urgent lane to the normal one, that to the bulk lane; within
///   a lane it is first in, first out, as far as the back end goes. Nothing depends on it for
///   correctness.
/// * **Loss and duplicates**: both are allowed. A lost id is pushed again by the caretaker, a
///   doubled one falls off the store's compare-and-set.
/// * **Leases** start at `pull`. An id that is neither acked nor released in time comes back by
///   itself.
/// * **Settling** (`ack`, `release`) may be repeated, and settling an expired or foreign lease is
///   `Ok`.
/// * **Cancellation**: a dropped `pull` loses no id for longer than a lease.
///
/// ```
/// use std::time::Duration;
///
/// use sms_core::{Job, Lane, MemoryQueue, MessageId, Queue as _};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let queue = MemoryQueue::new();
/// queue.push(&[Job { id: MessageId::new(), lane: Lane::Normal }]).await?;
/// let leases = queue.pull(10, Duration::from_secs(1)).await?;
/// assert_eq!(leases.len(), 1);
/// // After the work:
/// queue.ack(&leases).await?;
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Queue: Debug + Send + Sync + 'static {
    /// Offers these jobs. A queue with a bound may drop what does not fit; the caretaker offers it
    /// again.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the jobs may not have been taken.
    async fn push(&self, jobs: &[Job]) -> Result<()>;

    /// Leases up to `max` jobs, waiting up to `wait` for the first. Empty when none came.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the queue cannot be asked.
    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>>;

    /// Removes these jobs for good.
    ///
    /// # Errors
    ///
    /// `Unavailable`; the jobs may come again, which is harmless.
    async fn ack(&self, leases: &[Lease]) -> Result<()>;

    /// Gives these jobs back at once, for somebody else to pull.
    ///
    /// # Errors
    ///
    /// `Unavailable`; the jobs come back when their leases are over.
    async fn release(&self, leases: &[Lease]) -> Result<()>;

    /// What the queue holds.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the queue cannot be asked.
    async fn stats(&self) -> Result<QueueStats>;
}

/// A message that is due, as the queue knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// Which message.
    pub id: MessageId,
    /// In which lane.
    pub lane: Lane,
}

/// A pulled job, held until it is acked, released or the lease is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// What is held.
    pub job: Job,
    /// The queue's own mark of this one hand-out.
    pub token: LeaseToken,
}

/// A queue's own mark of one hand-out: two numbers whose meaning is the queue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub u64, pub u64);

/// What a queue holds, per lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueStats {
    /// Figures of each lane.
    pub lanes: PerLane<LaneStats>,
    /// How many jobs each lane holds at most; `None` where there is no bound.
    pub capacity: Option<usize>,
    /// Set while a [worker](crate::Worker::queue)'s queue cannot be used: these are the figures of
    /// the one inside the process that stands in for it.
    pub degraded: bool,
}

impl QueueStats {
    /// Statistics of these lanes.
    pub const fn new(lanes: PerLane<LaneStats>, capacity: Option<usize>) -> Self {
        Self { lanes, capacity, degraded: false }
    }

    /// Number of further jobs that fit into each lane.
    pub fn room(&self) -> PerLane<usize> {
        let capacity = self.capacity.unwrap_or(usize::MAX);
        self.lanes.map(|lane| capacity.saturating_sub(lane.ready + lane.leased))
    }
}

/// What one lane holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LaneStats {
    /// Jobs that wait to be pulled.
    pub ready: usize,
    /// Jobs that are pulled and not settled.
    pub leased: usize,
    /// The age of the oldest ready job, in milliseconds; `None` where there is none or it is not
    /// known.
    pub oldest_age_ms: Option<u64>,
}

#[async_trait]
impl<T: Queue + ?Sized> Queue for Arc<T> {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        (**self).push(jobs).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        (**self).pull(max, wait).await
    }

    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        (**self).ack(leases).await
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        (**self).release(leases).await
    }

    async fn stats(&self) -> Result<QueueStats> {
        (**self).stats().await
    }
}
