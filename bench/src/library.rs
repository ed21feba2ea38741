//! The library without HTTP, in a separate process: a sender, a worker, and a provider that accepts
//! at once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Args;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use sms_core::store::ListRequest;
use sms_core::{
    Archive, CancellationToken, Limits, MemoryQueue, Message, MessageId, Outcome, Provider, Sender,
    Status, Store, Submission, Worker,
};
use sms_store_sqlite::{SqliteConfig, SqliteStore};
use tokio::time::{Instant, sleep};

use crate::process::Usage;
use crate::text;

/// Arguments of the process.
#[derive(Args, Clone, Debug)]
pub(crate) struct Library {
    /// Address of a SQLite store.
    #[arg(long)]
    pub(crate) store: String,
    #[arg(long)]
    pub(crate) messages: u64,
    /// Number of concurrent senders.
    #[arg(long)]
    pub(crate) senders: u64,
    /// Also runs a worker, and waits until every outcome is recorded.
    #[arg(long)]
    pub(crate) work: bool,
}

/// Result of the process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LibraryResult {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mib: f64,
}

impl Library {
    pub(crate) async fn run(self) -> anyhow::Result<LibraryResult> {
        let store = Arc::new(SqliteStore::open(SqliteConfig::from_url(&self.store)?).await?);
        let queue = Arc::new(MemoryQueue::new());
        let shutdown = CancellationToken::new();
        let mut sender = Sender::builder(store.clone());
        if self.work {
            sender = sender.queue(queue.clone());
            let worker = Worker::builder(store.clone(), queue, AcceptAll).build();
            tokio::spawn(worker.run(shutdown.clone()));
        }
        let sender = sender.build();
        let before = Usage::of_this_process()?;
        let start = Instant::now();
        let tasks =
            (0..self.senders).map(|first| tokio::spawn(self.clone().send(sender.clone(), first)));
        for sent in try_join_all(tasks).await? {
            sent?;
        }
        if self.work {
            wait_until_settled(store.as_ref()).await?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let after = Usage::of_this_process()?;
        shutdown.cancel();
        Ok(LibraryResult {
            seconds,
            cpu_seconds: after.cpu_seconds - before.cpu_seconds,
            peak_mib: after.peak_mib,
        })
    }

    async fn send(self, sender: Sender, first: u64) -> sms_core::Result<()> {
        for number in (first..self.messages).step_by(usize::try_from(self.senders).unwrap_or(1)) {
            sender.send(Message::new(text::to(number), text::text(text::MARK, number, 0))).await?;
        }
        Ok(())
    }
}

async fn wait_until_settled(store: &dyn Store) -> sms_core::Result<()> {
    let statuses = vec![Status::Queued, Status::Sending];
    let request = ListRequest::new(1).statuses(statuses);
    while !store.list(&request).await?.messages.is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// A provider that accepts everything.
#[derive(Debug)]
struct AcceptAll;

#[async_trait]
impl Provider for AcceptAll {
    fn name(&self) -> &'static str {
        "accept-all"
    }

    fn limits(&self) -> Limits {
        Limits::new(100, Duration::from_secs(5))
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        batch.iter().map(|_| Outcome::accepted(MessageId::new().to_string())).collect()
    }
}
