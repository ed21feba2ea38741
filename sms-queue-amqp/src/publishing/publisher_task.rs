//! Task of one lane's publishing connection.
//!
//! It has a connection of its own, so that no lane waits for another: RabbitMQ reads and confirms
//! one connection in order, and blocks it whole when a queue cannot keep up.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, ConnectionStatus};
use sms_core::supervise::survive_panic;
use sms_core::{Job, Lane, MessageId, Result};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::availability::Availability;
use crate::backoff::Backoff;
use crate::config::AmqpConfig;
use crate::connection::Connection;
use crate::consuming::consumer::Consumer;
use crate::error::{Failure, within};
use crate::publishing::unconfirmed::Unconfirmed;
use crate::topology::Topology;
use crate::wire;

/// Limit of the jobs that are published and not confirmed; further pushes wait.
const MAX_UNCONFIRMED_JOBS: usize = 4096;
/// Interval of checks of the connection.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Jobs of one lane that are pushed together.
#[derive(Debug)]
pub(crate) struct PushRequest {
    pub(crate) jobs: Vec<Job>,
    pub(crate) reply: oneshot::Sender<Result<()>>,
}

/// Task that keeps the publishing connection of one lane, publishes what is pushed, and answers
/// each push when RabbitMQ has confirmed it.
#[derive(Debug)]
pub(crate) struct PublisherTask {
    pub(crate) lane: Lane,
    pub(crate) waiting: mpsc::Receiver<PushRequest>,
    pub(crate) availability: Arc<Availability<ConnectionStatus>>,
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) config: AmqpConfig,
}

impl PublisherTask {
    /// Runs until the publisher is dropped.
    pub(crate) async fn run(mut self) {
        while survive_panic("RabbitMQ: publish", self.run_connections()).await.is_none() {}
    }

    async fn run_connections(&mut self) {
        let mut backoff = Backoff::new(self.purpose());
        loop {
            let mut unconfirmed = Unconfirmed::default();
            let failure = match self.run_connection(&mut unconfirmed).await {
                Ok(()) => return,
                Err(failure) => failure,
            };
            self.availability.set_down(failure.clone());
            // Includes the pushes that came before the availability changed.
            let waiting =
                std::iter::from_fn(|| self.waiting.try_recv().ok()).map(|request| request.reply);
            for reply in unconfirmed.into_replies().chain(waiting) {
                // An error means that the caller has given up.
                let _ = reply.send(Err(failure.clone().unavailable()));
            }
            backoff.wait_after(&failure).await;
        }
    }

    /// Part of the connection's name.
    fn purpose(&self) -> &'static str {
        match self.lane {
            Lane::Urgent => "publish urgent",
            Lane::Normal => "publish normal",
            Lane::Bulk => "publish bulk",
        }
    }

    /// Publishes over one connection, until it fails or the publisher is dropped.
    async fn run_connection(&mut self, unconfirmed: &mut Unconfirmed) -> Result<(), Failure> {
        let timeout = self.config.timeout;
        let connection = Connection::open(&self.config, self.purpose()).await?;
        let channel = connection.channel().await?;
        self.topology.declare(&channel, &[self.lane]).await?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        within(timeout, "turn on confirms", confirms).await?;
        self.availability.set_up(connection.status().clone());
        let (queue, properties) = (self.topology.queue(self.lane), wire::properties());
        let mut confirms = FuturesUnordered::new();
        let mut last_confirm = Instant::now();
        let mut checks = interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = self.waiting.recv(), if confirms.len() < MAX_UNCONFIRMED_JOBS => {
                    let Some(PushRequest { jobs, reply }) = request else { return Ok(()) };
                    if confirms.is_empty() {
                        last_confirm = Instant::now();
                    }
                    self.consumer.note_pushed(self.lane, jobs.len());
                    let number = unconfirmed.add(jobs.len(), reply);
                    confirms.extend(jobs.into_iter().map(|job| {
                        publish(&channel, queue.clone(), properties.clone(), job.id, number)
                    }));
                }
                Some((number, confirmation)) = confirms.next() => {
                    unconfirmed.confirm(number, confirmation?)?;
                    last_confirm = Instant::now();
                }
                _ = checks.tick() => {
                    if !(connection.status().connected() && channel.status().connected()) {
                        return Err(Failure::Closed);
                    }
                    if confirms.is_empty() || connection.status().blocked() {
                        // During an alarm the confirms come when it is over.
                        last_confirm = Instant::now();
                    } else if last_confirm.elapsed() > timeout {
                        return Err(Failure::Timeout("confirm"));
                    }
                }
            }
        }
    }
}

/// Publishes one job, and waits until it is confirmed. Returns the number of its push with it.
async fn publish(
    channel: &Channel,
    queue: ShortString,
    properties: BasicProperties,
    id: MessageId,
    push: u64,
) -> (u64, lapin::Result<Confirmation>) {
    // Mandatory, because RabbitMQ otherwise confirms a message that it has no queue for.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let body = wire::encode(id);
    let confirmation = async {
        channel.basic_publish("".into(), queue, options, body.as_bytes(), properties).await?.await
    };
    (push, confirmation.await)
}
