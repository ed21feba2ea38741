//! The floor: the limits of this machine as the baseline. The same servers and drivers do the bare
//! work and nothing else.

mod amqp;
pub(crate) mod http;
mod meter;
mod pg;
mod redis;
mod sqlite;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::backends::Services;

/// Names of the limits, as docs/PERFORMANCE.md uses them, and their descriptions.
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

/// Rates per second by the names in [`LIMITS`].
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Floor(BTreeMap<&'static str, f64>);

impl Floor {
    /// Measures all limits, each for the duration `span`.
    pub(crate) async fn measure(services: &Services, span: Duration) -> anyhow::Result<Self> {
        let mut rates = BTreeMap::new();
        rates.extend(pg::measure(&services.pg, span).await?);
        rates.extend(tokio::task::spawn_blocking(move || sqlite::measure(span)).await??);
        rates.extend(redis::measure(&services.redis, span).await?);
        rates.extend(amqp::measure(&services.amqp, span).await?);
        rates.insert("hello", http::measure(span).await?);
        Ok(Self(rates))
    }

    /// The rate of one limit; NaN for an unknown name.
    pub(crate) fn rate(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(f64::NAN)
    }

    /// The rate of a chain of steps: 1/(1/a + 1/b + …).
    pub(crate) fn chain(&self, names: &[&str]) -> f64 {
        1.0 / names.iter().map(|name| 1.0 / self.rate(name)).sum::<f64>()
    }

    /// Names, descriptions and rates.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&'static str, &'static str, f64)> {
        LIMITS.iter().map(|(name, what)| (*name, *what, self.rate(name)))
    }

    /// Mean of two measurements.
    pub(crate) fn between(before: &Self, after: &Self) -> Self {
        let middle =
            |(name, rate): (&&'static str, &f64)| (*name, f64::midpoint(*rate, after.rate(name)));
        Self(before.0.iter().map(middle).collect())
    }
}
