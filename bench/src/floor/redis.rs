//! A stream of bare ids with a consumer group.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands as _, pipe};
use uuid::Uuid;

use super::meter::Meter;

pub(super) async fn measure(url: &str, span: Duration) -> anyhow::Result<[(&'static str, f64); 2]> {
    let mut conn = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let stream = format!("bench_floor_{}", Uuid::now_v7().simple());
    let _: () = conn.xgroup_create_mkstream(&stream, "g", "0").await?;
    let push = push(&mut conn, &stream, span).await?;
    let pull = pull(&mut conn, &stream, span).await?;
    let _: () = conn.unlink(&stream).await?;
    Ok([("xadd", push), ("xread", pull)])
}

async fn push(
    conn: &mut MultiplexedConnection,
    stream: &str,
    span: Duration,
) -> anyhow::Result<f64> {
    let meter = Meter::start(span);
    let mut count = 0;
    while meter.runs() {
        let mut commands = pipe();
        for _ in 0..100 {
            let id = Uuid::now_v7();
            commands.xadd(stream, "*", &[("i", id.as_bytes().as_slice())]).ignore();
        }
        let () = commands.query_async(conn).await?;
        count += 100;
    }
    Ok(meter.rate(count))
}

async fn pull(
    conn: &mut MultiplexedConnection,
    stream: &str,
    span: Duration,
) -> anyhow::Result<f64> {
    let options = StreamReadOptions::default().group("g", "c").count(100);
    let meter = Meter::start(span);
    let mut count = 0;
    while meter.runs() {
        let reply: Option<StreamReadReply> =
            conn.xread_options(&[stream], &[">"], &options).await?;
        let ids: Vec<String> = reply
            .into_iter()
            .flat_map(|reply| reply.keys)
            .flat_map(|key| key.ids)
            .map(|entry| entry.id)
            .collect();
        if ids.is_empty() {
            break;
        }
        let () = pipe()
            .xack(stream, "g", &ids)
            .ignore()
            .xdel(stream, &ids)
            .ignore()
            .query_async(conn)
            .await?;
        count += ids.len() as u64;
    }
    Ok(meter.rate(count))
}
