//! How long a message takes to its answer and to the provider, at a steady rate.

use std::time::Duration;

use sms_core::Class;

use super::{Bench, RUNS};
use crate::backends::{Place, QueueKind, StoreKind};
use crate::percentiles::median;
use crate::report::Part;
use crate::system::{Setup, System, load_apart};

/// Bulk messages in front of the urgent ones, and how many of those come a second.
const BACKLOG: u64 = 100_000;
const URGENT_RATE: u64 = 50;

/// Quantiles of one run, in milliseconds, and calls per 1,000 messages.
struct Quantiles {
    accept: (f64, f64),
    call: (f64, f64),
    calls_per_1000: f64,
    /// Whether the requests could be sent at this rate.
    is_held: bool,
}

impl Bench {
    pub(super) async fn latency(&mut self) -> anyhow::Result<()> {
        for (store, queue, name) in [
            (StoreKind::Pg, QueueKind::Memory, "PostgreSQL"),
            (StoreKind::Pg, QueueKind::Redis, "PostgreSQL + Redis"),
            (StoreKind::Pg, QueueKind::Amqp, "PostgreSQL + RabbitMQ"),
            (StoreKind::Sqlite, QueueKind::Memory, "SQLite"),
        ] {
            self.latency_at(500, store, queue, name).await?;
            if self.full || queue == QueueKind::Memory {
                self.latency_at(200, store, queue, name).await?;
                self.latency_at(1000, store, queue, name).await?;
            }
            self.latency_at(5000, store, queue, name).await?;
        }
        self.urgent().await
    }

    async fn latency_at(
        &mut self,
        rate: u64,
        store: StoreKind,
        queue: QueueKind,
        name: &str,
    ) -> anyhow::Result<()> {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(self.latency_once(rate, store, queue).await?);
        }
        let held = runs.iter().filter(|run| run.is_held).count();
        if held < RUNS {
            self.not_held.push(format!("{rate}/s, {name}: {} of {RUNS} runs", RUNS - held));
            return Ok(());
        }
        let middle = |of: fn(&Quantiles) -> f64| median(runs.iter().map(of).collect());
        let (accept, call) = (middle(|run| run.accept.1), middle(|run| run.call.1));
        let calls = middle(|run| run.calls_per_1000);
        self.report
            .note(&format!("accept p50 at {rate}/s, {name}, ms"), middle(|run| run.accept.0));
        self.report.note(&format!("accept p99 at {rate}/s, {name}, ms"), accept);
        self.report
            .note(&format!("accept → call p50 at {rate}/s, {name}, ms"), middle(|run| run.call.0));
        self.report.note(&format!("accept → call p99 at {rate}/s, {name}, ms"), call);
        match rate {
            500 => {
                self.report.add(
                    10,
                    Part::at_most(
                        &format!("accept p99 at 500/s, {name}"),
                        accept,
                        "ms",
                        (5.0, 1.5),
                    ),
                );
                self.report.add(
                    11,
                    Part::at_most(
                        &format!("accept → call p99 at 500/s, {name}"),
                        call,
                        "ms",
                        (9.0, 4.0),
                    ),
                );
            }
            5000 => {
                let name = format!("provider calls, singles at 5,000/s, {name}");
                self.report.add(9, Part::at_most(&name, calls, "/1,000", (20.0, 10.0)));
            }
            _ => {}
        }
        Ok(())
    }

    async fn latency_once(
        &self,
        rate: u64,
        store: StoreKind,
        queue: QueueKind,
    ) -> anyhow::Result<Quantiles> {
        let place = Place::new(&self.services, store, queue).await?;
        let system = System::start(&place, Setup::new("api,worker")).await?;
        // Warm: connections are there, statements are prepared.
        let warm = rate;
        let mut load = system.load(warm);
        load.rate = Some(rate);
        load_apart(&load).await?;
        system.wait_until_sent(warm).await?;
        system.sink.anew(Duration::ZERO).await?;

        let messages = rate * if self.full { 20 } else { 4 };
        let mut load = system.load(messages);
        (load.rate, load.first) = (Some(rate), warm);
        let loaded = load_apart(&load).await?;
        let is_held = loaded.seconds < messages as f64 / rate as f64 * 1.05 + 0.1;
        system.wait_until_sent(messages).await?;
        let seen = system.check(messages, warm + messages).await?;
        system.stop().await?;
        place.close().await?;
        Ok(Quantiles {
            is_held,
            accept: (loaded.latency.p50_ms, loaded.latency.p99_ms),
            call: (seen.latency.p50_ms, seen.latency.p99_ms),
            calls_per_1000: seen.calls as f64 / (messages as f64 / 1000.0),
        })
    }

    async fn urgent(&mut self) -> anyhow::Result<()> {
        for (queue, name) in [
            (QueueKind::Memory, "PostgreSQL"),
            (QueueKind::Redis, "PostgreSQL + Redis"),
            (QueueKind::Amqp, "PostgreSQL + RabbitMQ"),
        ] {
            let (mut p50, mut p99) = (Vec::new(), Vec::new());
            for _ in 0..RUNS {
                let spread = self.urgent_once(queue).await?;
                p50.push(spread.p50_ms);
                p99.push(spread.p99_ms);
            }
            self.report.note(&format!("urgent behind 100,000 bulk p50, {name}, ms"), median(p50));
            let name = format!("urgent behind 100,000 bulk p99, {name}");
            self.report.add(16, Part::at_most(&name, median(p99), "ms", (100.0, 20.0)));
        }
        Ok(())
    }

    /// Urgent messages come while the bulk ones are being sent, as many as there are bulk ones left
    /// to be overtaken.
    async fn urgent_once(&self, queue: QueueKind) -> anyhow::Result<crate::percentiles::Spread> {
        let place = Place::new(&self.services, StoreKind::Pg, queue).await?;
        self.fill(&place.open().await?, 0, BACKLOG, Class::Marketing).await?;
        place.calm().await?;
        let system = System::start(&place, Setup::new("api,worker")).await?;
        while system.sink.messages().await? == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let urgent = URGENT_RATE * 2;
        let mut load = system.load(urgent);
        (load.rate, load.first) = (Some(URGENT_RATE), BACKLOG);
        "otp".clone_into(&mut load.class);
        load_apart(&load).await?;
        let there = system.sink.messages().await?;
        anyhow::ensure!(
            there < BACKLOG + urgent,
            "the backlog was gone before the last urgent message"
        );
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let mut seen = system.sink.seen().await?;
        while (seen.urgent.count as u64) < urgent {
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "urgent messages are late");
            seen = system.sink.seen().await?;
        }
        system.stop().await?;
        place.close().await?;
        Ok(seen.urgent)
    }
}
