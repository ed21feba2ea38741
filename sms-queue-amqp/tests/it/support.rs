//! Queues for each test, and access to them through RabbitMQ.

use std::time::Duration;

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ExchangeDeleteOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use sms_core::{Job, Lane, Lease, MessageId, Queue as _};
use sms_queue_amqp::{AmqpConfig, AmqpQueue};
use tokio::time::{Instant, sleep, timeout};

/// Time that a test waits for something that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Address of RabbitMQ.
pub(crate) fn address() -> String {
    std::env::var("SMS_TEST_AMQP_URL")
        .unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned())
}

/// Queues under a prefix of their own, which are deleted when this is dropped.
pub(crate) struct Lanes {
    pub(crate) address: String,
    pub(crate) prefix: String,
    delete: bool,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self::at(address())
    }

    pub(crate) fn at(address: String) -> Self {
        Self { address, prefix: format!("sms-test-{:016x}", fastrand::u64(..)), delete: true }
    }

    /// Queues that are not deleted, because their broker is removed.
    pub(crate) fn temporary(address: String) -> Self {
        let mut lanes = Self::at(address);
        lanes.delete = false;
        lanes
    }

    pub(crate) fn config(&self) -> AmqpConfig {
        // The machine may be busy with many tests at once.
        let config = AmqpConfig::from_url(&self.address).expect("SMS_TEST_AMQP_URL is an address");
        config.prefix(&self.prefix).timeout(Duration::from_secs(10)).ttl(Duration::from_mins(10))
    }

    pub(crate) async fn open(&self) -> AmqpQueue {
        self.open_with(|config| config).await
    }

    pub(crate) async fn open_with(
        &self,
        change: impl FnOnce(AmqpConfig) -> AmqpConfig,
    ) -> AmqpQueue {
        let queue = AmqpQueue::connect(change(self.config())).await.expect("a queue");
        if let Err(error) = queue.stats().await {
            let cause =
                std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            panic!(
                "these tests need a RabbitMQ at SMS_TEST_AMQP_URL (by default guest's on \
                 127.0.0.1:5672): {cause}"
            );
        }
        queue
    }

    pub(crate) fn lane(&self, lane: Lane) -> String {
        self.named(["urgent", "normal", "bulk"][usize::from(lane.number())])
    }

    pub(crate) fn named(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// A channel for the test, apart from those of the queue.
    pub(crate) async fn channel(&self) -> (Connection, Channel) {
        let connection = Connection::connect(&self.address, ConnectionProperties::default())
            .await
            .expect("RabbitMQ");
        let channel = connection.create_channel().await.expect("a channel");
        (connection, channel)
    }

    /// Number of ready messages and of consumers of this queue.
    pub(crate) async fn inspect(&self, queue: &str) -> (u32, u32) {
        let (_connection, channel) = self.channel().await;
        let options = QueueDeclareOptions::durable().passive();
        let queue = channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await
            .expect("a queue");
        (queue.message_count(), queue.consumer_count())
    }

    /// Takes one message out of this queue.
    pub(crate) async fn get(&self, queue: &str) -> Option<String> {
        let (_connection, channel) = self.channel().await;
        let got =
            channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.expect("a get");
        got.map(|message| String::from_utf8(message.delivery.data).expect("text"))
    }

    /// Publishes a body that holds no job to a lane.
    pub(crate) async fn publish(&self, lane: Lane, body: &str) {
        let (_connection, channel) = self.channel().await;
        let (queue, options) = (self.lane(lane).into(), BasicPublishOptions::default());
        let published = channel.basic_publish(
            "".into(),
            queue,
            options,
            body.as_bytes(),
            BasicProperties::default(),
        );
        published.await.expect("a publish").await.expect("a publish");
    }

    /// Deletes a lane's queue, if it exists.
    pub(crate) async fn try_delete(&self, lane: Lane) {
        let (_connection, channel) = self.channel().await;
        let _ = channel.queue_delete(self.lane(lane).into(), QueueDeleteOptions::default()).await;
    }

    /// Deletes a lane's queue.
    pub(crate) async fn delete(&self, lane: Lane) {
        let (_connection, channel) = self.channel().await;
        channel
            .queue_delete(self.lane(lane).into(), QueueDeleteOptions::default())
            .await
            .expect("deleted");
    }

    async fn delete_all(&self) {
        let connecting = Connection::connect(&self.address, ConnectionProperties::default());
        let Ok(connection) = connecting.await else { return };
        let Ok(channel) = connection.create_channel().await else { return };
        for name in ["urgent", "normal", "bulk", "dead"] {
            let _ =
                channel.queue_delete(self.named(name).into(), QueueDeleteOptions::default()).await;
        }
        let _ = channel
            .exchange_delete(self.named("dead").into(), ExchangeDeleteOptions::default())
            .await;
        let _ = connection.close(200, "OK".into()).await;
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        if !self.delete {
            return;
        }
        // On a thread of its own, because this may be dropped inside a runtime, or by a panic.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build();
                let deleted = async { timeout(PATIENCE, self.delete_all()).await };
                let _ = runtime.expect("a runtime").block_on(deleted);
            });
        });
    }
}

pub(crate) fn jobs(lane: Lane, number: usize) -> Vec<Job> {
    (0..number).map(|_| Job::new(MessageId::new(), lane)).collect()
}

pub(crate) fn sorted(leases: &[Lease]) -> Vec<Job> {
    let mut jobs: Vec<Job> = leases.iter().map(|lease| lease.job).collect();
    jobs.sort_by_key(|job| job.id);
    jobs
}

/// Pulls this many jobs, and repeats a pull that fails.
pub(crate) async fn pull_all(queue: &AmqpQueue, number: usize) -> Vec<Lease> {
    let end = Instant::now() + PATIENCE;
    let (mut leases, mut error) = (Vec::new(), None);
    while leases.len() < number {
        assert!(
            Instant::now() < end,
            "only {} of {number} jobs came; last error: {error:?}",
            leases.len()
        );
        match queue.pull(number - leases.len(), Duration::from_millis(200)).await {
            Ok(pulled) => leases.extend(pulled),
            Err(failed) => {
                error = Some(failed);
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
    leases
}

/// Pushes until that succeeds, and returns the time it took.
pub(crate) async fn push_through(queue: &AmqpQueue, jobs: &[Job]) -> Duration {
    let start = Instant::now();
    while let Err(error) = queue.push(jobs).await {
        assert!(start.elapsed() < PATIENCE, "the push still fails: {error:?}");
        sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

/// Polls until this is true.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "not true within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
