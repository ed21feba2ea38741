//! Hand-off of messages from those who accept them to those who send them: the [`Queue`] trait.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::error::Result;
use crate::lane::{Lane, PerLane};
use crate::message::MessageId;

/// A queue of message ids. It is only a *hint*: the [`Store`](crate::Store) decides what is sent.
///
/// # Contract
///
/// * **Ordering**: `pull` prefers the urgent lane to the normal one, and the normal lane to the
///   bulk one. Within a lane the order is first in, first out, as far as the back end supports it.
///   Correctness does not depend on the order.
/// * **Loss and duplicates**: both are allowed. The caretaker pushes a lost id again; a duplicate
///   is rejected by the store's compare-and-set.
/// * **Leases** start at `pull`. An id that is neither acked nor released in time is redelivered.
/// * **Settling** (`ack`, `release`) is idempotent, and settling an expired or foreign lease is
///   `Ok`.
/// * **Cancellation**: an id is missing for no longer than a lease after a `pull` is dropped.
///
/// ```
/// use std::time::Duration;
///
/// use sms_core::{Job, Lane, MemoryQueue, MessageId, Queue as _};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let queue = MemoryQueue::new();
/// queue.push(&[Job::new(MessageId::new(), Lane::Normal)]).await?;
/// let leases = queue.pull(10, Duration::from_secs(1)).await?;
/// assert_eq!(leases.len(), 1);
/// // After the work:
/// queue.ack(&leases).await?;
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Queue: Debug + Send + Sync + 'static {
    /// Adds these jobs. A bounded queue may drop jobs that do not fit; the caretaker pushes them
    /// again.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the jobs may not have been added.
    async fn push(&self, jobs: &[Job]) -> Result<()>;

    /// Leases up to `max` jobs, and waits up to `wait` for the first one. Empty when none came.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the queue does not answer.
    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>>;

    /// Removes these jobs permanently.
    ///
    /// # Errors
    ///
    /// `Unavailable`; the jobs may be redelivered, which is harmless.
    async fn ack(&self, leases: &[Lease]) -> Result<()>;

    /// Returns these jobs to the queue at once, for any worker to pull.
    ///
    /// # Errors
    ///
    /// `Unavailable`; the jobs are redelivered when their leases are over.
    async fn release(&self, leases: &[Lease]) -> Result<()>;

    /// Reads the number of jobs in the queue.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the queue does not answer.
    async fn stats(&self) -> Result<QueueStats>;
}

/// A message that is due, as an entry of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Job {
    /// The message.
    pub id: MessageId,
    /// The lane of the message.
    pub lane: Lane,
}

impl Job {
    /// The job of a message in a lane.
    pub const fn new(id: MessageId, lane: Lane) -> Self {
        Self { id, lane }
    }
}

/// A pulled job, held until it is acked, released or the lease is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Lease {
    /// The job.
    pub job: Job,
    /// The queue's identifier of this delivery.
    pub token: LeaseToken,
}

impl Lease {
    /// A lease of a job, with the queue's token for it.
    pub const fn new(job: Job, token: LeaseToken) -> Self {
        Self { job, token }
    }
}

/// A queue's identifier of one delivery: two numbers that only the queue interprets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseToken(pub u64, pub u64);

/// Statistics of a queue, per lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueStats {
    /// Statistics of each lane.
    pub lanes: PerLane<LaneStats>,
    /// Maximum number of jobs in each lane; `None` if there is no limit.
    pub capacity: Option<usize>,
    /// True while a [worker](crate::Worker::queue)'s queue cannot be used. The statistics are then
    /// those of the queue inside the process that replaces it.
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

/// Statistics of one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LaneStats {
    /// Number of jobs that wait to be pulled.
    pub ready: usize,
    /// Number of jobs that are pulled and not settled.
    pub leased: usize,
    /// Age of the oldest ready job, in milliseconds; `None` without a ready job, or if the age is
    /// not known.
    pub oldest_age_ms: Option<u64>,
}

impl LaneStats {
    /// Numbers of jobs, with no age of the oldest one.
    pub const fn new(ready: usize, leased: usize) -> Self {
        Self { ready, leased, oldest_age_ms: None }
    }

    /// Sets [`oldest_age_ms`](Self::oldest_age_ms).
    pub fn oldest_age_ms(mut self, oldest_age_ms: impl Into<Option<u64>>) -> Self {
        self.oldest_age_ms = oldest_age_ms.into();
        self
    }
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
