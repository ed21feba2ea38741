//! The queue.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sms_core::queue::{LaneStats, QueueStats};
use sms_core::{Job, Lane, Lease, Queue, Result};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::config::AmqpConfig;
use crate::consuming::consumer_task::{self as consume, Shared};
use crate::consuming::deliveries::Pulled;
use crate::error::Failure;
use crate::publishing::publisher_task::Publisher;

/// The longest a pull waits, whatever it asks for.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// A [`Queue`] on RabbitMQ: a quorum queue for each lane.
///
/// It keeps four connections, one that publishes for each lane and one that consumes, and makes
/// each anew when it fails. Dropping it closes them; jobs that were pulled and not acked are then
/// RabbitMQ's again.
#[derive(Debug)]
pub struct AmqpQueue {
    shared: Arc<Shared>,
    publisher: Publisher,
    tasks: [JoinHandle<()>; 4],
}

impl AmqpQueue {
    /// Connects, and declares the queues. A RabbitMQ that is down is no error: calls answer
    /// `Unavailable` until it is back, and the connection is made by itself. Must be called inside
    /// a tokio runtime.
    ///
    /// # Errors
    ///
    /// `Config` for an option out of range, and for what RabbitMQ says only a person can mend: a
    /// wrong user, password or virtual host; queues that exist with other options.
    pub async fn connect(config: AmqpConfig) -> Result<Self> {
        config.check()?;
        // Connecting, opening channels and declaring: each has its own limit, and all of them are
        // to be waited for.
        let limit = config.timeout * 4;
        let shared = Arc::new(Shared::new(config.clone()));
        let (publisher, [urgent, normal, bulk]) = Publisher::start(&shared);
        let tasks = [urgent, normal, bulk, consume::start(&shared)];
        let queue = Self { shared, publisher, tasks };
        let mut failures = queue.publisher.first(limit).await;
        failures.extend(queue.shared.gate.first(limit).await);
        // Down or not yet known makes no difference: but for what a person has to mend.
        match failures.iter().find_map(|failure| failure.config(&config)) {
            Some(error) => Err(error),
            None => Ok(queue),
        }
    }
}

impl Drop for AmqpQueue {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[async_trait]
impl Queue for AmqpQueue {
    async fn push(&self, jobs: &[Job]) -> Result<()> {
        self.publisher.push(jobs).await
    }

    async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let start = Instant::now();
        let deadline = start + wait.min(MAX_WAIT);
        // The impatient wait as long as it takes to ask.
        let answer_by = deadline.max(start + self.shared.config.timeout);
        let _waiting = self.shared.waiting(max);
        loop {
            // Before looking, or what comes in between would wake nobody.
            let arrived = self.shared.arrived.notified();
            self.shared.gate.pass()?;
            let until = match self.shared.pull(max) {
                Pulled::Leases(leases) => return Ok(leases),
                Pulled::Wait(until) => until,
                Pulled::Nothing { certain: true } if Instant::now() >= deadline => {
                    return Ok(Vec::new());
                }
                Pulled::Nothing { certain: true } => deadline,
                Pulled::Nothing { certain: false } if Instant::now() >= answer_by => {
                    return Err(Failure::Silent("start to deliver").unavailable());
                }
                Pulled::Nothing { certain: false } => answer_by,
            };
            // Either way it looks again.
            let _ = timeout_at(until, arrived).await;
        }
    }

    async fn ack(&self, leases: &[Lease]) -> Result<()> {
        self.shared.ack(leases).await
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        self.shared.release(leases).await
    }

    async fn stats(&self) -> Result<QueueStats> {
        let questions = self.shared.gate.pass()?;
        let ready = self.shared.ready(&questions).await.map_err(Failure::unavailable)?;
        let held = self.shared.counts();
        let lanes = Lane::ALL.map(|lane| {
            let index = usize::from(lane.number());
            let (buffered, leased) = held[index];
            // No waiting job shows its age from outside.
            LaneStats { ready: ready[index] + buffered, leased, oldest_age_ms: None }
        });
        Ok(QueueStats::new(lanes, Some(self.shared.config.capacity as usize)))
    }
}
