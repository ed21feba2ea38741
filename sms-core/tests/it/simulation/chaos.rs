//! Sources of faults: random numbers, lives that end, a queue that loses and duplicates jobs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sms_core::queue::{LeaseToken, QueueStats};
use sms_core::{Job, Lease, MemoryQueue, Queue, Result, async_trait};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::support::{Call, Fault, Faults};

/// Lease of a pulled id.
const QUEUE_LEASE: Duration = Duration::from_secs(20);

/// Random numbers of one seed, and the end of the faults.
#[derive(Debug)]
pub(super) struct Chaos {
    dice: Mutex<fastrand::Rng>,
    pub(super) until: Instant,
}

impl Chaos {
    pub(super) fn new(seed: u64, length: Duration) -> Arc<Self> {
        Arc::new(Self {
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            until: Instant::now() + length,
        })
    }

    pub(super) fn is_on(&self) -> bool {
        Instant::now() < self.until
    }

    pub(super) fn below(&self, bound: u64) -> u64 {
        self.dice.lock().unwrap().u64(..bound)
    }

    pub(super) fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// As [`percent`](Self::percent), and never after the faults have ended.
    pub(super) fn fault(&self, percent: u64) -> bool {
        self.is_on() && self.percent(percent)
    }

    /// Up to this many milliseconds.
    pub(super) fn millis(&self, most: u64) -> Duration {
        Duration::from_millis(self.below(most))
    }

    /// Mostly short, sometimes longer than a lease.
    fn delay(&self) -> Duration {
        if self.percent(20) { self.millis(40_000) } else { self.millis(1_500) }
    }
}

impl Faults for Chaos {
    fn next(&self, call: Call) -> Option<Fault> {
        let percent = match call {
            Call::Begin | Call::Settle | Call::Insert => 30,
            Call::Ack | Call::Release | Call::Push | Call::Resolve | Call::Cancel => 20,
            _ => 3,
        };
        let fault = self.fault(percent).then(|| self.below(4))?;
        Some(match fault {
            0 => Fault::Fail,
            1 => Fault::LoseAnswer,
            2 => Fault::Delay(self.delay()),
            _ => Fault::DelayAnswer(self.delay()),
        })
    }
}

/// Life of one worker process. After its end every call of the worker hangs.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) chaos: Arc<Chaos>,
    dead: AtomicBool,
    pub(super) died: Notify,
}

impl Life {
    pub(super) fn new(chaos: &Arc<Chaos>) -> Arc<Self> {
        Arc::new(Self {
            chaos: Arc::clone(chaos),
            dead: AtomicBool::new(false),
            died: Notify::new(),
        })
    }

    pub(super) fn is_over(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub(super) fn end(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }
}

impl Faults for Life {
    fn next(&self, call: Call) -> Option<Fault> {
        if self.is_over() {
            return Some(Fault::Hang);
        }
        let deadly = matches!(call, Call::Begin | Call::Settle | Call::Ack | Call::Due);
        if deadly && self.chaos.fault(2) {
            self.end();
            return Some(if self.chaos.percent(50) { Fault::Hang } else { Fault::HangAfter });
        }
        self.chaos.next(call)
    }
}

/// A queue that loses and duplicates jobs, and is wiped.
#[derive(Debug)]
pub(super) struct MessyQueue {
    inner: MemoryQueue,
    chaos: Arc<Chaos>,
    echoes: Mutex<Vec<Lease>>,
}

impl MessyQueue {
    pub(super) fn new(chaos: &Arc<Chaos>) -> Arc<Self> {
        let inner = MemoryQueue::new().capacity(100).lease(QUEUE_LEASE);
        Arc::new(Self { inner, chaos: Arc::clone(chaos), echoes: Mutex::default() })
    }

    async fn wipe(&self) -> Result<()> {
        let all = self.inner.pull(1000, Duration::ZERO).await?;
        self.inner.ack(&all).await
    }
}

#[async_trait]
impl Queue for MessyQueue {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        let kept: Vec<Job> = jobs.iter().filter(|_| !self.chaos.fault(10)).copied().collect();
        self.inner.push(&kept).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        if self.chaos.is_on() && self.chaos.below(500) == 0 {
            self.wipe().await?;
        }
        let mut leases = self.inner.pull(max, wait).await?;
        let mut echoes = self.echoes.lock().unwrap();
        echoes.extend(leases.iter().filter(|_| self.chaos.fault(25)));
        while leases.len() < max
            && self.chaos.percent(50)
            && let Some(Lease { job, .. }) = echoes.pop()
        {
            leases.push(Lease::new(job, LeaseToken(u64::MAX, 0)));
        }
        Ok(leases)
    }

    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        self.inner.ack(leases).await
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        self.inner.release(leases).await
    }

    async fn stats(&self) -> Result<QueueStats> {
        self.inner.stats().await
    }
}
