//! The contract of `sms-core`: [`Queue`] for [`AmqpQueue`].

use std::time::Duration;

use async_trait::async_trait;
use sms_core::queue::{LaneStats, QueueStats};
use sms_core::{Job, Lease, PerLane, Queue, Result};

use crate::queue::AmqpQueue;

#[async_trait]
impl Queue for AmqpQueue {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        self.publisher.push(jobs).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        if max == 0 {
            return Ok(Vec::new());
        }
        self.consumer.pull(max, wait).await
    }

    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        self.consumer.ack(leases).await
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        self.consumer.release(leases).await
    }

    async fn stats(&self) -> Result<QueueStats> {
        let ready = self.consumer.ready().await?;
        let leased = self.consumer.leased();
        let lanes = PerLane::new(|lane| LaneStats::new(ready[lane], leased[lane]));
        Ok(QueueStats::new(lanes, Some(self.capacity)))
    }
}
