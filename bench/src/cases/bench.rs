//! State and helpers that all cases share.

use std::sync::Arc;

use sms_core::store::InsertRequest;
use sms_core::{Class, Message, NewMessage, Store};

use crate::backends::Services;
use crate::floor::Floor;
use crate::report::Report;
use crate::text;

/// Measurements per figure; the median counts.
pub(super) const RUNS: usize = 3;

/// A run of the benchmark.
pub(super) struct Bench {
    pub(super) services: Services,
    /// Longer runs, and more cases.
    pub(super) full: bool,
    pub(super) floor: Floor,
    pub(super) report: Report,
    /// Request rates that the client could not hold. Their figures are in no row.
    pub(super) missed_rates: Vec<String>,
}

impl Bench {
    pub(super) fn new(services: Services, full: bool, floor: Floor) -> Self {
        Self { services, full, floor, report: Report::default(), missed_rates: Vec::new() }
    }

    /// Number of messages: `short`, or four times as many in a full run.
    pub(super) fn size(&self, short: u64) -> u64 {
        if self.full { short * 4 } else { short }
    }

    /// Inserts messages into a store without pushing them to a queue.
    pub(super) async fn fill(
        &self,
        store: &Arc<dyn Store>,
        first: u64,
        messages: u64,
        class: Class,
    ) -> anyhow::Result<()> {
        self.fill_with(store, first, messages, |message| message.class(class)).await
    }

    /// Inserts messages that are changed first.
    pub(super) async fn fill_with(
        &self,
        store: &Arc<dyn Store>,
        first: u64,
        messages: u64,
        change: impl Fn(Message) -> Message,
    ) -> anyhow::Result<()> {
        let numbers: Vec<u64> = (first..first + messages).collect();
        for numbers in numbers.chunks(1000) {
            let prepare = |number: &u64| {
                let text = text::text(text::MARK, *number, 0);
                change(Message::new(text::to(*number), text)).prepare()
            };
            let batch = numbers.iter().map(prepare).collect::<Result<Vec<NewMessage>, _>>()?;
            store.insert(InsertRequest::new(&batch)).await?;
        }
        Ok(())
    }
}
