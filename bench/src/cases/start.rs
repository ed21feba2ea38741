//! Size of the program, time of its start, and memory when idle.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::bench::{Bench, RUNS};
use crate::backends::{Backends, QueueKind, StoreKind};
use crate::load::Load;
use crate::percentiles::median;
use crate::report::Part;
use crate::system::{Sink, free_port, server_program, start_server};

/// Time limit of a start.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Measures the case.
pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let bytes = std::fs::metadata(server_program()?)?.len();
    bench.report.add(
        18,
        Part::at_most("stripped binary with everything", bytes as f64 / 1e6, "MB", (20.0, 12.0)),
    );
    for (store, name, bounds) in
        [(StoreKind::Sqlite, "SQLite", (60.0, 30.0)), (StoreKind::Pg, "PostgreSQL", (150.0, 80.0))]
    {
        let (mut first, mut idle) = (Vec::new(), Vec::new());
        let backends = Backends::new(&bench.services, store, QueueKind::Memory).await?;
        // Creates the schema: the very first start is not measured.
        drop(backends.open().await?);
        for _ in 0..RUNS {
            let (millis, mib) = start_once(&backends).await?;
            first.push(millis);
            idle.push(mib);
        }
        backends.remove().await?;
        let name = |what: &str| format!("{what}, {name}");
        bench.report.add(
            18,
            Part::at_most(&name("start to first durable 202"), median(first), "ms", bounds),
        );
        bench
            .report
            .add(18, Part::at_most(&name("resident when idle"), median(idle), "MiB", (28.0, 18.0)));
    }
    Ok(())
}

/// Time from the start of the process to the first response, in milliseconds, and resident memory
/// two seconds later, in MiB.
async fn start_once(backends: &Backends) -> anyhow::Result<(f64, f64)> {
    let sink = Sink::start().await?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let start = Instant::now();
    let server = start_server(backends, "api,worker", &address, &sink.url(), 8)?;
    loop {
        let mut load = Load::new(&address, 1);
        load.connections = 1;
        if load.run().await.is_ok() {
            break;
        }
        anyhow::ensure!(start.elapsed() < START_LIMIT, "the server did not start");
        sleep(Duration::from_millis(1)).await;
    }
    let millis = start.elapsed().as_secs_f64() * 1000.0;
    sleep(Duration::from_secs(2)).await;
    let resident = server.usage()?.resident_mib;
    server.kill().await?;
    Ok((millis, resident))
}
