//! Several processes on real services of the test's own, which can be killed.

mod chaos;
mod outage_log;
mod outages;
mod pairs;
mod readiness;
mod reads;
mod transactions;
mod workers;

use std::time::Duration;

use serde_json::{Value, json};
use sms_core::Money;
use sms_smsru::simulator::{Simulator, SimulatorConfig};
use sms_testkit::instances::{Instance, Postgres, RabbitMq, Redis};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::process::{Process, SECRET_KEY, Server};

/// What brings jobs to the workers.
pub(crate) enum Queue {
    /// Each process its own.
    Memory,
    Redis(Redis),
    RabbitMq(RabbitMq),
}

impl Queue {
    pub(crate) async fn redis() -> Self {
        Self::Redis(Redis::start().await)
    }

    pub(crate) async fn rabbitmq() -> Self {
        Self::RabbitMq(RabbitMq::start().await)
    }

    fn url(&self) -> &str {
        match self {
            Self::Memory => "memory:",
            Self::Redis(redis) => redis.url(),
            Self::RabbitMq(rabbitmq) => rabbitmq.url(),
        }
    }

    /// The server.
    pub(crate) fn instance(&self) -> &Instance {
        match self {
            Self::Memory => panic!("the queue in memory has no server"),
            Self::Redis(redis) => redis,
            Self::RabbitMq(rabbitmq) => rabbitmq,
        }
    }
}

/// The services of a system, and its settings; processes come and go.
pub(crate) struct System {
    pub(crate) smsru: Simulator,
    pub(crate) postgres: Option<Postgres>,
    pub(crate) queue: Queue,
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl System {
    /// On PostgreSQL.
    pub(crate) async fn on_postgres(queue: Queue) -> Self {
        Self::on(Some(Postgres::start().await), queue).await
    }

    /// On PostgreSQL, or SQLite where there is none.
    pub(crate) async fn on(postgres: Option<Postgres>, queue: Queue) -> Self {
        let rich = SimulatorConfig::default().balance(Money::from_micros(1_000_000_000_000));
        let smsru = Simulator::start(rich).await.expect("a simulator");
        // A short timeout makes short leases.
        let provider = format!("{}?timeout_seconds=1&poll_first_seconds=1", smsru.url());
        let store = postgres.as_ref().map_or("sqlite:data/sms.db", |postgres| postgres.url());
        let settings = vec![
            ("SMS_PROVIDER", provider),
            ("SMS_STORE", store.to_owned()),
            ("SMS_QUEUE", queue.url().to_owned()),
            ("SMS_SECRET_KEY", SECRET_KEY.to_owned()),
        ];
        let folder = tempfile::tempdir().expect("a folder");
        Self { smsru, postgres, queue, folder, settings }
    }

    /// The same with another address.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value));
    }

    pub(crate) fn postgres(&self) -> &Postgres {
        self.postgres.as_ref().expect("a system on PostgreSQL")
    }

    fn with<'a>(&'a self, more: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
        let own = self.settings.iter().map(|(name, value)| (*name, value.as_str()));
        own.chain(more.iter().copied()).collect()
    }

    /// Everything in one process.
    pub(crate) fn whole(&self) -> Server {
        Server::start(self.folder.path(), &self.with(&[]))
    }

    /// A process that only serves.
    pub(crate) fn api(&self) -> Server {
        Server::start(self.folder.path(), &self.with(&[("SMS_ROLES", "api")]))
    }

    /// A process that only works.
    pub(crate) fn worker(&self) -> Process {
        self.try_worker().unwrap_or_else(|log| panic!("{log}"))
    }

    /// The same; the error is the log of a process that could not start.
    pub(crate) fn try_worker(&self) -> Result<Process, String> {
        Process::worker(self.folder.path(), &self.with(&[]))
    }
}

/// A text and a number of its own for each.
pub(crate) fn message(n: usize) -> Value {
    json!({"to": format!("+7925{n:07}"), "text": format!("n{n}")})
}

/// Waits until something holds; answers how long that took.
pub(crate) async fn eventually(
    what: &str,
    patience: Duration,
    holds: impl AsyncFn() -> bool,
) -> Duration {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < patience, "not in {patience:?}: {what}");
        sleep(Duration::from_millis(50)).await;
    }
    started.elapsed()
}
