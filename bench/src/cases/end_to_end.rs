//! From the request for each message to its recorded outcome.

use super::bench::{Bench, RUNS};
use super::run::Run;
use crate::backends::{Backends, QueueKind, StoreKind};
use crate::clock::micros;
use crate::report::Part;
use crate::system::{Setup, System, load_separately};

/// Measures the case.
pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    type Case = (u8, &'static str, StoreKind, QueueKind, &'static [&'static str], (f64, f64));
    let cases: [Case; 4] = [
        (
            4,
            "PostgreSQL + Redis",
            StoreKind::Pg,
            QueueKind::Redis,
            &["ins1", "done", "hello"],
            (0.8, 1.3),
        ),
        (
            5,
            "PostgreSQL + RabbitMQ",
            StoreKind::Pg,
            QueueKind::Amqp,
            &["ins1", "pub", "con", "done", "hello"],
            (0.8, 1.5),
        ),
        (
            6,
            "PostgreSQL alone",
            StoreKind::Pg,
            QueueKind::Memory,
            &["ins1", "claim", "done", "hello"],
            (0.8, 1.3),
        ),
        (
            7,
            "SQLite",
            StoreKind::Sqlite,
            QueueKind::Memory,
            &["ins32", "upd32", "hello"],
            (0.4, 0.6),
        ),
    ];
    for (row, name, store, queue, steps, bounds) in cases {
        let name = format!("end to end, {name}");
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(end_to_end_once(bench, store, queue, Setup::new("api,worker")).await?);
        }
        let cost = Run::cost(&name, &runs);
        bench.report.add_cost(cost.clone());
        bench.report.add(row, Part::of_steps(&name, cost.rate, &bench.floor, steps, bounds));
        bench.report.add(
            12,
            Part::at_most(&format!("CPU per 1,000, {name}"), cost.cpu_per_1000, "s", (0.19, 0.10)),
        );
    }
    redis_unreachable(bench).await
}

/// Measures rates while Redis is unreachable, next to rates without a queue server. The two are
/// measured in turn, because the speed of the machine changes.
async fn redis_unreachable(bench: &mut Bench) -> anyhow::Result<()> {
    let setups = [
        ("in one process", Setup::new("api,worker")),
        ("API and worker", Setup { processes: 2, ..Setup::new("api") }),
    ];
    for (name, setup) in setups {
        let name = format!("PostgreSQL, Redis away, {name}");
        let (mut without, mut away) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            without.push(end_to_end_once(bench, StoreKind::Pg, QueueKind::Memory, setup).await?);
            away.push(end_to_end_once(bench, StoreKind::Pg, QueueKind::Unreachable, setup).await?);
        }
        let (without, away) = (Run::cost(&name, &without), Run::cost(&name, &away));
        bench.report.add(6, Part::of_rate(&name, away.rate, without.rate, (0.9, 1.0)));
        bench.report.add_cost(away);
    }
    Ok(())
}

async fn end_to_end_once(
    bench: &Bench,
    store: StoreKind,
    queue: QueueKind,
    setup: Setup,
) -> anyhow::Result<Run> {
    let messages = bench.size(40_000);
    let backends = Backends::new(&bench.services, store, queue).await?;
    let system = System::start(&backends, setup).await?;
    let before = (system.usage()?, system.sink.usage()?);
    let started = load_separately(&system.load(messages)).await?.started;
    system.wait_until_sent(messages).await?;
    let seconds = (micros() - started) as f64 / 1e6;
    let mut ours = system.usage()?;
    ours.cpu_seconds -= before.0.cpu_seconds;
    let provider = system.sink.usage()?.cpu_seconds - before.1.cpu_seconds;
    let sink = system.check(messages, messages).await?;
    system.stop().await?;
    backends.remove().await?;
    Ok(Run::new(messages, seconds, ours, provider, &sink))
}
