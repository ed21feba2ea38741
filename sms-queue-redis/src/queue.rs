//! The queue.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sms_core::queue::QueueStats;
use sms_core::{Error, Job, Lease, Queue, Result};
use tokio::time::Instant;

use crate::config::RedisConfig;
use crate::connection::Target;
use crate::notifier::Bell;
use crate::shared_connection::Link;
use crate::wire::{CHUNK, Pulled, Wire, read_pull, read_stats};

/// A [`Queue`] on Redis Streams, shared by all that use the same prefix of the same Redis.
///
/// Clones share their connections. Each one that was made by [`connect`](Self::connect) is a
/// consumer of its own.
///
/// # What a crash leaves
///
/// Of a process that pulled: leases that end, and a consumer that is
/// [forgotten](RedisConfig::forget_after). Of Redis without persistence: nothing, and the caretaker
/// offers what is due again.
#[derive(Clone)]
pub struct RedisQueue(Arc<Inner>);

struct Inner {
    config: RedisConfig,
    wire: Wire,
    link: Link,
    bell: Bell,
    /// When to look for overdue leases, and for consumers of processes that ended.
    overdue: Schedule,
    sweep: Schedule,
}

/// A pull waits no longer than this, so that no instant is out of reach.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

impl RedisQueue {
    /// The queue in this Redis. Connects when it is first used, and again whenever the connection
    /// was lost: a Redis that is down makes calls fail with `Unavailable`, nothing else.
    ///
    /// # Errors
    ///
    /// `Config` when an option is out of range, a certificate cannot be read, or a feature that is
    /// needed is off.
    pub fn connect(config: RedisConfig) -> Result<Self> {
        let target = Target::new(&config)?;
        let wire = Wire::new(&config.prefix);
        Ok(Self(Arc::new(Inner {
            link: Link::new(target.clone(), config.timeout),
            bell: Bell::new(target, config.timeout, wire.waited_for()),
            overdue: Schedule::new(
                (config.lease / 10).clamp(Duration::from_millis(50), Duration::from_secs(5)),
            ),
            sweep: Schedule::new(
                (config.forget_after / 4)
                    .clamp(Duration::from_millis(250), Duration::from_hours(1)),
            ),
            wire,
            config,
        })))
    }

    /// The queue at this address, see [`RedisConfig::from_url`].
    ///
    /// # Errors
    ///
    /// Those of [`RedisConfig::from_url`] and [`connect`](Self::connect).
    pub fn from_url(url: &str) -> Result<Self> {
        Self::connect(RedisConfig::from_url(url)?)
    }

    /// Leases what is there. In a task of its own: when the pull is dropped while Redis answers,
    /// the task ends all the same, and what it got goes back.
    async fn take(&self, max: usize) -> Result<Taken> {
        let inner = Arc::clone(&self.0);
        let taking = tokio::spawn(async move { inner.take(max).await });
        taking.await.map_err(|error| Error::unavailable("the pull was cut short", error))?
    }
}

/// What a pull got: leases, or none and the places to wait at.
enum Taken {
    Leases(Undelivered),
    Nothing(Vec<String>),
}

/// Leases nobody has yet. Dropped, they go back at once.
struct Undelivered {
    leases: Vec<Lease>,
    inner: Arc<Inner>,
}

impl Undelivered {
    fn deliver(mut self) -> Vec<Lease> {
        std::mem::take(&mut self.leases)
    }
}

impl Drop for Undelivered {
    fn drop(&mut self) {
        if self.leases.is_empty() {
            return;
        }
        // Without a runtime the process is ending; then they come back when the lease is over.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (leases, inner) = (std::mem::take(&mut self.leases), Arc::clone(&self.inner));
            runtime.spawn(async move { inner.release(&leases).await });
        }
    }
}

impl Inner {
    async fn take(self: Arc<Self>, max: usize) -> Result<Taken> {
        let overdue = self.overdue.is_due().then_some(self.config.lease);
        let answer = self.link.run(&self.wire.pull(max, overdue)).await?;
        if self.sweep.is_due() {
            self.sweep().await;
        }
        Ok(match read_pull(answer)? {
            Pulled::Leases(leases) => Taken::Leases(Undelivered { leases, inner: self }),
            Pulled::Nothing(last) => Taken::Nothing(last),
        })
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        for chunk in leases.chunks(CHUNK) {
            self.link.run(&self.wire.release(chunk)).await?;
        }
        Ok(())
    }

    async fn sweep(&self) {
        if let Err(error) = self.link.run(&self.wire.sweep(self.config.forget_after)).await {
            tracing::debug!(%error, "idle consumers were not forgotten; it will be tried again");
        }
    }
}

#[async_trait]
impl Queue for RedisQueue {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        for chunk in jobs.chunks(CHUNK) {
            self.0.link.run(&self.0.wire.push(chunk, self.0.config.capacity)).await?;
        }
        Ok(())
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let end = Instant::now() + wait.min(LONGEST_WAIT);
        let mut beaten = 0;
        loop {
            let last = match self.take(max).await? {
                Taken::Leases(leases) => return Ok(leases.deliver()),
                Taken::Nothing(last) => last,
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Vec::new());
            }
            // A lease that ends rings no bell.
            if self.0.bell.wait(&last, left.min(self.0.overdue.every)).await? {
                beaten += 1;
                stand_back(beaten).await;
            } else {
                beaten = 0;
            }
        }
    }

    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        for chunk in leases.chunks(CHUNK) {
            self.0.link.run(&self.0.wire.ack(chunk)).await?;
        }
        Ok(())
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        self.0.release(leases).await
    }

    async fn stats(&self) -> Result<QueueStats> {
        let answer = self.0.link.run(&self.0.wire.stats()).await?;
        Ok(QueueStats::new(read_stats(answer)?, Some(self.0.config.capacity)))
    }
}

impl fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQueue").field("config", &self.0.config).finish_non_exhaustive()
    }
}

/// The bell rings for everybody who waits, and one gets the job. A pull that came too late more
/// than once stands back a little before it looks again: a fleet that waits for single jobs would
/// keep Redis busy with looking otherwise.
async fn stand_back(beaten: u32) {
    if beaten > 1 {
        let longest = 1000 << (beaten - 1).min(2);
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..longest))).await;
    }
}

/// Something that is done now and then, when there is an occasion.
struct Schedule {
    every: Duration,
    next: Mutex<Option<Instant>>,
}

impl Schedule {
    fn new(every: Duration) -> Self {
        Self { every, next: Mutex::default() }
    }

    /// Whether it is time; if so, the next time is set.
    fn is_due(&self) -> bool {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = next.is_none_or(|next| next <= now);
        if due {
            *next = Some(now + self.every);
        }
        due
    }
}
