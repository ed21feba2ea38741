//! The in-process queue.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::error::Result;
use crate::lane::{Lane, PerLane};
use crate::message::MessageId;
use crate::queue::{Job, LaneStats, Lease, LeaseToken, Queue, QueueStats};

/// A [`Queue`] inside the process, bounded per lane, that holds no id twice.
///
/// It drops a job that does not fit: the message is in the [`Store`](crate::Store), and the
/// caretaker pushes it again when there is room. So a backlog of a million messages costs the
/// memory of [`CAPACITY`](Self::CAPACITY) ids, and a full bulk lane never keeps an urgent message
/// out.
#[derive(Debug)]
pub struct MemoryQueue {
    inner: Mutex<Inner>,
    pushed: Notify,
    capacity: usize,
    lease: Duration,
}

#[derive(Debug, Default)]
struct Inner {
    ready: PerLane<VecDeque<(MessageId, Instant)>>,
    /// Leased jobs by token, and so in the order of their pulls.
    leased: BTreeMap<u64, (Job, Instant)>,
    /// Every id in `ready` or `leased`, by lane.
    held: PerLane<HashSet<MessageId>>,
    /// The token of the last lease.
    token: u64,
    /// The end of the lease that ends first, so that a pull need not check every lease.
    next_end: Option<Instant>,
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            pushed: Notify::new(),
            capacity: Self::CAPACITY,
            lease: Self::LEASE,
        }
    }
}

impl MemoryQueue {
    /// Default number of ids that a lane holds.
    pub const CAPACITY: usize = 100_000;
    /// Default length of a lease.
    pub const LEASE: Duration = Duration::from_mins(1);

    /// A queue with the default bounds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the largest number of ids that a lane holds, at least 1. Defaults to
    /// [`CAPACITY`](Self::CAPACITY).
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity.max(1);
        self
    }

    /// Sets the length of a lease. Defaults to [`LEASE`](Self::LEASE).
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Number of jobs that wait to be pulled.
    pub(crate) fn ready(&self) -> usize {
        let mut inner = self.lock();
        inner.return_overdue(Instant::now());
        inner.ready_count()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change below is complete before anything can panic, so the data behind a poisoned
        // lock is sound.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, max: usize) -> Vec<Lease> {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.return_overdue(now);
        let leases = inner.lease(max, now + self.lease);
        let more = inner.ready_count() > 0;
        drop(inner);
        if more {
            // `notify_one` wakes one waiter for any number of pushed jobs: it wakes the next one.
            self.pushed.notify_one();
        }
        leases
    }
}

impl Inner {
    fn ready_count(&self) -> usize {
        self.ready.iter().map(|(_, jobs)| jobs.len()).sum()
    }

    fn lease(&mut self, max: usize, end: Instant) -> Vec<Lease> {
        let ready = self.ready_count();
        let mut leases = Vec::with_capacity(max.min(ready));
        for lane in Lane::ALL {
            while leases.len() < max {
                let Some((id, _)) = self.ready[lane].pop_front() else {
                    break;
                };
                self.token += 1;
                let job = Job { id, lane };
                self.leased.insert(self.token, (job, end));
                leases.push(Lease { job, token: LeaseToken(0, self.token) });
            }
        }
        if !leases.is_empty() {
            self.next_end = Some(self.next_end.map_or(end, |next| next.min(end)));
        }
        leases
    }

    fn return_overdue(&mut self, now: Instant) {
        if self.next_end.is_none_or(|next| next > now) {
            return;
        }
        let overdue: Vec<u64> = self
            .leased
            .iter()
            .filter(|(_, (_, end))| *end <= now)
            .map(|(token, _)| *token)
            .collect();
        // Each goes to the front of its lane, the last one first, so that the order is kept.
        for token in overdue.into_iter().rev() {
            self.put_back(token, now);
        }
        self.next_end = self.leased.values().map(|(_, end)| *end).min();
    }

    fn put_back(&mut self, token: u64, now: Instant) {
        if let Some((job, _)) = self.leased.remove(&token) {
            self.ready[job.lane].push_front((job.id, now));
        }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        let now = Instant::now();
        let mut inner = self.lock();
        for job in jobs {
            let lane = job.lane;
            if inner.held[lane].len() < self.capacity && inner.held[lane].insert(job.id) {
                inner.ready[lane].push_back((job.id, now));
            }
        }
        drop(inner);
        self.pushed.notify_one();
        Ok(())
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        let deadline = Instant::now() + wait;
        loop {
            let leases = self.take(max);
            if max == 0 || !leases.is_empty() {
                return Ok(leases);
            }
            if timeout_at(deadline, self.pushed.notified()).await.is_err() {
                return Ok(self.take(max));
            }
        }
    }

    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        let mut inner = self.lock();
        for lease in leases {
            if let Some((job, _)) = inner.leased.remove(&lease.token.1) {
                inner.held[job.lane].remove(&job.id);
            }
        }
        Ok(())
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        let now = Instant::now();
        let mut inner = self.lock();
        for lease in leases.iter().rev() {
            inner.put_back(lease.token.1, now);
        }
        drop(inner);
        self.pushed.notify_one();
        Ok(())
    }

    async fn stats(&self) -> Result<QueueStats> {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.return_overdue(now);
        let lanes = PerLane::new(|lane| {
            let ready = &inner.ready[lane];
            LaneStats {
                ready: ready.len(),
                leased: inner.held[lane].len() - ready.len(),
                oldest_age_ms: ready
                    .front()
                    .map(|(_, at)| u64::try_from((now - *at).as_millis()).unwrap_or(u64::MAX)),
            }
        });
        Ok(QueueStats::new(lanes, Some(self.capacity)))
    }
}
