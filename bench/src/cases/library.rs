//! The library in a separate process, without HTTP.

use std::time::Duration;

use super::bench::{Bench, RUNS};
use super::run::Run;
use crate::backends::{Backends, QueueKind, StoreKind};
use crate::library::LibraryResult;
use crate::process::{Usage, run_separately};
use crate::report::Part;
use crate::sink::SinkStats;

/// Measures the case.
pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let rate =
        library_with(bench, "library, SQLite: send, call, record", bench.size(50_000), 1000, true)
            .await?;
    let steps = &["ins32", "upd32"];
    bench
        .report
        .add(7, Part::of_steps("from the library, SQLite", rate, &bench.floor, steps, (0.5, 0.7)));
    let rate =
        library_with(bench, "library, SQLite: one send after another", bench.size(5_000), 1, false)
            .await?;
    bench.report.add(
        8,
        Part::of_steps("lone durable sends, SQLite", rate, &bench.floor, &["lone"], (0.6, 0.8)),
    );
    Ok(())
}

async fn library_with(
    bench: &mut Bench,
    name: &str,
    messages: u64,
    senders: u64,
    work: bool,
) -> anyhow::Result<f64> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let backends = Backends::new(&bench.services, StoreKind::Sqlite, QueueKind::Memory).await?;
        let (store, messages_text, senders) =
            (backends.store_url()?, messages.to_string(), senders.to_string());
        let mut arguments =
            vec!["library", "--store", &store, "--messages", &messages_text, "--senders", &senders];
        if work {
            arguments.push("--work");
        }
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let result: LibraryResult = run_separately(&arguments, Duration::from_mins(5)).await?;
        let ours = Usage {
            cpu_seconds: result.cpu_seconds,
            peak_mib: result.peak_mib,
            ..Usage::default()
        };
        runs.push(Run::new(messages, result.seconds, ours, 0.0, &SinkStats::default()));
        backends.remove().await?;
    }
    let cost = Run::cost(name, &runs);
    bench.report.add_cost(cost.clone());
    Ok(cost.rate)
}
