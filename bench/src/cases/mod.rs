//! What is measured, each case in a file of its own.

mod accept;
mod drain;
mod end_to_end;
mod latency;
mod library;
mod million;
mod start;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use sms_core::store::InsertRequest;
use sms_core::{Class, Message, NewMessage, Store};

use crate::backends::Services;
use crate::floor::Floor;
use crate::percentiles::median;
use crate::process::Usage;
use crate::report::{Cost, Report};
use crate::sink::Seen;
use crate::text;

/// The cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Rows 1 and 2.
    Accept,
    /// Rows 3, 9 and 17.
    Drain,
    /// Rows 4 to 7 and 12.
    EndToEnd,
    /// Rows 7 and 8.
    Library,
    /// Rows 9 to 11, and 16.
    Latency,
    /// Rows 13 to 15, and 22.
    Million,
    /// Row 18.
    Start,
}

/// A run of the benchmark.
struct Bench {
    services: Services,
    /// Longer, and more of it.
    full: bool,
    floor: Floor,
    report: Report,
    /// What was not asked at the rate it should have been, and so is in no row.
    not_held: Vec<String>,
}

/// How often each figure is measured; its median counts.
const RUNS: usize = 3;

/// Runs these cases, or all of them.
pub(crate) async fn run(
    full: bool,
    span: Duration,
    only: &[Name],
    output: &Path,
) -> anyhow::Result<()> {
    let services = Services::read();
    println!("the floor …");
    let before = Floor::measure(&services, span).await?;
    for (name, what, rate) in before.lines() {
        println!("{name:>7}  {what:<52} {rate:>10.0}/s");
    }
    let mut bench = Bench {
        services,
        full,
        floor: before.clone(),
        report: Report::default(),
        not_held: Vec::new(),
    };
    for name in Name::value_variants().iter().filter(|name| only.is_empty() || only.contains(name))
    {
        println!("{name:?} …");
        match name {
            Name::Accept => bench.accept().await?,
            Name::Drain => bench.drain().await?,
            Name::EndToEnd => bench.end_to_end().await?,
            Name::Library => bench.library().await?,
            Name::Latency => bench.latency().await?,
            Name::Million => bench.million().await?,
            Name::Start => bench.start().await?,
        }
        // A busy neighbour slows both down: what was measured is compared with the floor just
        // before it and just after it.
        println!("the floor again …");
        let after = Floor::measure(&bench.services, span).await?;
        bench.report.compare(&Floor::between(&bench.floor, &after));
        bench.floor = after;
    }
    let after = bench.floor;
    bench.report.print(&before, &after);
    bench.report.write(output, &before, &after)?;
    anyhow::ensure!(
        bench.not_held.is_empty(),
        "rates that were not held: {}",
        bench.not_held.join("; ")
    );
    Ok(())
}

impl Bench {
    /// A number of messages, for a short run and for a full one.
    fn size(&self, short: u64) -> u64 {
        if self.full { short * 4 } else { short }
    }

    /// Messages into a store, as if they had been sent, without offering them to a queue.
    async fn fill(
        &self,
        store: &Arc<dyn Store>,
        first: u64,
        messages: u64,
        class: Class,
    ) -> anyhow::Result<()> {
        let numbers: Vec<u64> = (first..first + messages).collect();
        for numbers in numbers.chunks(1000) {
            let prepare = |number: &u64| {
                Message::new(text::to(*number), text::text(text::MARK, *number, 0))
                    .class(class)
                    .prepare()
            };
            let batch = numbers.iter().map(prepare).collect::<Result<Vec<NewMessage>, _>>()?;
            store.insert(InsertRequest { messages: &batch, push_after: Duration::ZERO }).await?;
        }
        Ok(())
    }
}

/// What one run of a case took.
struct Run {
    rate: f64,
    ours: Usage,
    provider: f64,
    calls: f64,
}

impl Run {
    fn new(messages: u64, seconds: f64, ours: Usage, provider: f64, seen: &Seen) -> Self {
        let thousands = messages as f64 / 1000.0;
        Self {
            rate: messages as f64 / seconds,
            ours: Usage { cpu_seconds: ours.cpu_seconds / thousands, ..ours },
            provider: provider / seconds,
            calls: seen.calls as f64 / thousands,
        }
    }

    /// The medians of several.
    fn cost(name: &str, runs: &[Self]) -> Cost {
        let middle = |of: fn(&Self) -> f64| median(runs.iter().map(of).collect());
        Cost {
            name: name.to_owned(),
            rate: middle(|run| run.rate),
            cpu_per_1000: middle(|run| run.ours.cpu_seconds),
            peak_mib: middle(|run| run.ours.peak_mib),
            calls_per_1000: middle(|run| run.calls),
            provider_cpu: middle(|run| run.provider),
        }
    }
}
