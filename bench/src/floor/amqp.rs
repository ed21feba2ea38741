//! A quorum queue of bare ids.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use uuid::Uuid;

use super::meter::Meter;

/// Messages published before waiting for their confirms.
const WINDOW: usize = 1000;
/// Messages per ack.
const BATCH: u64 = 100;

pub(super) async fn measure(url: &str, span: Duration) -> anyhow::Result<[(&'static str, f64); 2]> {
    let conn = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = conn.create_channel().await?;
    let name = format!("bench_floor_{}", Uuid::now_v7().simple());
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let declare = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.as_str().into(), declare, arguments).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let (push, count) = push(&channel, &name, span).await?;
    let pull = pull(&conn.create_channel().await?, &name, span, count).await?;
    channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await?;
    conn.close(0, "done".into()).await?;
    Ok([("pub", push), ("con", pull)])
}

async fn push(channel: &Channel, name: &str, span: Duration) -> anyhow::Result<(f64, u64)> {
    let durable = BasicProperties::default().with_delivery_mode(2);
    let meter = Meter::start(span);
    let mut count = 0;
    while meter.runs() {
        let mut confirms = Vec::with_capacity(WINDOW);
        for _ in 0..WINDOW {
            let id = Uuid::now_v7();
            let options = BasicPublishOptions::default();
            let publish = channel.basic_publish(
                "".into(),
                name.into(),
                options,
                id.as_bytes(),
                durable.clone(),
            );
            confirms.push(publish.await?);
        }
        stream::iter(confirms).buffer_unordered(WINDOW).try_collect::<Vec<_>>().await?;
        count += WINDOW as u64;
    }
    Ok((meter.rate(count), count))
}

async fn pull(
    channel: &Channel,
    name: &str,
    span: Duration,
    available: u64,
) -> anyhow::Result<f64> {
    channel.basic_qos(1000, BasicQosOptions::default()).await?;
    let meter = Meter::start(span);
    let consume = channel.basic_consume(
        name.into(),
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let mut consumer = consume.await?;
    let mut count = 0;
    while count < available && meter.runs() {
        let Some(delivery) = consumer.try_next().await? else { break };
        count += 1;
        if count % BATCH == 0 || count == available {
            delivery.acker.ack(BasicAckOptions { multiple: true }).await?;
        }
    }
    let rate = meter.rate(count);
    channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
    Ok(rate)
}
