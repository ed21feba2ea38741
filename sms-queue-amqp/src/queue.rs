//! Queue: its two sides, and the tasks that keep the connections.

use std::sync::Arc;

use sms_core::Result;
use tokio::task::JoinSet;

use crate::config::AmqpConfig;
use crate::consuming::consumer::Consumer;
use crate::consuming::consumer_task::ConsumerTask;
use crate::publishing::publisher::Publisher;
use crate::topology::Topology;

/// A [`Queue`](sms_core::Queue) on RabbitMQ: a quorum queue for each lane.
///
/// Keeps four connections, one that publishes for each lane and one that consumes, and replaces
/// each that fails. Dropping the queue closes them; RabbitMQ then takes back the jobs that were
/// pulled and not acked.
#[derive(Debug)]
pub struct AmqpQueue {
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) publisher: Publisher,
    pub(crate) capacity: usize,
    /// The tasks that keep the connections. Dropping it ends them.
    _tasks: JoinSet<()>,
}

impl AmqpQueue {
    /// Connects, and declares the queues. Must be called inside a tokio runtime.
    ///
    /// A RabbitMQ that is down is no error: the calls of the queue answer `Unavailable` until a
    /// connection is up, and connecting is retried in the background.
    ///
    /// # Errors
    ///
    /// `Config` for an option out of range, and for an answer of RabbitMQ that does not change by
    /// itself: a wrong user, password or virtual host; queues that exist with other options.
    pub async fn connect(config: AmqpConfig) -> Result<Self> {
        config.check()?;
        let topology = Arc::new(Topology::new(&config));
        let consumer = Arc::new(Consumer::new(&config, Arc::clone(&topology)));
        let mut tasks = JoinSet::new();
        let publisher = Publisher::start(&config, &topology, &consumer, &mut tasks);
        let task =
            ConsumerTask { consumer: Arc::clone(&consumer), topology, config: config.clone() };
        tasks.spawn(task.run());
        // Connecting, opening channels and declaring have a time limit each; this is their sum.
        let limit = config.timeout * 4;
        let mut failures = publisher.first_failures(limit).await;
        failures.extend(consumer.availability.first_failure(limit).await);
        // Other failures may pass, so they are left to the tasks.
        if let Some(error) = failures.iter().find_map(|failure| failure.config_error(&config)) {
            return Err(error);
        }
        let capacity = config.capacity as usize;
        Ok(Self { consumer, publisher, capacity, _tasks: tasks })
    }
}
