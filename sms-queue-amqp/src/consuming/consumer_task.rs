//! Task of the consuming connection.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use lapin::Channel;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use sms_core::Lane;
use sms_core::supervise::survive_panic;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::backoff::Backoff;
use crate::config::AmqpConfig;
use crate::connection::Connection;
use crate::consuming::consumer::Consumer;
use crate::consuming::consumer_state::consumer_tag;
use crate::consuming::delivery_reader::DeliveryReader;
use crate::error::{Failure, within};
use crate::topology::Topology;

/// Interval of checks for expired leases and for jobs that are not pulled.
const CLEANUP_INTERVAL: Duration = Duration::from_millis(50);
/// Interval of checks that RabbitMQ answers and delivers.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// Task that keeps the consuming connection, subscribes while a pull waits, and returns unused
/// jobs.
#[derive(Debug)]
pub(crate) struct ConsumerTask {
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) config: AmqpConfig,
}

impl ConsumerTask {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        while survive_panic("RabbitMQ: consume", self.run_connections()).await.is_none() {}
    }

    async fn run_connections(&self) -> Infallible {
        // If this panicked before, the old connection's state is still there.
        self.disconnect();
        let mut backoff = Backoff::new("consume");
        loop {
            let Err(failure) = self.run_connection().await;
            self.disconnect();
            self.consumer.availability.set_down(failure.clone());
            self.consumer.arrived.notify_waiters();
            backoff.wait_after(&failure).await;
        }
    }

    fn disconnect(&self) {
        self.consumer.state().disconnect(Instant::now());
    }

    /// Consumes over one connection, until it fails.
    async fn run_connection(&self) -> Result<Infallible, Failure> {
        let connection = Connection::open(&self.config, "consume").await?;
        let consuming = connection.channel().await?;
        let asking = connection.channel().await?;
        self.topology.declare(&consuming, &Lane::ALL).await?;
        self.consumer.state().connect(consuming.clone());
        self.consumer.availability.set_up(asking.clone());
        let mut readers = JoinSet::new();
        let mut cleanups = delayed_interval(CLEANUP_INTERVAL);
        let mut probes = delayed_interval(PROBE_INTERVAL);
        let is_up = || connection.status().connected() && consuming.status().connected();
        loop {
            tokio::select! {
                () = self.consumer.demand.notified() => {
                    self.subscribe(&consuming, &asking, &mut readers).await?;
                }
                _ = cleanups.tick() => self.requeue_unused().await?,
                _ = probes.tick() => self.probe(&asking).await?,
                Some(ended) = readers.join_next() => {
                    // All subscriptions end with their connection: then that is the failure.
                    self.check_ended(ended.ok())
                        .map_err(|failure| if is_up() { failure } else { Failure::Closed })?;
                }
                () = self.consumer.suspect.notified() => {}
            }
            if !is_up() || !asking.status().connected() {
                return Err(Failure::Closed);
            }
        }
    }

    /// Subscribes to the lanes that pulls wait for.
    async fn subscribe(
        &self,
        consuming: &Channel,
        asking: &Channel,
        readers: &mut JoinSet<(Lane, u64)>,
    ) -> Result<(), Failure> {
        let (lanes, window, old) = {
            let (now, mut state) = (Instant::now(), self.consumer.state());
            let deliveries = &mut state.deliveries;
            let lanes = deliveries.lanes_to_subscribe(now);
            let window = deliveries.window(&lanes, now);
            let old: Vec<u64> =
                lanes.iter().filter_map(|lane| deliveries.buffer(*lane).unsubscribe()).collect();
            (lanes, window, old)
        };
        if lanes.is_empty() {
            return Ok(());
        }
        // Before subscribing: after it, ready jobs are on their way here and not counted as ready.
        let backlog = self.topology.ready(asking).await?;
        let cancels = self.consumer.state().cancel(&old);
        within(self.config.timeout, "cancel consumers", try_join_all(cancels)).await?;
        // RabbitMQ applies the limit to consumers that start after it was set.
        let limit = consuming.basic_qos(window, BasicQosOptions::default());
        within(self.config.timeout, "take the prefetch limit", limit).await?;
        let subscriptions: Vec<(Lane, u64)> = {
            let mut state = self.consumer.state();
            lanes.into_iter().map(|lane| (lane, state.deliveries.next_subscription())).collect()
        };
        let streams = subscriptions.iter().map(|(lane, number)| {
            let (queue, options) = (self.topology.queue(*lane), BasicConsumeOptions::default());
            consuming.basic_consume(queue, consumer_tag(*number), options, FieldTable::default())
        });
        let streams = within(self.config.timeout, "start consumers", try_join_all(streams)).await?;
        for ((lane, subscription), stream) in subscriptions.into_iter().zip(streams) {
            let (now, mut state) = (Instant::now(), self.consumer.state());
            state.deliveries.buffer(lane).subscribe(subscription, window, backlog[lane], now);
            drop(state);
            let consumer = Arc::clone(&self.consumer);
            readers.spawn(DeliveryReader { consumer, lane, subscription }.run(stream));
        }
        // Every pull, since each has a deadline of its own to compute again.
        self.consumer.arrived.notify_waiters();
        Ok(())
    }

    /// Checks why a reader ended. It is a failure, unless its subscription was cancelled here.
    fn check_ended(&self, ended: Option<(Lane, u64)>) -> Result<(), Failure> {
        let Some((lane, subscription)) = ended else { return Err(Failure::Cancelled) };
        let is_current = self.consumer.state().deliveries.buffer(lane).is_current(subscription);
        if is_current { Err(Failure::Cancelled) } else { Ok(()) }
    }

    /// Returns the jobs of expired leases, and those that are not pulled, to RabbitMQ.
    async fn requeue_unused(&self) -> Result<(), Failure> {
        let calls = {
            let (now, mut state) = (Instant::now(), self.consumer.state());
            let ops = state.deliveries.requeue_overdue(now);
            let mut calls = state.send_ops(ops);
            let (cancelled, ops) = state.deliveries.requeue_unused(now);
            // In this order, or RabbitMQ would deliver what is returned to this process again.
            calls.extend(state.cancel(&cancelled));
            calls.extend(state.send_ops(ops));
            calls
        };
        if calls.is_empty() {
            return Ok(());
        }
        let written = async { Ok::<_, Failure>(join_all(calls).await) };
        within(self.config.timeout, "take jobs back", written).await.map(drop)
    }

    /// Asks RabbitMQ for its queue lengths. No answer means that the connection is dead; jobs that
    /// are ready and not delivered mean that RabbitMQ has lost a consumer.
    async fn probe(&self, asking: &Channel) -> Result<(), Failure> {
        let ready = self.topology.ready(asking).await?;
        let mut state = self.consumer.state();
        let stalled =
            Lane::ALL.map(|lane| state.deliveries.buffer(lane).check_stalled(ready[lane]));
        if stalled.contains(&true) { Err(Failure::Stalled) } else { Ok(()) }
    }
}

/// An interval that does not catch up on ticks that were missed.
fn delayed_interval(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
