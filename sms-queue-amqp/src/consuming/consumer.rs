//! Pulls, acks, releases and counts of deliveries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use lapin::Channel;
use sms_core::{Lane, Lease, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use crate::availability::Availability;
use crate::config::AmqpConfig;
use crate::consuming::consumer_state::{ConsumerState, PendingCall};
use crate::consuming::deliveries::Pulled;
use crate::error::Failure;
use crate::topology::Topology;
use sms_core::PerLane;

/// Limit of a pull's wait.
const MAX_PULL_WAIT: Duration = Duration::from_hours(1);

/// Consuming side of the queue, shared by its calls and the task that keeps the connection.
#[derive(Debug)]
pub(crate) struct Consumer {
    state: Mutex<ConsumerState>,
    /// While the connection is up, the channel for queue lengths. It is not the one that consumes,
    /// since asking about a queue that does not exist closes the channel.
    pub(crate) availability: Availability<Channel>,
    /// Wakes pulls: jobs came, or what is expected has changed.
    pub(crate) arrived: Notify,
    /// Wakes the task: a pull needs a subscription.
    pub(crate) demand: Notify,
    /// Wakes the task: a call found the connection unusable.
    pub(crate) suspect: Notify,
    topology: Arc<Topology>,
    timeout: Duration,
}

impl Consumer {
    pub(crate) fn new(config: &AmqpConfig, topology: Arc<Topology>) -> Self {
        Self {
            state: Mutex::new(ConsumerState::new(config.lease)),
            availability: Availability::new(),
            arrived: Notify::new(),
            demand: Notify::new(),
            suspect: Notify::new(),
            topology,
            timeout: config.timeout,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, ConsumerState> {
        // A panic cannot leave a change half done, so a poisoned lock is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that this process is pushing so many jobs, which may come back to it.
    pub(crate) fn note_pushed(&self, lane: Lane, jobs: usize) {
        self.state().deliveries.buffer(lane).note_pushed(jobs, Instant::now());
    }

    /// Leases up to `max` jobs, waiting up to `wait` for the first.
    ///
    /// # Errors
    ///
    /// `Unavailable` without a connection, and when RabbitMQ does not start to deliver in time.
    pub(crate) async fn pull(&self, max: usize, wait: Duration) -> Result<Vec<Lease>> {
        let start = Instant::now();
        let deadline = start + wait.min(MAX_PULL_WAIT);
        // A pull without a wait still gives RabbitMQ the time that an answer may take.
        let answer_deadline = deadline.max(start + self.timeout);
        let _waiting = WaitingPull::begin(self, max);
        loop {
            // Registered before the check, or an arrival in between would not wake this pull.
            let arrived = self.arrived.notified();
            self.availability.get()?;
            let until = match self.try_pull(max) {
                Pulled::Leases(leases) => return Ok(leases),
                Pulled::Wait(until) => until,
                Pulled::Nothing { certain: true } if Instant::now() >= deadline => {
                    return Ok(Vec::new());
                }
                Pulled::Nothing { certain: true } => deadline,
                Pulled::Nothing { certain: false } if Instant::now() >= answer_deadline => {
                    return Err(Failure::Timeout("start to deliver").unavailable());
                }
                Pulled::Nothing { certain: false } => answer_deadline,
            };
            // On a timeout, too, the loop checks again.
            let _ = timeout_at(until, arrived).await;
        }
    }

    /// Leases the jobs that were delivered, and wakes the task if a subscription is needed.
    fn try_pull(&self, max: usize) -> Pulled {
        let (now, mut state) = (Instant::now(), self.state());
        let deliveries = &mut state.deliveries;
        let mut needs_subscription = !deliveries.lanes_to_subscribe(now).is_empty();
        let pulled = deliveries.pull(max, now);
        // The jobs just taken may have been the last that RabbitMQ delivers to the other pulls.
        needs_subscription |=
            deliveries.demand.others_wait() && !deliveries.lanes_to_subscribe(now).is_empty();
        let has_more = deliveries.has_ready();
        drop(state);
        if needs_subscription {
            self.demand.notify_one();
        }
        if has_more && matches!(pulled, Pulled::Leases(_)) {
            // `notify_one` wakes one pull, however many jobs came: this pull wakes the next.
            self.arrived.notify_one();
        }
        pulled
    }

    /// Acks the jobs of these leases.
    ///
    /// # Errors
    ///
    /// `Unavailable` if the ack is not written in time.
    pub(crate) async fn ack(&self, leases: &[Lease]) -> Result<()> {
        let calls = {
            let mut state = self.state();
            let ops = state.deliveries.ack(leases, Instant::now());
            state.send_ops(ops)
        };
        self.written(calls).await
    }

    /// Returns the jobs of these leases to RabbitMQ.
    ///
    /// # Errors
    ///
    /// `Unavailable` if that is not written in time.
    pub(crate) async fn release(&self, leases: &[Lease]) -> Result<()> {
        let calls = {
            let mut state = self.state();
            let ops = state.deliveries.release(leases, Instant::now());
            state.send_ops(ops)
        };
        self.written(calls).await
    }

    /// Waits until these calls are written. An error of a call is ignored: the channel is gone, so
    /// RabbitMQ delivers its jobs again, which is harmless.
    async fn written(&self, calls: Vec<PendingCall>) -> Result<()> {
        let written = timeout(self.timeout, join_all(calls)).await;
        written.map(drop).map_err(|_| Failure::Timeout("read").unavailable())
    }

    /// Number of jobs that wait, in RabbitMQ and in this process, by lane.
    ///
    /// # Errors
    ///
    /// `Unavailable` when RabbitMQ cannot be asked.
    pub(crate) async fn ready(&self) -> Result<PerLane<usize>> {
        let channel = self.availability.get()?;
        let ready = self.topology.ready(&channel).await;
        let ready = ready.inspect_err(|_| self.suspect.notify_one());
        let mut ready = ready.map_err(Failure::unavailable)?;
        let buffered = self.state().deliveries.ready();
        for lane in Lane::ALL {
            ready[lane] += buffered[lane];
        }
        Ok(ready)
    }

    /// Number of jobs that this process has leased, by lane.
    pub(crate) fn leased(&self) -> PerLane<usize> {
        self.state().deliveries.leased()
    }
}

/// Registration of a pull that waits. Dropping it ends the registration.
#[derive(Debug)]
struct WaitingPull<'a> {
    consumer: &'a Consumer,
    max: usize,
}

impl<'a> WaitingPull<'a> {
    fn begin(consumer: &'a Consumer, max: usize) -> Self {
        consumer.state().deliveries.demand.begin(max);
        Self { consumer, max }
    }
}

impl Drop for WaitingPull<'_> {
    fn drop(&mut self) {
        self.consumer.state().deliveries.demand.end(self.max, Instant::now());
    }
}
