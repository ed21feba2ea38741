//! Consuming: one task that keeps a connection, subscribes while somebody pulls, and gives back
//! what nobody uses.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    BasicRejectOptions, QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use sms_core::supervise::survive_panic;
use sms_core::{Job, Lane, Lease, Result};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::availability::Gate;
use crate::config::AmqpConfig;
use crate::connection::{Link, Retry};
use crate::consuming::deliveries::{Book, Pulled, Word};
use crate::error::{Failure, within};
use crate::topology::Topology;
use crate::wire;

/// How often leases and buffers are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How often RabbitMQ is asked what it has, to find out that it is still there and delivers.
const PROBE: Duration = Duration::from_secs(2);
/// Deliveries that are shelved at a time.
const TOGETHER: usize = 100;

/// Starts the task that consumes. It ends when it is aborted.
pub(crate) fn start(shared: &Arc<Shared>) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        while survive_panic("RabbitMQ: consume", shared.consume()).await.is_none() {}
    })
}

/// What the task that consumes and the callers of the queue share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: AmqpConfig,
    pub(crate) topology: Topology,
    /// Behind it is a channel for questions, apart from the one that consumes: a question about a
    /// queue that is gone closes its channel.
    pub(crate) gate: Gate<Channel>,
    desk: Mutex<Desk>,
    /// Something came, or what there is to come has changed.
    pub(crate) arrived: Notify,
    /// Somebody waits for what is not subscribed to.
    demand: Notify,
    /// Somebody found the connection unusable.
    broken: Notify,
}

#[derive(Debug)]
struct Desk {
    book: Book,
    /// The channel that consumes, while there is one.
    channel: Option<Channel>,
}

/// Something said to RabbitMQ that may not be written yet.
type Saying = Pin<Box<dyn Future<Output = lapin::Result<()>> + Send>>;

