//! Pushes: they hand their jobs to the tasks that publish, and wait for the answers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::ConnectionStatus;
use sms_core::{Error, ErrorKind, Job, Lane, Result};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::availability::Availability;
use crate::config::AmqpConfig;
use crate::consuming::consumer::Consumer;
use crate::error::Failure;
use crate::publishing::publisher_task::{PublisherTask, PushRequest};
use crate::topology::Topology;
use sms_core::PerLane;

/// Limit of the pushes that wait for a lane's task.
const MAX_WAITING_PUSHES: usize = 1024;

/// Publishing side of the queue.
#[derive(Debug)]
pub(crate) struct Publisher {
    lanes: PerLane<LanePublisher>,
    timeout: Duration,
}

/// Handle of the task that publishes in one lane.
#[derive(Debug)]
struct LanePublisher {
    requests: mpsc::Sender<PushRequest>,
    /// While the connection is up, its status.
    availability: Arc<Availability<ConnectionStatus>>,
}

impl Publisher {
    /// Starts the tasks. They tell the consumer what is published, because RabbitMQ may deliver it
    /// to this process.
    pub(crate) fn start(
        config: &AmqpConfig,
        topology: &Arc<Topology>,
        consumer: &Arc<Consumer>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let lanes = PerLane::new(|lane| {
            let (requests, waiting) = mpsc::channel(MAX_WAITING_PUSHES);
            let availability = Arc::new(Availability::new());
            let task = PublisherTask {
                lane,
                waiting,
                availability: Arc::clone(&availability),
                consumer: Arc::clone(consumer),
                topology: Arc::clone(topology),
                config: config.clone(),
            };
            tasks.spawn(task.run());
            LanePublisher { requests, availability }
        });
        Self { lanes, timeout: config.timeout }
    }

    /// Waits for the first attempts to connect, and returns their failures.
    pub(crate) async fn first_failures(&self, limit: Duration) -> Vec<Failure> {
        let first = Lane::ALL.map(|lane| self.lanes[lane].availability.first_failure(limit));
        join_all(first).await.into_iter().flatten().collect()
    }

    /// Publishes these jobs, and waits until RabbitMQ has confirmed all of them.
    ///
    /// # Errors
    ///
    /// `Unavailable` if one of them may not have been taken.
    pub(crate) async fn push(&self, jobs: &[Job]) -> Result<()> {
        let pushes = Lane::ALL.map(|lane| {
            let jobs: Vec<Job> = jobs.iter().copied().filter(|job| job.lane == lane).collect();
            self.lanes[lane].push(jobs)
        });
        let answers = timeout(self.timeout, join_all(pushes)).await;
        answers.map_err(|_| Failure::Timeout("confirm").unavailable())?.into_iter().collect()
    }
}

impl LanePublisher {
    async fn push(&self, jobs: Vec<Job>) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        // During an alarm RabbitMQ stops reading from connections that publish, so a push would
        // only time out.
        if self.availability.get()?.blocked() {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "RabbitMQ takes no messages: it is short of memory or disk",
            ));
        }
        let closed = || Error::new(ErrorKind::Closed, "the RabbitMQ queue has been closed");
        let (reply, answer) = oneshot::channel();
        self.requests.send(PushRequest { jobs, reply }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}
