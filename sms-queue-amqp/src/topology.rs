//! Names, options and bindings of the queues in RabbitMQ.

use std::time::Duration;

use futures_util::future::try_join3;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};
use sms_core::Lane;

use crate::config::AmqpConfig;
use crate::error::{Failure, within};
use sms_core::PerLane;

/// Number of dead-lettered ids that are kept.
const DEAD_MAX_LENGTH: i64 = 10_000;
/// Time for which a dead-lettered id is kept.
const DEAD_TTL: Duration = Duration::from_hours(7 * 24);

/// Reasons for which a dead-lettered message is kept for an operator to inspect: ids that were
/// returned too often, and messages that hold no id. Jobs that waited too long are dropped, because
/// the caretaker offers them again.
const DEAD_LETTER_REASONS: [&str; 2] = ["delivery_limit", "rejected"];

/// Queues of one prefix: one for each lane, and one for dead letters.
#[derive(Debug)]
pub(crate) struct Topology {
    lanes: PerLane<ShortString>,
    dead: ShortString,
    lane_arguments: FieldTable,
    timeout: Duration,
}

impl Topology {
    pub(crate) fn new(config: &AmqpConfig) -> Self {
        let named = |name: &str| ShortString::from(format!("{}.{name}", config.prefix));
        let dead = named("dead");
        Self {
            lanes: PerLane::new(|lane| match lane {
                Lane::Urgent => named("urgent"),
                Lane::Normal => named("normal"),
                Lane::Bulk => named("bulk"),
            }),
            lane_arguments: lane_arguments(config, &dead),
            dead,
            timeout: config.timeout,
        }
    }

    /// Name of a lane's queue.
    pub(crate) fn queue(&self, lane: Lane) -> ShortString {
        self.lanes[lane].clone()
    }

    /// Declares the queues of these lanes and the queue for dead letters. RabbitMQ refuses a queue
    /// that exists with other options, and closes the channel.
    pub(crate) async fn declare(&self, channel: &Channel, lanes: &[Lane]) -> Result<(), Failure> {
        let declaring = async {
            self.declare_dead(channel).await?;
            for lane in lanes {
                let (queue, arguments) = (self.queue(*lane), self.lane_arguments.clone());
                channel.queue_declare(queue, QueueDeclareOptions::durable(), arguments).await?;
            }
            lapin::Result::Ok(())
        };
        within(self.timeout * 2, "declare the queues", declaring).await
    }

    async fn declare_dead(&self, channel: &Channel) -> lapin::Result<()> {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let none = FieldTable::default();
        channel.exchange_declare(self.dead.clone(), ExchangeKind::Headers, options, none).await?;
        channel
            .queue_declare(self.dead.clone(), QueueDeclareOptions::durable(), dead_arguments())
            .await?;
        for reason in DEAD_LETTER_REASONS {
            let (dead, exchange, key) = (self.dead.clone(), self.dead.clone(), reason.into());
            channel
                .queue_bind(dead, exchange, key, QueueBindOptions::default(), death_match(reason))
                .await?;
        }
        Ok(())
    }

    /// Number of jobs that RabbitMQ has ready, by lane. A queue that does not exist is an error,
    /// and RabbitMQ closes the channel.
    pub(crate) async fn ready(&self, channel: &Channel) -> Result<PerLane<usize>, Failure> {
        let ready = async |lane| {
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
            let queue = channel.queue_declare(self.queue(lane), options, FieldTable::default());
            lapin::Result::Ok(usize::try_from(queue.await?.message_count()).unwrap_or(usize::MAX))
        };
        let lanes = try_join3(ready(Lane::Urgent), ready(Lane::Normal), ready(Lane::Bulk));
        let (urgent, normal, bulk) = within(self.timeout, "report queue lengths", lanes).await?;
        Ok(PerLane { urgent, normal, bulk })
    }
}

fn lane_arguments(config: &AmqpConfig, dead: &ShortString) -> FieldTable {
    table([
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", AMQPValue::LongLongInt(config.delivery_limit.into())),
        ("x-dead-letter-exchange", text(dead.as_str())),
        ("x-max-length", AMQPValue::LongLongInt(config.capacity.into())),
        // By default a full queue drops the oldest jobs instead of refusing new ones.
        ("x-overflow", text("reject-publish")),
        ("x-message-ttl", milliseconds(config.ttl)),
    ])
}

fn dead_arguments() -> FieldTable {
    table([
        ("x-queue-type", text("quorum")),
        ("x-max-length", AMQPValue::LongLongInt(DEAD_MAX_LENGTH)),
        ("x-message-ttl", milliseconds(DEAD_TTL)),
    ])
}

fn death_match(reason: &str) -> FieldTable {
    // Plain `all` ignores headers that start with `x-`.
    table([("x-match", text("all-with-x")), ("x-first-death-reason", text(reason))])
}

fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.into(), value);
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn milliseconds(duration: Duration) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
