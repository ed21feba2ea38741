//! The library in a process of its own, without HTTP.

use std::time::Duration;

use super::{Bench, RUNS, Run};
use crate::backends::{Place, QueueKind, StoreKind};
use crate::library::Done;
use crate::process::{Usage, run_apart};
use crate::report::Part;
use crate::sink::Seen;

impl Bench {
    pub(super) async fn library(&mut self) -> anyhow::Result<()> {
        let rate = self
            .library_with("library, SQLite: send, call, record", self.size(50_000), 1000, true)
            .await?;
        let steps = &["ins32", "upd32"];
        self.report.add(
            7,
            Part::of_steps("from the library, SQLite", rate, &self.floor, steps, (0.5, 0.7)),
        );
        let rate = self
            .library_with("library, SQLite: one send after another", self.size(5_000), 1, false)
            .await?;
        self.report.add(
            8,
            Part::of_steps("lone durable sends, SQLite", rate, &self.floor, &["lone"], (0.6, 0.8)),
        );
        Ok(())
    }

    async fn library_with(
        &mut self,
        name: &str,
        messages: u64,
        senders: u64,
        work: bool,
    ) -> anyhow::Result<f64> {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            let place = Place::new(&self.services, StoreKind::Sqlite, QueueKind::Memory).await?;
            let (store, messages_text, senders) =
                (place.store_url()?, messages.to_string(), senders.to_string());
            let mut arguments = vec![
                "library",
                "--store",
                &store,
                "--messages",
                &messages_text,
                "--senders",
                &senders,
            ];
            if work {
                arguments.push("--work");
            }
            let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
            let done: Done = run_apart(&arguments, Duration::from_mins(5)).await?;
            let ours = Usage {
                cpu_seconds: done.cpu_seconds,
                peak_mib: done.peak_mib,
                ..Usage::default()
            };
            runs.push(Run::new(messages, done.seconds, ours, 0.0, &Seen::default()));
            place.close().await?;
        }
        let cost = Run::cost(name, &runs);
        self.report.add_cost(cost.clone());
        Ok(cost.rate)
    }
}
