//! Publishing: a task for each lane, which publishes what comes and answers when it is confirmed.
//!
//! Each has a connection of its own, so that no lane waits for another: one connection is written
//! in order, confirmed in order, and held up whole by RabbitMQ when a queue cannot keep up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, ConnectionStatus};
use sms_core::supervise::survive_panic;
use sms_core::{Error, ErrorKind, Job, Lane, MessageId, Result};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::availability::Gate;
use crate::connection::{Link, Retry};
use crate::consuming::consumer_task::Shared;
use crate::error::{Failure, within};
use crate::wire;

/// Pushes that wait for a task; one more waits for its place.
const WAITING: usize = 1024;
/// How many jobs of a lane are published and not confirmed before more have to wait.
const WINDOW: usize = 4096;
/// What the connections are for, by [`Lane::number`].
const PURPOSES: [&str; 3] = ["publish urgent", "publish normal", "publish bulk"];
/// How often a connection is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Jobs of one lane that are pushed together.
#[derive(Debug)]
struct Request {
    jobs: Vec<Job>,
    reply: oneshot::Sender<Result<()>>,
}

/// The doors to the tasks that publish.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// By [`Lane::number`].
    doors: [Door; 3],
    limit: Duration,
}

#[derive(Debug)]
struct Door {
    requests: mpsc::Sender<Request>,
    gate: Arc<Gate<ConnectionStatus>>,
}

impl Publisher {
    /// The doors, and the tasks behind them.
    pub(crate) fn start(shared: &Arc<Shared>) -> (Self, [JoinHandle<()>; 3]) {
        let [urgent, normal, bulk] = Lane::ALL.map(|lane| {
            let (requests, waiting) = mpsc::channel(WAITING);
            let gate = Arc::new(Gate::new());
            let mut task =
                Task { lane, gate: Arc::clone(&gate), waiting, shared: Arc::clone(shared) };
            let task = tokio::spawn(async move {
                while survive_panic("RabbitMQ: publish", task.run()).await.is_none() {}
            });
            (Door { requests, gate }, task)
        });
        let doors = [urgent.0, normal.0, bulk.0];
        (Self { doors, limit: shared.config.timeout }, [urgent.1, normal.1, bulk.1])
    }

    /// Waits for the first attempts to connect: why they failed, if they did.
    pub(crate) async fn first(&self, limit: Duration) -> Vec<Failure> {
        join_all(self.doors.iter().map(|door| door.gate.first(limit)))
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    pub(crate) async fn push(&self, jobs: &[Job]) -> Result<()> {
        let pushes = Lane::ALL.into_iter().zip(&self.doors).map(|(lane, door)| {
            let jobs: Vec<Job> = jobs.iter().copied().filter(|job| job.lane == lane).collect();
            door.push(jobs)
        });
        let answers = timeout(self.limit, join_all(pushes)).await;
        answers.map_err(|_| Failure::Silent("confirm").unavailable())?.into_iter().collect()
    }
}

impl Door {
    async fn push(&self, jobs: Vec<Job>) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        // Under an alarm RabbitMQ reads nothing from those who publish, for as long as it lasts.
        if self.gate.pass()?.blocked() {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "RabbitMQ takes no messages: it is short of memory or disk",
            ));
        }
        let closed = || Error::new(ErrorKind::Closed, "the RabbitMQ queue has been closed");
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { jobs, reply }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

struct Task {
    lane: Lane,
    gate: Arc<Gate<ConnectionStatus>>,
    waiting: mpsc::Receiver<Request>,
    shared: Arc<Shared>,
}

