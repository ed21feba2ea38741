//! How large the program is, and how soon it works.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Bench, RUNS};
use crate::backends::{Place, QueueKind, StoreKind};
use crate::load::Load;
use crate::percentiles::median;
use crate::report::Part;
use crate::system::{Sink, free_port, server_program, start_server};

const START: Duration = Duration::from_secs(10);

impl Bench {
    pub(super) async fn start(&mut self) -> anyhow::Result<()> {
        let bytes = std::fs::metadata(server_program()?)?.len();
        self.report.add(
            18,
            Part::at_most(
                "stripped binary with everything",
                bytes as f64 / 1e6,
                "MB",
                (20.0, 12.0),
            ),
        );
        for (store, name, bounds) in [
            (StoreKind::Sqlite, "SQLite", (60.0, 30.0)),
            (StoreKind::Pg, "PostgreSQL", (150.0, 80.0)),
        ] {
            let (mut first, mut idle) = (Vec::new(), Vec::new());
            let place = Place::new(&self.services, store, QueueKind::Memory).await?;
            // The schema is there: this is any start but the first.
            drop(place.open().await?);
            for _ in 0..RUNS {
                let (millis, mib) = start_once(&place).await?;
                first.push(millis);
                idle.push(mib);
            }
            place.close().await?;
            let name = |what: &str| format!("{what}, {name}");
            self.report.add(
                18,
                Part::at_most(&name("start to first durable 202"), median(first), "ms", bounds),
            );
            self.report.add(
                18,
                Part::at_most(&name("resident when idle"), median(idle), "MiB", (28.0, 18.0)),
            );
        }
        Ok(())
    }
}

/// From the start of the process to the first answer, in milliseconds; and its memory a while
/// later.
async fn start_once(place: &Place) -> anyhow::Result<(f64, f64)> {
    let sink = Sink::start().await?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let start = Instant::now();
    let server = start_server(place, "api,worker", &address, &sink.url(), 8)?;
    loop {
        let mut load = Load::new(&address, 1);
        load.connections = 1;
        if load.run().await.is_ok() {
            break;
        }
        anyhow::ensure!(start.elapsed() < START, "the server does not start");
        sleep(Duration::from_millis(1)).await;
    }
    let millis = start.elapsed().as_secs_f64() * 1000.0;
    sleep(Duration::from_secs(2)).await;
    let resident = server.usage()?.resident_mib;
    server.kill().await?;
    Ok((millis, resident))
}
