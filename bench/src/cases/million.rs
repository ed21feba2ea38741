//! With a million messages waiting, and with a million stored.

use std::time::Duration;

use sms_core::Class;
use tokio::time::{Instant, sleep};

use super::accept::accept_once;
use super::bench::{Bench, RUNS};
use super::drain::drain_once;
use crate::backends::{Backends, QueueKind, StoreKind};
use crate::percentiles::median;
use crate::report::Part;
use crate::system::{Setup, System};

const MILLION: u64 = 1_000_000;
/// Number of messages that a million is compared with.
const FEW: u64 = 10_000;
/// Runs of cases that take about a second.
const SHORT_RUNS: usize = 7;
/// Duration of one measurement during the drain of a million.
const WINDOW: Duration = Duration::from_secs(5);
/// Measures the case.
pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let backends = Backends::new(&bench.services, StoreKind::Pg, QueueKind::Memory).await?;
    let start = Instant::now();
    bench.fill(&backends.open().await?, 0, MILLION, Class::Service).await?;
    bench.report.note(
        "store a million, PostgreSQL, from the library, /s",
        MILLION as f64 / start.elapsed().as_secs_f64(),
    );
    backends.vacuum().await?;
    let rate = drain_million(bench, &backends).await?;
    backends.vacuum().await?;
    let mut many = Stored::new(backends, MILLION);
    let mut few = store_few(bench).await?;
    // In turn, because the speed of the machine changes.
    for _ in 0..SHORT_RUNS {
        drain_more(bench, &mut few).await?;
        drain_more(bench, &mut many).await?;
    }
    for _ in 0..SHORT_RUNS {
        few.accept().await?;
        many.accept().await?;
    }
    let (few, many) = (few.remove().await?, many.remove().await?);
    let name = "drain with 1,000,000 waiting against 10,000";
    bench.report.add(14, Part::of_rate(name, rate, few.drain, (0.8, 0.95)));
    let name = "accept with 1,000,000 stored against 10,000";
    bench.report.add(15, Part::of_rate(name, many.accept, few.accept, (0.8, 0.89)));
    let name = "drain with 1,000,000 stored against 10,000";
    bench.report.add(15, Part::of_rate(name, many.drain, few.drain, (0.8, 0.87)));
    Ok(())
}

/// Drains a million messages, and reports the memory of the process. Returns the rate near the
/// beginning.
async fn drain_million(bench: &mut Bench, backends: &Backends) -> anyhow::Result<f64> {
    let system = System::start(backends, Setup::new("api,worker")).await?;
    while system.sink.messages().await? == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let (start, before) = (Instant::now(), system.sink.messages().await?);
        sleep(WINDOW).await;
        let drained = system.sink.messages().await? - before;
        rates.push(drained as f64 / start.elapsed().as_secs_f64());
    }
    let resident = system.usage()?.resident_mib;
    bench
        .report
        .add(13, Part::at_most("resident with 1,000,000 waiting", resident, "MiB", (64.0, 40.0)));
    let (start, before) = (Instant::now(), system.sink.messages().await?);
    system.wait_until_sent(MILLION).await?;
    let rest = (MILLION - before) as f64 / start.elapsed().as_secs_f64();
    bench.report.note("drain of the rest of a million, PostgreSQL, /s", rest);
    system.check(MILLION, MILLION).await?;
    bench.report.note("resident after a million was sent, MiB", system.usage()?.resident_mib);
    system.stop().await?;
    Ok(median(rates))
}

/// Creates a store with [`FEW`] messages, all of them sent.
async fn store_few(bench: &Bench) -> anyhow::Result<Stored> {
    let backends = Backends::new(&bench.services, StoreKind::Pg, QueueKind::Memory).await?;
    bench.fill(&backends.open().await?, 0, FEW, Class::Service).await?;
    drain_once(&backends, Setup::new("worker"), FEW, FEW).await?;
    backends.vacuum().await?;
    Ok(Stored::new(backends, FEW))
}

/// Stores [`FEW`] more messages, and drains them.
async fn drain_more(bench: &Bench, stored: &mut Stored) -> anyhow::Result<()> {
    bench.fill(&stored.backends.open().await?, stored.count, FEW, Class::Service).await?;
    stored.count += FEW;
    let run = drain_once(&stored.backends, Setup::new("worker"), FEW, stored.count).await?;
    stored.drains.push(run.rate);
    Ok(())
}

/// A store with messages that are sent, and the rates measured with it.
struct Stored {
    backends: Backends,
    count: u64,
    accepts: Vec<f64>,
    drains: Vec<f64>,
}

/// Medians of the rates.
struct Rates {
    accept: f64,
    drain: f64,
}

impl Stored {
    fn new(backends: Backends, count: u64) -> Self {
        Self { backends, count, accepts: Vec::new(), drains: Vec::new() }
    }

    /// Lets a server accept twice [`FEW`] more messages.
    async fn accept(&mut self) -> anyhow::Result<()> {
        let system = System::start(&self.backends, Setup::new("api")).await?;
        self.accepts.push(accept_once(&system, FEW * 2, 1).await?.rate);
        system.stop().await
    }

    async fn remove(self) -> anyhow::Result<Rates> {
        self.backends.remove().await?;
        Ok(Rates { accept: median(self.accepts), drain: median(self.drains) })
    }
}