impl Shared {
    pub(crate) fn new(config: AmqpConfig) -> Self {
        Self {
            topology: Topology::new(&config.prefix),
            gate: Gate::new(),
            desk: Mutex::new(Desk { book: Book::new(config.lease), channel: None }),
            arrived: Notify::new(),
            demand: Notify::new(),
            broken: Notify::new(),
            config,
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Nothing below can panic half way through a change.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_pushed(&self, lane: Lane, jobs: usize) {
        self.desk().book.shelf(lane).note_pushed(jobs, Instant::now());
    }

    /// Counts a pull among those that wait, until the guard is dropped.
    pub(crate) fn waiting(&self, max: usize) -> Waiting<'_> {
        self.desk().book.begin_pull(max);
        Waiting { shared: self, max }
    }

    /// Leases what there is, and has the rest subscribed to.
    pub(crate) fn pull(&self, max: usize) -> Pulled {
        let (now, mut desk) = (Instant::now(), self.desk());
        let mut lacking = !desk.book.lacking(now).is_empty();
        let pulled = desk.book.pull(max, now);
        // What this one took may have been the last that RabbitMQ would deliver to the others.
        lacking |= desk.book.others_wait() && !desk.book.lacking(now).is_empty();
        let more = desk.book.has_ready();
        drop(desk);
        if lacking {
            self.demand.notify_one();
        }
        if more && matches!(pulled, Pulled::Leases(_)) {
            // `notify_one` wakes one waiter for any number of jobs: pass it on.
            self.arrived.notify_one();
        }
        pulled
    }

    pub(crate) async fn ack(&self, leases: &[Lease]) -> Result<()> {
        let said = {
            let mut desk = self.desk();
            let words = desk.book.ack(leases, Instant::now());
            desk.say(words)
        };
        self.written(said).await
    }

    pub(crate) async fn release(&self, leases: &[Lease]) -> Result<()> {
        let said = {
            let mut desk = self.desk();
            let words = desk.book.release(leases, Instant::now());
            desk.say(words)
        };
        self.written(said).await
    }

    /// Waits until this is written. A channel that is gone by then has given everything back to
    /// RabbitMQ: it comes again, which is harmless.
    async fn written(&self, said: Vec<Saying>) -> Result<()> {
        let written = timeout(self.config.timeout, join_all(said)).await;
        written.map(drop).map_err(|_| Failure::Silent("read").unavailable())
    }

    pub(crate) fn counts(&self) -> [(usize, usize); 3] {
        self.desk().book.counts()
    }

    /// How many jobs RabbitMQ has ready, by lane.
    pub(crate) async fn ready(&self, channel: &Channel) -> Result<[usize; 3], Failure> {
        let asked = Lane::ALL.map(|lane| {
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
            channel.queue_declare(self.topology.queue(lane), options, FieldTable::default())
        });
        let queues = within(self.config.timeout, "say what it has", try_join_all(asked)).await;
        let queues = queues.inspect_err(|_| self.broken.notify_one())?;
        let mut ready = [0; 3];
        for (ready, queue) in ready.iter_mut().zip(queues) {
            *ready = usize::try_from(queue.message_count()).unwrap_or(usize::MAX);
        }
        Ok(ready)
    }

    /// Works until it is dropped.
    async fn consume(self: &Arc<Self>) -> std::convert::Infallible {
        // Left over where this panicked.
        self.forget_connection();
        let mut retry = Retry::new("consume");
        loop {
            let Err(failure) = self.serve().await;
            self.forget_connection();
            self.gate.close(failure.clone());
            self.arrived.notify_waiters();
            retry.pause(&failure).await;
        }
    }

    fn forget_connection(&self) {
        let mut desk = self.desk();
        desk.channel = None;
        desk.book.forget(Instant::now());
    }

    /// Consumes over one connection, until it fails.
    async fn serve(self: &Arc<Self>) -> Result<std::convert::Infallible, Failure> {
        let link = Link::open(&self.config, "consume").await?;
        let (channel, questions) = (link.channel().await?, link.channel().await?);
        self.topology.declare(&channel, &self.config, &Lane::ALL).await?;
        self.desk().channel = Some(channel.clone());
        self.gate.open(questions.clone());
        let mut readers = JoinSet::new();
        let (mut ticks, mut probes) = (interval(TICK), interval(PROBE));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        probes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.demand.notified() => self.subscribe(&channel, &questions, &mut readers).await?,
                _ = ticks.tick() => self.tidy().await?,
                _ = probes.tick() => self.probe(&questions).await?,
                Some(ended) = readers.join_next() => {
                    // With the connection all consumers end.
                    let is_up = link.status().connected() && channel.status().connected();
                    self.ended(ended.ok()).map_err(|failure| if is_up { failure } else { Failure::Closed })?;
                }
                () = self.broken.notified() => {}
            }
            if !(link.status().connected()
                && channel.status().connected()
                && questions.status().connected())
            {
                return Err(Failure::Closed);
            }
        }
    }

    /// Subscribes to the lanes somebody waits for.
    async fn subscribe(
        self: &Arc<Self>,
        channel: &Channel,
        questions: &Channel,
        readers: &mut JoinSet<(Lane, u64)>,
    ) -> Result<(), Failure> {
        let (lanes, window, old) = {
            let (now, mut desk) = (Instant::now(), self.desk());
            let lanes = desk.book.lacking(now);
            let window = desk.book.window(&lanes, now);
            let old: Vec<u64> =
                lanes.iter().filter_map(|lane| desk.book.shelf(*lane).unsubscribe()).collect();
            (lanes, window, old)
        };
        if lanes.is_empty() {
            return Ok(());
        }
        let limit = self.config.timeout;
        // Before subscribing, for then what is ready is on its way to us and no longer counted.
        let backlog = self.ready(questions).await?;
        // What a cancelled consumer has delivered can still be acked.
        let cancelled = try_join_all(old.iter().map(|number| cancel(channel, *number)));
        within(limit, "cancel consumers", cancelled).await?;
        // RabbitMQ keeps the limit of the moment in which a consumer comes.
        within(
            limit,
            "take the prefetch limit",
            channel.basic_qos(window, BasicQosOptions::default()),
        )
        .await?;
        let numbers: Vec<(Lane, u64)> = {
            let mut desk = self.desk();
            lanes.into_iter().map(|lane| (lane, desk.book.next_subscription())).collect()
        };
        let consumers = try_join_all(
            numbers.iter().map(|(lane, number)| self.consumer(channel, *lane, *number)),
        );
        let consumers = within(limit, "take consumers", consumers).await?;
        for ((lane, number), consumer) in numbers.into_iter().zip(consumers) {
            let ready = backlog[usize::from(lane.number())];
            self.desk().book.shelf(lane).subscribe(number, window, ready, Instant::now());
            readers.spawn(Arc::clone(self).read(consumer, lane, number));
        }
        // All of them, for each has its own patience.
        self.arrived.notify_waiters();
        Ok(())
    }

    async fn consumer(
        &self,
        channel: &Channel,
        lane: Lane,
        number: u64,
    ) -> lapin::Result<Consumer> {
        let (queue, options) = (self.topology.queue(lane), BasicConsumeOptions::default());
        channel.basic_consume(queue, consumer_tag(number), options, FieldTable::default()).await
    }

    /// Puts on the shelf what one consumer delivers, until it ends.
    async fn read(self: Arc<Self>, mut consumer: Consumer, lane: Lane, number: u64) -> (Lane, u64) {
        while let Some(Ok(first)) = consumer.next().await {
            // With what else has come: waking a pull for each would cost more than the rest.
            let mut deliveries = vec![first];
            let mut ended = false;
            while deliveries.len() < TOGETHER && !ended {
                match consumer.next().now_or_never() {
                    Some(Some(Ok(delivery))) => deliveries.push(delivery),
                    Some(_) => ended = true,
                    None => break,
                }
            }
            self.shelve(deliveries, lane, number);
            self.arrived.notify_one();
            if ended {
                break;
            }
        }
        (lane, number)
    }

    fn shelve(&self, deliveries: Vec<Delivery>, lane: Lane, number: u64) {
        let (now, mut desk) = (Instant::now(), self.desk());
        for delivery in deliveries {
            let job = wire::decode(&delivery.data).map(|id| Job { id, lane });
            if job.is_none() {
                tracing::warn!(?lane, "RabbitMQ: a message in a lane holds no id; it is put aside");
            }
            let word = desk.book.arrive(lane, number, delivery.delivery_tag, job, now);
            // Written in its own time.
            drop(desk.say(word));
        }
    }

    /// A consumer ended. Unless we cancelled it, RabbitMQ did, or the channel is gone.
    fn ended(&self, ended: Option<(Lane, u64)>) -> Result<(), Failure> {
        match ended {
            Some((lane, number)) if !self.desk().book.shelf(lane).is_current(number) => Ok(()),
            _ => Err(Failure::Cancelled),
        }
    }

    /// Gives back what is held too long.
    async fn tidy(&self) -> Result<(), Failure> {
        let said = {
            let (now, mut desk) = (Instant::now(), self.desk());
            let overdue = desk.book.give_back_overdue(now);
            let mut said = desk.say(overdue);
            let (cancelled, words) = desk.book.give_back_unused(now);
            // In this order, or what is given back would be delivered to us again.
            said.extend(desk.cancel(&cancelled));
            said.extend(desk.say(words));
            said
        };
        if said.is_empty() {
            return Ok(());
        }
        within(self.config.timeout, "take jobs back", async {
            Ok::<_, Failure>(join_all(said).await)
        })
        .await?;
        Ok(())
    }

    /// Asks RabbitMQ what it has: a dead connection does not answer, and a consumer that was
    /// forgotten shows by what is ready and does not come.
    async fn probe(&self, questions: &Channel) -> Result<(), Failure> {
        let ready = self.ready(questions).await?;
        let mut desk = self.desk();
        let stalled = Lane::ALL
            .map(|lane| desk.book.shelf(lane).is_stalled(ready[usize::from(lane.number())]));
        if stalled.contains(&true) { Err(Failure::Stalled) } else { Ok(()) }
    }
}