impl Task {
    fn purpose(&self) -> &'static str {
        PURPOSES[usize::from(self.lane.number())]
    }

    async fn run(&mut self) {
        let mut retry = Retry::new(self.purpose());
        loop {
            let mut open = Open::default();
            let failure = match self.serve(&mut open).await {
                Ok(()) => return,
                Err(failure) => failure,
            };
            self.gate.close(failure.clone());
            // Also those who came before the gate was closed.
            let waiting =
                std::iter::from_fn(|| self.waiting.try_recv().ok()).map(|request| request.reply);
            for reply in open.replies().chain(waiting) {
                // Whoever asked may have given up.
                let _ = reply.send(Err(failure.clone().unavailable()));
            }
            retry.pause(&failure).await;
        }
    }

    /// Publishes over one connection, until it fails or nobody is left who could push.
    async fn serve(&mut self, open: &mut Open) -> Result<(), Failure> {
        let config = &self.shared.config;
        let link = Link::open(config, self.purpose()).await?;
        let channel = link.channel().await?;
        self.shared.topology.declare(&channel, config, &[self.lane]).await?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        within(config.timeout, "turn on confirms", confirms).await?;
        self.gate.open(link.status().clone());
        let (queue, properties) = (self.shared.topology.queue(self.lane), wire::properties());
        let mut confirms = FuturesUnordered::new();
        let mut heard = Instant::now();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = self.waiting.recv(), if confirms.len() < WINDOW => {
                    let Some(Request { jobs, reply }) = request else { return Ok(()) };
                    if confirms.is_empty() {
                        heard = Instant::now();
                    }
                    self.shared.note_pushed(self.lane, jobs.len());
                    let number = open.add(jobs.len(), reply);
                    let publish = |job: Job| publish(&channel, queue.clone(), properties.clone(), job.id, number);
                    confirms.extend(jobs.into_iter().map(publish));
                }
                Some((number, confirmation)) = confirms.next() => {
                    open.note(number, confirmation?)?;
                    heard = Instant::now();
                }
                _ = looks.tick() => {
                    if !(link.status().connected() && channel.status().connected()) {
                        return Err(Failure::Closed);
                    }
                    if confirms.is_empty() || link.status().blocked() {
                        // The confirms come when the alarm is over.
                        heard = Instant::now();
                    } else if heard.elapsed() > config.timeout {
                        return Err(Failure::Silent("confirm"));
                    }
                }
            }
        }
    }
}

/// Publishes one job of this request, and waits until it is confirmed.
async fn publish(
    channel: &Channel,
    queue: ShortString,
    properties: BasicProperties,
    id: MessageId,
    request: u64,
) -> (u64, lapin::Result<Confirmation>) {
    // Mandatory: without it RabbitMQ confirms what it has no queue for.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let body = wire::encode(id);
    let confirmation = async {
        channel.basic_publish("".into(), queue, options, body.as_bytes(), properties).await?.await
    };
    (request, confirmation.await)
}

/// The requests of which something is still to be confirmed, by number.
#[derive(Debug, Default)]
struct Open {
    requests: HashMap<u64, Unconfirmed>,
    last: u64,
}

#[derive(Debug)]
struct Unconfirmed {
    reply: oneshot::Sender<Result<()>>,
    /// So many jobs are.
    jobs: usize,
    refused: bool,
}

impl Open {
    fn add(&mut self, jobs: usize, reply: oneshot::Sender<Result<()>>) -> u64 {
        self.last += 1;
        self.requests.insert(self.last, Unconfirmed { reply, jobs, refused: false });
        self.last
    }

    /// One more is confirmed: answers if it was the last one.
    ///
    /// # Errors
    ///
    /// `Unroutable`: the lane has no queue. The client hangs what came back on any confirm, so
    /// nobody knows whose it is.
    fn note(&mut self, number: u64, confirmation: Confirmation) -> Result<(), Failure> {
        let refused = confirmation.is_nack();
        if confirmation.take_message().is_some() {
            return Err(Failure::Unroutable);
        }
        let Some(request) = self.requests.get_mut(&number) else { return Ok(()) };
        request.refused |= refused;
        request.jobs -= 1;
        if request.jobs == 0
            && let Some(Unconfirmed { reply, refused, .. }) = self.requests.remove(&number)
        {
            let full =
                || Error::new(ErrorKind::Unavailable, "a lane of the RabbitMQ queue is full");
            let _ = reply.send(if refused { Err(full()) } else { Ok(()) });
        }
        Ok(())
    }

    fn replies(self) -> impl Iterator<Item = oneshot::Sender<Result<()>>> {
        self.requests.into_values().map(|request| request.reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_answered_with_its_last_confirm_and_fails_when_one_was_refused() {
        let mut open = Open::default();
        for refused in [false, true] {
            let (reply, mut answer) = oneshot::channel();
            let number = open.add(2, reply);
            let first = if refused { Confirmation::Nack(None) } else { Confirmation::Ack(None) };
            open.note(number, first).expect("nothing came back");
            assert!(answer.try_recv().is_err(), "one is still to be confirmed");
            open.note(number, Confirmation::Ack(None)).expect("nothing came back");
            assert_eq!(answer.try_recv().expect("an answer").is_err(), refused);
        }
        assert_eq!(open.replies().count(), 0);
    }
}
