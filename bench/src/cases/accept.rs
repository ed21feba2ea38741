//! Accepting over REST, every message committed before it is answered; nothing is sent.

use super::{Bench, RUNS, Run};
use crate::backends::{Place, QueueKind, StoreKind};
use crate::report::Part;
use crate::sink::Seen;
use crate::system::{Setup, System, load_apart};

/// Messages per request at the door for batches.
const BATCH: u64 = 100;

impl Bench {
    pub(super) async fn accept(&mut self) -> anyhow::Result<()> {
        for (store, name) in [(StoreKind::Pg, "PostgreSQL"), (StoreKind::Sqlite, "SQLite")] {
            let single = self.accept_into(store, &format!("accept, {name}"), 1).await?;
            let batch = self
                .accept_into(store, &format!("accept in batches of 100, {name}"), BATCH)
                .await?;
            if store == StoreKind::Pg {
                let name = "accept over REST, PostgreSQL";
                self.report
                    .add(1, Part::of_steps(name, single, &self.floor, &["ins1"], (1.0, 1.5)));
                let name = "accept in batches of 100, PostgreSQL";
                self.report
                    .add(2, Part::of_steps(name, batch, &self.floor, &["ins100"], (0.4, 0.6)));
            }
        }
        Ok(())
    }

    async fn accept_into(
        &mut self,
        store: StoreKind,
        name: &str,
        batch: u64,
    ) -> anyhow::Result<f64> {
        let messages = self.size(if batch == 1 { 40_000 } else { 100_000 });
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            let place = Place::new(&self.services, store, QueueKind::Memory).await?;
            let system = System::start(&place, Setup::new("api")).await?;
            runs.push(accept_once(&system, messages, batch).await?);
            system.stop().await?;
            place.close().await?;
        }
        let cost = Run::cost(name, &runs);
        self.report.add_cost(cost.clone());
        Ok(cost.rate)
    }
}

/// Lets the server accept so many messages, which nobody sends.
pub(super) async fn accept_once(system: &System, messages: u64, batch: u64) -> anyhow::Result<Run> {
    let stored = system.stats().await?.counts.iter().sum::<u64>();
    let mut load = system.load(messages / batch);
    load.batch = batch;
    if batch > 1 {
        "/v1/messages/batch".clone_into(&mut load.path);
        load.connections = 8;
    }
    let before = system.usage()?;
    let loaded = load_apart(&load).await?;
    let mut ours = system.usage()?;
    ours.cpu_seconds -= before.cpu_seconds;
    let now = system.stats().await?.counts.iter().sum::<u64>();
    anyhow::ensure!(now - stored == messages, "of {messages} messages {} are stored", now - stored);
    Ok(Run::new(messages, loaded.seconds, ours, 0.0, &Seen::default()))
}