impl Desk {
    /// Says these words on the channel, if it is still there.
    ///
    /// The client puts what it is to write into its queue when the call is first polled. So they
    /// are polled once here, while the book is locked: an "ack all up to here" that overtakes an
    /// earlier word would ack too much.
    fn say(&self, words: impl IntoIterator<Item = Word>) -> Vec<Saying> {
        let Some(channel) = &self.channel else { return Vec::new() };
        words.into_iter().filter_map(|word| begun(speak(channel.clone(), word))).collect()
    }

    fn cancel(&self, subscriptions: &[u64]) -> Vec<Saying> {
        let Some(channel) = self.channel.clone() else { return Vec::new() };
        let cancel = |number: &u64| {
            let (channel, number) = (channel.clone(), *number);
            begun(async move { cancel(&channel, number).await })
        };
        subscriptions.iter().filter_map(cancel).collect()
    }
}

/// A call that has been polled once; `None` if that ended it.
fn begun(call: impl Future<Output = lapin::Result<()>> + Send + 'static) -> Option<Saying> {
    let mut call: Saying = Box::pin(call);
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Some(call),
        // An error here means that the channel is gone, and that is noticed elsewhere.
        Poll::Ready(_) => None,
    }
}

async fn speak(channel: Channel, word: Word) -> lapin::Result<()> {
    match word {
        Word::Ack { tag, multiple } => channel.basic_ack(tag, BasicAckOptions { multiple }).await,
        Word::Requeue { tag, multiple } => {
            channel.basic_nack(tag, BasicNackOptions { multiple, requeue: true }).await
        }
        Word::Reject { tag } => {
            channel.basic_reject(tag, BasicRejectOptions { requeue: false }).await
        }
    }
}

async fn cancel(channel: &Channel, number: u64) -> lapin::Result<()> {
    channel.basic_cancel(consumer_tag(number), BasicCancelOptions::default()).await
}

fn consumer_tag(number: u64) -> ShortString {
    number.to_string().into()
}

/// A pull that waits.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    shared: &'a Shared,
    max: usize,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.desk().book.end_pull(self.max, Instant::now());
    }
}
