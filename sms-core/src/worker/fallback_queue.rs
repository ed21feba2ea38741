//! A worker's queue: the one it was given and, while that one cannot be reached, one inside the
//! process.
//!
//! The queue is a hint, so a worker needs no queue server to send: its caretaker finds in the store
//! what is due. The server only makes the hand-off between processes immediate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::error::{Error, Result};
use crate::memory::MemoryQueue;
use crate::queue::{Job, Lease, LeaseToken, Queue, QueueStats};
use crate::supervise::catch_panic;

/// The longest a call of the queue may take, beyond the time it was asked to wait.
const LIMIT: Duration = Duration::from_secs(3);
/// The interval of the probes of a queue that is away.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// A queue that goes away again so soon must pass twice as many probes as the last time, up to
/// [`MAX_PROBES`], so that one that comes and goes costs little.
const RELAPSE: Duration = Duration::from_mins(1);
const MAX_PROBES: u32 = 16;
/// The interval of the log lines about a queue that stays away.
const REMINDER: Duration = Duration::from_mins(1);

/// A queue and its stand-in. Its calls never fail; while the queue is away,
/// [`QueueStats::degraded`] says so.
///
/// Each lease is settled on the side that gave it. Both sides may hold the same id: `Store::begin`
/// lets one of them through.
#[derive(Debug)]
pub(crate) struct FallbackQueue {
    primary: Arc<dyn Queue>,
    own: MemoryQueue,
    /// First half of the tokens of own leases. A foreign token that has it by chance is settled on
    /// the wrong side, which is harmless: its job comes again and falls off the store.
    mark: u64,
    away: watch::Sender<Option<Away>>,
    /// True if the next pull first takes what the stand-in still holds.
    own_turn: AtomicBool,
}

/// An outage of the queue.
#[derive(Clone, Copy, Debug)]
struct Away {
    /// A job of the push that failed. The queue is back when it takes this one; a copy more does no
    /// harm.
    refused: Option<Job>,
    /// Its beginning and its end are logged elsewhere.
    is_reported: bool,
}

impl FallbackQueue {
    pub(crate) fn new(primary: Arc<dyn Queue>) -> Self {
        let (own, mark) = (MemoryQueue::new(), fastrand::u64(..));
        Self { primary, own, mark, away: watch::Sender::new(None), own_turn: AtomicBool::default() }
    }

    /// True if the queue cannot be used.
    pub(crate) fn is_away(&self) -> bool {
        self.away.borrow().is_some()
    }

    /// Probes the queue while it is away, and goes back to it. Never ends.
    pub(crate) async fn watch(&self) {
        let mut away = self.away.subscribe();
        let (mut back_at, mut needed): (Option<Instant>, u32) = (None, 1);
        loop {
            // The channel is closed by dropping `self` only.
            let _ = away.wait_for(Option::is_some).await;
            let relapse = back_at.is_some_and(|at| at.elapsed() < RELAPSE);
            needed = if relapse { (needed * 2).min(MAX_PROBES) } else { 1 };
            self.wait_until_back(needed).await;
            self.away.send_replace(None);
            back_at = Some(Instant::now());
        }
    }

    /// Waits until so many probes in a row have passed.
    async fn wait_until_back(&self, needed: u32) {
        let (since, mut reminded) = (Instant::now(), Instant::now());
        let mut passed = 0;
        while passed < needed {
            sleep(PROBE_INTERVAL).await;
            match self.probe().await {
                Ok(()) => passed += 1,
                Err(error) => {
                    passed = 0;
                    if reminded.elapsed() >= REMINDER {
                        reminded = Instant::now();
                        let (away_seconds, waiting) = (since.elapsed().as_secs(), self.own.ready());
                        tracing::warn!(
                            reason = error.report(),
                            away_seconds,
                            waiting,
                            "the queue still cannot be used; messages go on through the store"
                        );
                    }
                }
            }
        }
        let away_seconds = since.elapsed().as_secs();
        if !self.away.borrow().is_some_and(|away| away.is_reported) {
            tracing::info!(
                away_seconds,
                waiting = self.own.ready(),
                "the queue answers again and is used again"
            );
        }
    }

    /// Every kind of call that a worker needs, for each can hang by itself.
    async fn probe(&self) -> Result<()> {
        limited(Duration::ZERO, self.primary.stats()).await?;
        let leases = limited(Duration::ZERO, self.primary.pull(1, Duration::ZERO)).await?;
        if !leases.is_empty() {
            limited(Duration::ZERO, self.primary.release(&leases)).await?;
        }
        let refused = self.away.borrow().as_ref().and_then(|away| away.refused);
        match refused {
            Some(job) => limited(Duration::ZERO, self.primary.push(&[job])).await,
            None => Ok(()),
        }
    }

