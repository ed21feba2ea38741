//! Latency of a message at a steady rate: to its response, and to the provider.

use std::time::Duration;

use sms_core::Class;

use super::bench::{Bench, RUNS};
use crate::backends::{Backends, QueueKind, StoreKind};
use crate::percentiles::{Percentiles, median};
use crate::report::Part;
use crate::system::{Setup, System, load_separately};

/// Bulk messages in front of the urgent ones.
const BACKLOG: u64 = 100_000;
/// Urgent messages per second.
const URGENT_RATE: u64 = 50;

/// Latencies of one run: p50 and p99 in milliseconds.
struct Quantiles {
    /// From the request to the response.
    accept: (f64, f64),
    /// From the request to the call of the provider.
    call: (f64, f64),
    calls_per_1000: f64,
    /// True if the client reached the rate.
    is_reached: bool,
}

/// Measures the case.
pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    for (store, queue, name) in [
        (StoreKind::Pg, QueueKind::Memory, "PostgreSQL"),
        (StoreKind::Pg, QueueKind::Redis, "PostgreSQL + Redis"),
        (StoreKind::Pg, QueueKind::Amqp, "PostgreSQL + RabbitMQ"),
        (StoreKind::Sqlite, QueueKind::Memory, "SQLite"),
    ] {
        latency_at(bench, 500, store, queue, name).await?;
        if bench.full || queue == QueueKind::Memory {
            latency_at(bench, 200, store, queue, name).await?;
            latency_at(bench, 1000, store, queue, name).await?;
        }
        latency_at(bench, 5000, store, queue, name).await?;
    }
    urgent(bench).await
}

async fn latency_at(
    bench: &mut Bench,
    rate: u64,
    store: StoreKind,
    queue: QueueKind,
    name: &str,
) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(latency_once(bench, rate, store, queue).await?);
    }
    let reached = runs.iter().filter(|run| run.is_reached).count();
    if reached < RUNS {
        bench.missed_rates.push(format!("{rate}/s, {name}: {} of {RUNS} runs", RUNS - reached));
        return Ok(());
    }
    let middle = |of: fn(&Quantiles) -> f64| median(runs.iter().map(of).collect());
    let (accept, call) = (middle(|run| run.accept.1), middle(|run| run.call.1));
    let calls = middle(|run| run.calls_per_1000);
    bench.report.note(&format!("accept p50 at {rate}/s, {name}, ms"), middle(|run| run.accept.0));
    bench.report.note(&format!("accept p99 at {rate}/s, {name}, ms"), accept);
    bench
        .report
        .note(&format!("accept → call p50 at {rate}/s, {name}, ms"), middle(|run| run.call.0));
    bench.report.note(&format!("accept → call p99 at {rate}/s, {name}, ms"), call);
    match rate {
        500 => {
            bench.report.add(
                10,
                Part::at_most(&format!("accept p99 at 500/s, {name}"), accept, "ms", (5.0, 1.5)),
            );
            bench.report.add(
                11,
                Part::at_most(
                    &format!("accept → call p99 at 500/s, {name}"),
                    call,
                    "ms",
                    (9.0, 4.0),
                ),
            );
        }
        5000 => {
            let name = format!("provider calls, singles at 5,000/s, {name}");
            bench.report.add(9, Part::at_most(&name, calls, "/1,000", (20.0, 10.0)));
        }
        _ => {}
    }
    Ok(())
}

async fn latency_once(
    bench: &Bench,
    rate: u64,
    store: StoreKind,
    queue: QueueKind,
) -> anyhow::Result<Quantiles> {
    let backends = Backends::new(&bench.services, store, queue).await?;
    let system = System::start(&backends, Setup::new("api,worker")).await?;
    // Warms up: opens connections and prepares statements.
    let warm_up = rate;
    let mut load = system.load(warm_up);
    load.rate = Some(rate);
    load_separately(&load).await?;
    system.wait_until_sent(warm_up).await?;
    system.sink.reset(Duration::ZERO).await?;

    let messages = rate * if bench.full { 20 } else { 4 };
    let mut load = system.load(messages);
    (load.rate, load.first) = (Some(rate), warm_up);
    let result = load_separately(&load).await?;
    let is_reached = result.seconds < messages as f64 / rate as f64 * 1.05 + 0.1;
    system.wait_until_sent(messages).await?;
    let sink = system.check(messages, warm_up + messages).await?;
    system.stop().await?;
    backends.remove().await?;
    Ok(Quantiles {
        is_reached,
        accept: (result.latency.p50_ms, result.latency.p99_ms),
        call: (sink.latency.p50_ms, sink.latency.p99_ms),
        calls_per_1000: sink.calls as f64 / (messages as f64 / 1000.0),
    })
}

async fn urgent(bench: &mut Bench) -> anyhow::Result<()> {
    for (queue, name) in [
        (QueueKind::Memory, "PostgreSQL"),
        (QueueKind::Redis, "PostgreSQL + Redis"),
        (QueueKind::Amqp, "PostgreSQL + RabbitMQ"),
    ] {
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let latency = urgent_once(bench, queue).await?;
            p50.push(latency.p50_ms);
            p99.push(latency.p99_ms);
        }
        bench.report.note(&format!("urgent behind 100,000 bulk p50, {name}, ms"), median(p50));
        let name = format!("urgent behind 100,000 bulk p99, {name}");
        bench.report.add(16, Part::at_most(&name, median(p99), "ms", (100.0, 20.0)));
    }
    Ok(())
}

/// Sends urgent messages while bulk ones are being sent, and checks that some of the bulk ones are
/// left at the end.
async fn urgent_once(bench: &Bench, queue: QueueKind) -> anyhow::Result<Percentiles> {
    let backends = Backends::new(&bench.services, StoreKind::Pg, queue).await?;
    bench.fill(&backends.open().await?, 0, BACKLOG, Class::Marketing).await?;
    backends.vacuum().await?;
    let system = System::start(&backends, Setup::new("api,worker")).await?;
    while system.sink.messages().await? == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let urgent = URGENT_RATE * 2;
    let mut load = system.load(urgent);
    (load.rate, load.first) = (Some(URGENT_RATE), BACKLOG);
    "otp".clone_into(&mut load.class);
    load_separately(&load).await?;
    let arrived = system.sink.messages().await?;
    anyhow::ensure!(
        arrived < BACKLOG + urgent,
        "the backlog was gone before the last urgent message"
    );
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let mut stats = system.sink.stats().await?;
    while (stats.urgent.count as u64) < urgent {
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "urgent messages are late");
        stats = system.sink.stats().await?;
    }
    system.stop().await?;
    backends.remove().await?;
    Ok(stats.urgent)
}
