//! The cases, one file each.

mod accept;
mod bench;
mod drain;
mod end_to_end;
mod latency;
mod library;
mod million;
mod reads;
mod run;
mod start;

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use self::bench::Bench;
use crate::backends::Services;
use crate::floor::Floor;

/// Names of the cases.
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
    /// Rows 13 to 15.
    Million,
    /// Rows 15 and 22: reads.
    Reads,
    /// Row 18.
    Start,
}

/// Runs these cases, or all of them if there are none. Each measurement of the floor takes `span`.
pub(crate) async fn run(
    full: bool,
    span: Duration,
    only: &[Name],
    output: &Path,
) -> anyhow::Result<()> {
    let services = Services::read();
    println!("measuring the floor …");
    let before = Floor::measure(&services, span).await?;
    for (name, what, rate) in before.lines() {
        println!("{name:>7}  {what:<52} {rate:>10.0}/s");
    }
    let mut bench = Bench::new(services, full, before.clone());
    for name in Name::value_variants().iter().filter(|name| only.is_empty() || only.contains(name))
    {
        println!("{name:?} …");
        match name {
            Name::Accept => accept::measure(&mut bench).await?,
            Name::Drain => drain::measure(&mut bench).await?,
            Name::EndToEnd => end_to_end::measure(&mut bench).await?,
            Name::Library => library::measure(&mut bench).await?,
            Name::Latency => latency::measure(&mut bench).await?,
            Name::Million => million::measure(&mut bench).await?,
            Name::Reads => reads::measure(&mut bench).await?,
            Name::Start => start::measure(&mut bench).await?,
        }
        // The speed of a shared machine changes. A case is compared with the mean of the floor just
        // before it and just after it.
        println!("measuring the floor again …");
        let after = Floor::measure(&bench.services, span).await?;
        bench.report.compare(&Floor::between(&bench.floor, &after));
        bench.floor = after;
    }
    let after = bench.floor;
    bench.report.print(&before, &after);
    bench.report.write(output, &before, &after)?;
    anyhow::ensure!(
        bench.missed_rates.is_empty(),
        "rates that were not reached: {}",
        bench.missed_rates.join("; ")
    );
    Ok(())
}