    fn leave(&self, error: &Error, refused: Option<Job>) {
        self.away.send_if_modified(|away| {
            if away.is_some() {
                return false;
            }
            let is_reported = error.is_reported();
            if !is_reported {
                let reason = error.report();
                tracing::warn!(
                    reason,
                    "the queue cannot be used; messages go on through the store"
                );
            }
            *away = Some(Away { refused, is_reported });
            true
        });
    }

    /// Jobs of the queue; `None` when it is away, also when that was found out elsewhere meanwhile.
    async fn pull_primary(&self, max: usize, wait: Duration) -> Option<Vec<Lease>> {
        let mut away = self.away.subscribe();
        tokio::select! {
            biased;
            pulled = limited(wait, self.primary.pull(max, wait)) => {
                pulled.inspect_err(|error| self.leave(error, None)).ok()
            }
            _ = away.wait_for(Option::is_some) => None,
        }
    }

    async fn pull_own(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        let mut leases = self.own.pull(max, wait).await?;
        for lease in &mut leases {
            lease.token = LeaseToken(self.mark, lease.token.1);
        }
        Ok(leases)
    }

    /// The leases of the stand-in, and those of the queue.
    fn split(&self, leases: &[Lease]) -> (Vec<Lease>, Vec<Lease>) {
        leases.iter().partition(|lease| lease.token.0 == self.mark)
    }

    /// The end of a call about leases of the queue: an error while it is away is no news. They come
    /// again.
    fn settled(&self, result: Result<()>) -> Result<()> {
        if self.is_away() { Ok(()) } else { result }
    }
}

#[async_trait]
impl Queue for FallbackQueue {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        if !self.is_away() {
            match limited(Duration::ZERO, self.primary.push(jobs)).await {
                Ok(()) => return Ok(()),
                Err(error) => self.leave(&error, jobs.first().copied()),
            }
        }
        self.own.push(jobs).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        let end = Instant::now() + wait;
        if !self.is_away() {
            // After an outage, what the stand-in still holds is worked off in turn with the queue,
            // so that neither waits for the other.
            let left_over = self.own.ready() > 0;
            if left_over && self.own_turn.fetch_xor(true, Ordering::Relaxed) {
                return self.pull_own(max, Duration::ZERO).await;
            }
            let patience = if left_over { Duration::ZERO } else { wait };
            match self.pull_primary(max, patience).await {
                Some(leases) if left_over && leases.is_empty() => {}
                Some(leases) => return Ok(leases),
                None => {}
            }
        }
        self.pull_own(max, end.saturating_duration_since(Instant::now())).await
    }

    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        let (own, theirs) = self.split(leases);
        self.own.ack(&own).await?;
        if theirs.is_empty() {
            return Ok(());
        }
        self.settled(limited(Duration::ZERO, self.primary.ack(&theirs)).await)
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        let (own, theirs) = self.split(leases);
        self.own.release(&own).await?;
        if theirs.is_empty() {
            return Ok(());
        }
        self.settled(limited(Duration::ZERO, self.primary.release(&theirs)).await)
    }

    async fn stats(&self) -> Result<QueueStats> {
        if !self.is_away() {
            match limited(Duration::ZERO, self.primary.stats()).await {
                Ok(stats) => return Ok(stats),
                Err(error) => self.leave(&error, None),
            }
        }
        let mut stats = self.own.stats().await?;
        stats.degraded = true;
        Ok(stats)
    }
}

async fn limited<T>(wait: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    let timed_out = |error| Err(Error::unavailable("the queue did not answer in time", error));
    timeout(wait + LIMIT, catch_panic(call)).await.unwrap_or_else(timed_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::lane::Lane;
    use crate::message::MessageId;

    fn job() -> Job {
        Job { id: MessageId::new(), lane: Lane::Normal }
    }

    async fn pull(queue: &FallbackQueue) -> Vec<Lease> {
        queue.pull(10, Duration::ZERO).await.expect("it never fails")
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_settled_on_the_side_that_gave_it() {
        let primary = Arc::new(MemoryQueue::new());
        let queue = FallbackQueue::new(primary.clone());
        queue.push(&[job()]).await.expect("pushed");
        let mut leases = pull(&queue).await;
        queue.leave(&Error::new(ErrorKind::Unavailable, "a test"), None);
        queue.push(&[job()]).await.expect("pushed");
        leases.extend(pull(&queue).await);
        assert_eq!(leases.len(), 2);
        queue.away.send_replace(None);
        queue.release(&leases).await.expect("released");
        assert_eq!((primary.ready(), queue.own.ready()), (1, 1));
        let again = [pull(&queue).await, pull(&queue).await].concat();
        assert_eq!(again.len(), 2, "what the stand-in holds is worked off in turn with the queue");
        queue.ack(&again).await.expect("acked");
        for side in [&*primary, &queue.own] {
            let stats = side.stats().await.expect("stats");
            assert!(stats.lanes.iter().all(|(_, lane)| lane.ready + lane.leased == 0), "{stats:?}");
        }
    }
}
