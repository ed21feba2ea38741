//! A queue. It delegates to the memory queue, and builds every job, lease and count itself.

use std::time::Duration;

use sms_core::queue::{LaneStats, LeaseToken, QueueStats};
use sms_core::{Job, Lease, MemoryQueue, Queue, Result, async_trait};

use crate::copy;

/// A queue in memory.
#[derive(Debug)]
pub struct OutsideQueue(MemoryQueue);

impl OutsideQueue {
    /// A queue on top of a memory queue.
    pub fn new(memory: MemoryQueue) -> Self {
        Self(memory)
    }
}

fn lease(from: &Lease) -> Lease {
    let LeaseToken(high, low) = from.token;
    Lease::new(copy::job(&from.job), LeaseToken(high, low))
}

fn leases(from: &[Lease]) -> Vec<Lease> {
    from.iter().map(lease).collect()
}

fn lane_stats(from: LaneStats) -> LaneStats {
    let mut copy = LaneStats::default();
    copy.ready = from.ready;
    copy.leased = from.leased;
    copy.oldest_age_ms = from.oldest_age_ms;
    copy
}

#[async_trait]
impl Queue for OutsideQueue {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        let jobs: Vec<_> = jobs.iter().map(copy::job).collect();
        self.0.push(&jobs).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        Ok(leases(&self.0.pull(max, wait).await?))
    }

    async fn ack(&self, held: &[Lease]) -> Result<()> {
        self.0.ack(&leases(held)).await
    }

    async fn release(&self, held: &[Lease]) -> Result<()> {
        self.0.release(&leases(held)).await
    }

    async fn stats(&self) -> Result<QueueStats> {
        let stats = self.0.stats().await?;
        Ok(QueueStats::new(stats.lanes.map(lane_stats), stats.capacity))
    }
}
