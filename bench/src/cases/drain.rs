//! Sending a backlog of queued messages.

use std::time::Duration;

use sms_core::Class;

use super::bench::{Bench, RUNS};
use super::run::Run;
use crate::backends::{Backends, QueueKind, StoreKind};
use crate::clock::micros;
use crate::report::{Cost, Part};
use crate::system::{Setup, System};

/// Response time of a slow provider.
const SLOW: Duration = Duration::from_millis(50);
/// Concurrent calls to the slow provider.
const SLOW_CALLS: usize = 4;
/// Messages per call to the slow provider.
const BATCH: f64 = 100.0;

/// Measures the case.
pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let backlog = bench.size(50_000);
    let worker = Setup::new("worker");
    let cost = drain_with(bench, "drain, PostgreSQL", StoreKind::Pg, backlog, worker).await?;
    let name = "drain of a backlog, PostgreSQL";
    bench
        .report
        .add(3, Part::of_steps(name, cost.rate, &bench.floor, &["claim", "done"], (0.5, 0.8)));
    bench.report.add(
        9,
        Part::at_most("provider calls, backlog", cost.calls_per_1000, "/1,000", (10.0, 10.0)),
    );

    let slow = Setup { delay: SLOW, concurrency: SLOW_CALLS, ..worker };
    let slow =
        drain_with(bench, "drain, provider takes 50 ms, 4 calls", StoreKind::Pg, backlog, slow)
            .await?;
    let limit = (SLOW_CALLS as f64 * BATCH / SLOW.as_secs_f64()).min(cost.rate);
    bench.report.add(
        17,
        Part::of_rate("provider takes 50 ms, 4 calls in flight", slow.rate, limit, (0.9, 0.95)),
    );

    drain_with(bench, "drain, SQLite", StoreKind::Sqlite, backlog, worker).await?;
    for processes in [2, 4] {
        let several = Setup { processes, ..worker };
        let name = format!("drain, PostgreSQL, {processes} worker processes");
        drain_with(bench, &name, StoreKind::Pg, backlog, several).await?;
    }
    Ok(())
}

async fn drain_with(
    bench: &mut Bench,
    name: &str,
    store: StoreKind,
    backlog: u64,
    setup: Setup,
) -> anyhow::Result<Cost> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let backends = Backends::new(&bench.services, store, QueueKind::Memory).await?;
        bench.fill(&backends.open().await?, 0, backlog, Class::Service).await?;
        backends.vacuum().await?;
        runs.push(drain_once(&backends, setup, backlog, backlog).await?);
        backends.remove().await?;
    }
    let cost = Run::cost(name, &runs);
    bench.report.add_cost(cost.clone());
    Ok(cost)
}

/// Starts a worker and waits until a backlog is sent and recorded. The time starts with the first
/// call to the provider.
pub(super) async fn drain_once(
    backends: &Backends,
    setup: Setup,
    backlog: u64,
    stored: u64,
) -> anyhow::Result<Run> {
    let system = System::start(backends, setup).await?;
    system.wait_until_sent(backlog).await?;
    let end = micros();
    let sink = system.check(backlog, stored).await?;
    let seconds = (end - sink.first) as f64 / 1e6;
    let run = Run::new(backlog, seconds, system.usage()?, system.sink.usage()?.cpu_seconds, &sink);
    system.stop().await?;
    Ok(run)
}
