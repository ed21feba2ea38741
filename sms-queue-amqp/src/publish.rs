//! Publishing: one task that takes what is waiting, publishes it whole, and waits for all confirms.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, ConnectionStatus};
use sms_core::{Error, ErrorKind, Job, MessageId, Result};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::config::AmqpConfig;
use crate::consume::Shared;
use crate::error::{Failure, within};
use crate::gate::Gate;
use crate::link::{Link, Retry};
use crate::topology::Topology;
use crate::wire;

/// Pushes that wait for the task; one more waits for its place.
const WAITING: usize = 1024;
/// How many jobs are published before their confirms are waited for.
const WINDOW: usize = 4096;
/// How often an idle connection is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// One call of `push`.
#[derive(Debug)]
struct Request {
    jobs: Vec<Job>,
    reply: oneshot::Sender<Result<()>>,
}

/// The door to the task that publishes.
#[derive(Debug)]
pub(crate) struct Publisher {
    requests: mpsc::Sender<Request>,
    gate: Arc<Gate<ConnectionStatus>>,
    limit: Duration,
}

impl Publisher {
    /// The door, and the task behind it.
    pub(crate) fn new(config: &AmqpConfig, shared: Arc<Shared>) -> (Self, impl Future<Output = ()> + use<>) {
        let (requests, waiting) = mpsc::channel(WAITING);
        let gate = Arc::new(Gate::new());
        let task = Task { config: config.clone(), gate: Arc::clone(&gate), waiting, shared };
        (Self { requests, gate, limit: config.timeout }, task.run())
    }

    pub(crate) fn gate(&self) -> &Gate<ConnectionStatus> {
        &self.gate
    }

    pub(crate) async fn push(&self, jobs: &[Job]) -> Result<()> {
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
        let (reply, answer) = oneshot::channel();
        let pushed = async {
            let closed = || Error::new(ErrorKind::Closed, "the RabbitMQ queue has been closed");
            self.requests.send(Request { jobs: jobs.to_vec(), reply }).await.map_err(|_| closed())?;
            answer.await.map_err(|_| closed())?
        };
        timeout(self.limit, pushed).await.map_err(|_| Failure::Silent("confirm").unavailable())?
    }
}

struct Task {
    config: AmqpConfig,
    gate: Arc<Gate<ConnectionStatus>>,
    waiting: mpsc::Receiver<Request>,
    shared: Arc<Shared>,
}

impl Task {
    async fn run(mut self) {
        let mut retry = Retry::new("publish");
        loop {
            let failure = match self.serve().await {
                Ok(()) => return,
                Err(failure) => failure,
            };
            self.gate.close(failure.clone());
            // Those who came before the gate was closed.
            while let Ok(request) = self.waiting.try_recv() {
                let _ = request.reply.send(Err(failure.clone().unavailable()));
            }
            retry.pause(&failure).await;
        }
    }

    /// Publishes over one connection, until it fails or nobody is left who could push.
    async fn serve(&mut self) -> Result<(), Failure> {
        let link = Link::open(&self.config, "publish").await?;
        let channel = link.channel().await?;
        self.shared.topology.declare(&channel, &self.config).await?;
        within(
            self.config.timeout,
            "turn on confirms",
            channel.confirm_select(ConfirmSelectOptions::default()),
        )
        .await?;
        self.gate.open(link.status().clone());
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = self.waiting.recv() => match request {
                    Some(request) => self.publish(&channel, link.status(), request).await?,
                    None => return Ok(()),
                },
                _ = looks.tick() => {}
            }
            if !(link.status().connected() && channel.status().connected()) {
                return Err(Failure::Closed);
            }
        }
    }

    /// Publishes this request and what else is waiting, and answers each.
    async fn publish(
        &mut self,
        channel: &Channel,
        status: &ConnectionStatus,
        first: Request,
    ) -> Result<(), Failure> {
        let mut requests = vec![first];
        let mut number = requests[0].jobs.len();
        while number < WINDOW {
            let Ok(request) = self.waiting.try_recv() else { break };
            number += request.jobs.len();
            requests.push(request);
        }
        let jobs: Vec<Job> = requests.iter().flat_map(|request| request.jobs.iter().copied()).collect();
        let outcome = self.publish_all(channel, &jobs).await;
        let outcome = match outcome {
            // The confirms come when the alarm is over: this connection is as good as a new one.
            Err(Failure::Silent(_)) if status.blocked() => {
                let blocked = || Failure::Silent("take messages").unavailable();
                return answer(requests, |_| Err(blocked()), Ok(()));
            }
            outcome => outcome,
        };
        match outcome {
            Err(failure) => answer(requests, |_| Err(failure.clone().unavailable()), Err(failure.clone())),
            Ok(Refused { returned, nacked }) => {
                let verdict = |request: &Request| {
                    if request.jobs.iter().any(|job| returned.contains(&job.id)) {
                        Err(Failure::Unroutable.unavailable())
                    } else if request.jobs.iter().any(|job| nacked.contains(&job.id)) {
                        Err(Error::new(ErrorKind::Unavailable, "a lane of the RabbitMQ queue is full"))
                    } else {
                        Ok(())
                    }
                };
                // What came back has no queue to go to: make the connection, and the queues, anew.
                let then = if returned.is_empty() { Ok(()) } else { Err(Failure::Unroutable) };
                answer(requests, verdict, then)
            }
        }
    }

    async fn publish_all(&self, channel: &Channel, jobs: &[Job]) -> Result<Refused, Failure> {
        let mut refused = Refused::default();
        for window in jobs.chunks(WINDOW) {
            self.shared.note_pushed(window);
            let properties = wire::properties();
            let publishing =
                window.iter().map(|job| publish(channel, &self.shared.topology, &properties, *job));
            let confirmed = async { Ok::<_, Failure>(join_all(publishing).await) };
            for (job, confirmation) in
                window.iter().zip(within(self.config.timeout, "confirm", confirmed).await?)
            {
                refused.note(job.id, confirmation?);
            }
        }
        Ok(refused)
    }
}

/// Answers every request with its verdict, and goes on with `then`.
fn answer(
    requests: Vec<Request>,
    verdict: impl Fn(&Request) -> Result<()>,
    then: Result<(), Failure>,
) -> Result<(), Failure> {
    for request in requests {
        let verdict = verdict(&request);
        // Whoever asked may have given up.
        let _ = request.reply.send(verdict);
    }
    then
}

async fn publish(
    channel: &Channel,
    topology: &Topology,
    properties: &BasicProperties,
    job: Job,
) -> lapin::Result<Confirmation> {
    // Mandatory: without it RabbitMQ confirms what it has no queue for.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let (exchange, queue, body) = ("".into(), topology.queue(job.lane), wire::encode(job.id));
    channel.basic_publish(exchange, queue, options, body.as_bytes(), properties.clone()).await?.await
}

/// What RabbitMQ did not take.
#[derive(Debug, Default)]
struct Refused {
    returned: HashSet<MessageId>,
    nacked: HashSet<MessageId>,
}

impl Refused {
    fn note(&mut self, id: MessageId, confirmation: Confirmation) {
        let nacked = confirmation.is_nack();
        if let Some(message) = confirmation.take_message() {
            // The client hangs what came back on any confirm of the window: its body says what it is.
            self.returned.insert(wire::decode(&message.delivery.data).unwrap_or(id));
        }
        if nacked {
            self.nacked.insert(id);
        }
    }
}
