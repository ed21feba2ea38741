//! Accepting over REST. Every message is committed before the response; nothing is sent.

use super::bench::{Bench, RUNS};
use super::run::Run;
use crate::backends::{Backends, QueueKind, StoreKind};
use crate::report::Part;
use crate::sink::SinkStats;
use crate::system::{Setup, System, load_separately};

/// Messages per request in the cases with batches.
const BATCH: u64 = 100;

/// Measures the case.
pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    for (store, name) in [(StoreKind::Pg, "PostgreSQL"), (StoreKind::Sqlite, "SQLite")] {
        let single = accept_into(bench, store, &format!("accept, {name}"), 1).await?;
        let batch =
            accept_into(bench, store, &format!("accept in batches of 100, {name}"), BATCH).await?;
        if store == StoreKind::Pg {
            let name = "accept over REST, PostgreSQL";
            bench.report.add(1, Part::of_steps(name, single, &bench.floor, &["ins1"], (1.0, 1.5)));
            let name = "accept in batches of 100, PostgreSQL";
            bench.report.add(2, Part::of_steps(name, batch, &bench.floor, &["ins100"], (0.4, 0.6)));
        }
    }
    Ok(())
}

async fn accept_into(
    bench: &mut Bench,
    store: StoreKind,
    name: &str,
    batch: u64,
) -> anyhow::Result<f64> {
    let messages = bench.size(if batch == 1 { 40_000 } else { 100_000 });
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let backends = Backends::new(&bench.services, store, QueueKind::Memory).await?;
        let system = System::start(&backends, Setup::new("api")).await?;
        runs.push(accept_once(&system, messages, batch).await?);
        system.stop().await?;
        backends.remove().await?;
    }
    let cost = Run::cost(name, &runs);
    bench.report.add_cost(cost.clone());
    Ok(cost.rate)
}

/// Sends this many messages to a server without a worker.
pub(super) async fn accept_once(system: &System, messages: u64, batch: u64) -> anyhow::Result<Run> {
    let stored = system.stats().await?.counts.iter().sum::<u64>();
    let mut load = system.load(messages / batch);
    load.batch = batch;
    if batch > 1 {
        "/v1/messages/batch".clone_into(&mut load.path);
        load.connections = 8;
    }
    let before = system.usage()?;
    let result = load_separately(&load).await?;
    let mut ours = system.usage()?;
    ours.cpu_seconds -= before.cpu_seconds;
    let now = system.stats().await?.counts.iter().sum::<u64>();
    anyhow::ensure!(now - stored == messages, "of {messages} messages {} are stored", now - stored);
    Ok(Run::new(messages, result.seconds, ours, 0.0, &SinkStats::default()))
}
