//! The floor: what this machine does when nothing is done but the work itself, with the same
//! servers and drivers.

mod amqp;
pub(crate) mod http;
mod pg;
mod redis;
mod sqlite;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::backends::Services;

/// What can be measured, as performance.md and the tables call it, and what it is.
const LIMITS: [(&str, &str); 13] = [
    ("pg1", "PostgreSQL insert, 1 row per commit, 1 client"),
    ("ins1", "PostgreSQL insert, 1 row per commit, 32 clients"),
    ("ins100", "PostgreSQL insert, 100 rows per commit, 8 clients"),
    ("claim", "PostgreSQL claim 100 by SKIP LOCKED, 4 clients"),
    ("done", "PostgreSQL mark 100 done, 4 clients"),
    ("lone", "SQLite FULL insert, 1 row per commit"),
    ("ins32", "SQLite FULL insert, 32 rows per commit"),
    ("upd32", "SQLite FULL update, 32 rows per commit"),
    ("xadd", "Redis XADD, pipelined by 100"),
    ("xread", "Redis read, ack and delete by 100"),
    ("pub", "RabbitMQ quorum queue, confirms in windows of 1,000"),
    ("con", "RabbitMQ quorum queue, consume, ack by 100"),
    ("hello", "bare axum JSON POST, 32 connections"),
];

/// Per second, by the names above.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Floor(BTreeMap<&'static str, f64>);

impl Floor {
    /// Measures all of it, for `span` each.
    pub(crate) async fn measure(services: &Services, span: Duration) -> anyhow::Result<Self> {
        let mut rates = BTreeMap::new();
        rates.extend(pg::measure(&services.pg, span).await?);
        rates.extend(tokio::task::spawn_blocking(move || sqlite::measure(span)).await??);
        rates.extend(redis::measure(&services.redis, span).await?);
        rates.extend(amqp::measure(&services.amqp, span).await?);
        rates.insert("hello", http::measure(span).await?);
        Ok(Self(rates))
    }

    /// One rate.
    pub(crate) fn rate(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(f64::NAN)
    }

    /// The rate of steps that follow each other: 1/(1/a + 1/b + …).
    pub(crate) fn chain(&self, names: &[&str]) -> f64 {
        1.0 / names.iter().map(|name| 1.0 / self.rate(name)).sum::<f64>()
    }

    /// The names, what they are, and the rates.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&'static str, &'static str, f64)> {
        LIMITS.iter().map(|(name, what)| (*name, *what, self.rate(name)))
    }

    /// The middle of two measurements, before and after.
    pub(crate) fn between(before: &Self, after: &Self) -> Self {
        let middle =
            |(name, rate): (&&'static str, &f64)| (*name, f64::midpoint(*rate, after.rate(name)));
        Self(before.0.iter().map(middle).collect())
    }
}

/// Counts what is done from now on.
struct Meter {
    start: Instant,
    end: Instant,
}

impl Meter {
    fn start(span: Duration) -> Self {
        let start = Instant::now();
        Self { start, end: start + span }
    }

    fn runs(&self) -> bool {
        Instant::now() < self.end
    }

    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.start.elapsed().as_secs_f64()
    }
}
