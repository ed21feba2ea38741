//! The contract of `sms-core`: [`Queue`] for [`RedisQueue`].

use std::time::Duration;

use async_trait::async_trait;
use sms_core::queue::QueueStats;
use sms_core::{Job, Lease, Queue, Result};

use crate::queue::RedisQueue;

#[async_trait]
impl Queue for RedisQueue {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        self.0.push(jobs).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        if max == 0 {
            return Ok(Vec::new());
        }
        self.0.pull(max, wait).await
    }

    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        self.0.ack(leases).await
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        self.0.release(leases).await
    }

    async fn stats(&self) -> Result<QueueStats> {
        self.0.stats().await
    }
}
