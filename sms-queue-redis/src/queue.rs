//! Queue: its connections and its calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sms_core::queue::QueueStats;
use sms_core::{Error, Job, Lease, Result};
use tokio::time::Instant;

use crate::config::RedisConfig;
use crate::connector::Connector;
use crate::notifier::Notifier;
use crate::schedule::Schedule;
use crate::scripts::{MAX_IDS_PER_CALL, Scripts};
use crate::shared_connection::SharedConnection;
use crate::wire::{Pulled, read_pull, read_stats};

/// Limit of a pull's wait.
const MAX_PULL_WAIT: Duration = Duration::from_hours(24);

/// A [`Queue`](sms_core::Queue) on Redis Streams. All that use the same prefix of the same Redis
/// share one queue.
///
/// Clones share their connections. Each queue that was made by [`connect`](Self::connect) is a
/// consumer of its own.
///
/// # Crashes
///
/// A process that ends leaves leases, which expire, and a consumer, which is
/// [removed](RedisConfig::forget_after) later. A Redis without persistence loses everything, and
/// the caretaker pushes again what is due.
#[derive(Clone)]
pub struct RedisQueue(pub(crate) Arc<Inner>);

/// The part that clones share.
pub(crate) struct Inner {
    config: RedisConfig,
    scripts: Scripts,
    connection: SharedConnection,
    notifier: Notifier,
    /// Schedule of the search for expired leases.
    overdue: Schedule,
    /// Schedule of the removal of idle consumers.
    consumer_removal: Schedule,
}

impl RedisQueue {
    /// Makes a queue. It connects when it is first used, and again when the connection was lost:
    /// while Redis is down, calls answer `Unavailable`.
    ///
    /// # Errors
    ///
    /// `Config` when an option is out of range, a certificate cannot be read, or a feature that is
    /// needed is off.
    pub fn connect(config: RedisConfig) -> Result<Self> {
        let connector = Connector::new(&config)?;
        let scripts = Scripts::new(&config.prefix);
        let overdue = (config.lease / 10).clamp(Duration::from_millis(50), Duration::from_secs(5));
        let removal =
            (config.forget_after / 4).clamp(Duration::from_millis(250), Duration::from_hours(1));
        Ok(Self(Arc::new(Inner {
            connection: SharedConnection::new(connector.clone(), config.timeout),
            notifier: Notifier::new(connector, config.timeout, scripts.watched_keys()),
            overdue: Schedule::new(overdue),
            consumer_removal: Schedule::new(removal),
            scripts,
            config,
        })))
    }

    /// Makes a queue for this address, see [`RedisConfig::from_url`].
    ///
    /// # Errors
    ///
    /// Those of [`RedisConfig::from_url`] and [`connect`](Self::connect).
    pub fn from_url(url: &str) -> Result<Self> {
        Self::connect(RedisConfig::from_url(url)?)
    }
}

impl fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQueue").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) async fn push(&self, jobs: &[Job]) -> Result<()> {
        for jobs in jobs.chunks(MAX_IDS_PER_CALL) {
            self.connection.run(&self.scripts.push(jobs, self.config.capacity)).await?;
        }
        Ok(())
    }

    pub(crate) async fn pull(self: &Arc<Self>, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        let end = Instant::now() + wait.min(MAX_PULL_WAIT);
        let mut lost_races = 0;
        loop {
            let last = match self.lease(max).await? {
                Leased::Leases(leases) => return Ok(leases.deliver()),
                Leased::Nothing(last) => last,
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Vec::new());
            }
            // An expired lease makes no entry, so this ends in time for the next search for such
            // leases.
            if self.notifier.wait(&last, left.min(self.overdue.period)).await? {
                lost_races += 1;
                delay_after_lost_race(lost_races).await;
            } else {
                lost_races = 0;
            }
        }
    }

    /// Leases the jobs that are ready. Runs as a task, so that it completes when the pull is
    /// dropped while Redis answers; the leases are then returned.
    async fn lease(self: &Arc<Self>, max: usize) -> Result<Leased> {
        let leasing = tokio::spawn(Arc::clone(self).run_pull(max));
        leasing.await.map_err(|error| Error::unavailable("the pull was cut short", error))?
    }

    async fn run_pull(self: Arc<Self>, max: usize) -> Result<Leased> {
        let lease = self.overdue.take_due().then_some(self.config.lease);
        let answer = self.connection.run(&self.scripts.pull(max, lease)).await?;
        if self.consumer_removal.take_due() {
            self.remove_idle_consumers().await;
        }
        Ok(match read_pull(answer)? {
            Pulled::Leases(leases) => Leased::Leases(Undelivered { leases, inner: self }),
            Pulled::Nothing(last) => Leased::Nothing(last),
        })
    }

    async fn remove_idle_consumers(&self) {
        let script = self.scripts.remove_consumers(self.config.forget_after);
        if let Err(error) = self.connection.run(&script).await {
            tracing::debug!(%error, "idle Redis consumers were not removed; will retry");
        }
    }

    pub(crate) async fn ack(&self, leases: &[Lease]) -> Result<()> {
        for leases in leases.chunks(MAX_IDS_PER_CALL) {
            self.connection.run(&self.scripts.ack(leases)).await?;
        }
        Ok(())
    }

    pub(crate) async fn release(&self, leases: &[Lease]) -> Result<()> {
        for leases in leases.chunks(MAX_IDS_PER_CALL) {
            self.connection.run(&self.scripts.release(leases)).await?;
        }
        Ok(())
    }

    pub(crate) async fn stats(&self) -> Result<QueueStats> {
        let answer = self.connection.run(&self.scripts.stats()).await?;
        Ok(QueueStats::new(read_stats(answer)?, Some(self.config.capacity)))
    }
}

/// Result of one attempt of a pull.
enum Leased {
    Leases(Undelivered),
    /// No job was ready. Holds the last entry of each watched key.
    Nothing(Vec<String>),
}

/// Leases that the caller of the pull does not have yet. Dropping them releases them.
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
        // Without a runtime the process is ending, and the leases expire.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (leases, inner) = (std::mem::take(&mut self.leases), Arc::clone(&self.inner));
            runtime.spawn(async move { inner.release(&leases).await });
        }
    }
}

/// Delays a pull that has lost more than one race, by a random time of up to 4 ms. An entry wakes
/// every pull and only one gets the job: with many waiting processes, asking again at once would
/// keep Redis busy.
async fn delay_after_lost_race(lost_races: u32) {
    if lost_races > 1 {
        let max_micros = 1000 << (lost_races - 1).min(2);
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..max_micros))).await;
    }
}
