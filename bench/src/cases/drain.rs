//! Sending what has been waiting.

use std::time::Duration;

use sms_core::Class;

use super::{Bench, RUNS, Run};
use crate::backends::{Place, QueueKind, StoreKind};
use crate::clock::micros;
use crate::report::{Cost, Part};
use crate::system::{Setup, System};

/// The provider that takes its time, and how many calls to it are in flight.
const SLOW: Duration = Duration::from_millis(50);
const SLOW_CALLS: usize = 4;
/// Messages in a call to it.
const BATCH: f64 = 100.0;

impl Bench {
    pub(super) async fn drain(&mut self) -> anyhow::Result<()> {
        let backlog = self.size(50_000);
        let worker = Setup::new("worker");
        let cost = self.drain_with("drain, PostgreSQL", StoreKind::Pg, backlog, worker).await?;
        let name = "drain of a backlog, PostgreSQL";
        self.report
            .add(3, Part::of_steps(name, cost.rate, &self.floor, &["claim", "done"], (0.5, 0.8)));
        self.report.add(
            9,
            Part::at_most("provider calls, backlog", cost.calls_per_1000, "/1,000", (10.0, 10.0)),
        );

        let slow = Setup { delay: SLOW, concurrency: SLOW_CALLS, ..worker };
        let slow = self
            .drain_with("drain, provider takes 50 ms, 4 calls", StoreKind::Pg, backlog, slow)
            .await?;
        let limit = (SLOW_CALLS as f64 * BATCH / SLOW.as_secs_f64()).min(cost.rate);
        self.report.add(
            17,
            Part::of_rate("provider takes 50 ms, 4 calls in flight", slow.rate, limit, (0.9, 0.95)),
        );

        self.drain_with("drain, SQLite", StoreKind::Sqlite, backlog, worker).await?;
        for processes in [2, 4] {
            let several = Setup { processes, ..worker };
            let name = format!("drain, PostgreSQL, {processes} worker processes");
            self.drain_with(&name, StoreKind::Pg, backlog, several).await?;
        }
        Ok(())
    }

    async fn drain_with(
        &mut self,
        name: &str,
        store: StoreKind,
        backlog: u64,
        setup: Setup,
    ) -> anyhow::Result<Cost> {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            let place = Place::new(&self.services, store, QueueKind::Memory).await?;
            self.fill(&place.open().await?, 0, backlog, Class::Service).await?;
            place.calm().await?;
            runs.push(drain_once(&place, setup, backlog, backlog).await?);
            place.close().await?;
        }
        let cost = Run::cost(name, &runs);
        self.report.add_cost(cost.clone());
        Ok(cost)
    }
}

/// Starts a worker and waits until a backlog is sent and recorded; timed from the first call to the
/// provider.
pub(super) async fn drain_once(
    place: &Place,
    setup: Setup,
    backlog: u64,
    stored: u64,
) -> anyhow::Result<Run> {
    let system = System::start(place, setup).await?;
    system.wait_until_sent(backlog).await?;
    let end = micros();
    let seen = system.check(backlog, stored).await?;
    let seconds = (end - seen.first) as f64 / 1e6;
    let run = Run::new(backlog, seconds, system.usage()?, system.sink.usage()?.cpu_seconds, &seen);
    system.stop().await?;
    Ok(run)
}
