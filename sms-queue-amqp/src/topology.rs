//! The queues and how they hang together.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};
use sms_core::Lane;

use crate::config::AmqpConfig;
use crate::error::{Failure, within};

/// How many ids that were put aside are kept, and for how many milliseconds.
const DEAD_LENGTH: i64 = 10_000;
const DEAD_TTL_MS: i64 = 7 * 24 * 3600 * 1000;

/// Of what leaves a lane, only this is for a person to look at: ids given back too often, and what
/// is no id at all. Jobs that waited too long are no news: the caretaker offers them again.
const PUT_ASIDE: [&str; 2] = ["delivery_limit", "rejected"];

/// The names of one installation's queues.
#[derive(Debug)]
pub(crate) struct Topology {
    lanes: [ShortString; 3],
    dead: ShortString,
}

impl Topology {
    pub(crate) fn new(prefix: &str) -> Self {
        let named = |name: &str| ShortString::from(format!("{prefix}.{name}"));
        Self { lanes: [named("urgent"), named("normal"), named("bulk")], dead: named("dead") }
    }

    /// The queue of a lane.
    pub(crate) fn queue(&self, lane: Lane) -> ShortString {
        self.lanes[usize::from(lane.number())].clone()
    }

    /// Makes of these lanes what is not there. What is there with other options is refused by
    /// RabbitMQ, which closes the channel.
    pub(crate) async fn declare(
        &self,
        channel: &Channel,
        config: &AmqpConfig,
        lanes: &[Lane],
    ) -> Result<(), Failure> {
        within(config.timeout * 2, "declare the queues", self.declare_all(channel, config, lanes))
            .await
    }

    async fn declare_all(
        &self,
        channel: &Channel,
        config: &AmqpConfig,
        lanes: &[Lane],
    ) -> lapin::Result<()> {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let none = FieldTable::default();
        channel.exchange_declare(self.dead.clone(), ExchangeKind::Headers, options, none).await?;
        channel
            .queue_declare(self.dead.clone(), QueueDeclareOptions::durable(), dead_arguments())
            .await?;
        for reason in PUT_ASIDE {
            let (dead, exchange, key) = (self.dead.clone(), self.dead.clone(), reason.into());
            channel
                .queue_bind(dead, exchange, key, QueueBindOptions::default(), died_of(reason))
                .await?;
        }
        for lane in lanes {
            let (queue, arguments) = (self.queue(*lane), self.lane_arguments(config));
            channel.queue_declare(queue, QueueDeclareOptions::durable(), arguments).await?;
        }
        Ok(())
    }

    fn lane_arguments(&self, config: &AmqpConfig) -> FieldTable {
        table([
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", AMQPValue::LongLongInt(config.delivery_limit.into())),
            ("x-dead-letter-exchange", text(self.dead.as_str())),
            ("x-max-length", AMQPValue::LongLongInt(config.capacity.into())),
            // A full queue says no rather than dropping the jobs that wait longest.
            ("x-overflow", text("reject-publish")),
            ("x-message-ttl", milliseconds(config.ttl)),
        ])
    }
}

fn dead_arguments() -> FieldTable {
    table([
        ("x-queue-type", text("quorum")),
        ("x-max-length", AMQPValue::LongLongInt(DEAD_LENGTH)),
        ("x-message-ttl", AMQPValue::LongLongInt(DEAD_TTL_MS)),
    ])
}

fn died_of(reason: &str) -> FieldTable {
    // RabbitMQ looks at headers that start with `x-` only when told to.
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

fn milliseconds(duration: std::time::Duration) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
