//! People's orders to every worker, and what the workers report: small records in the [`Registry`].
//!
//! The registry is what all processes of a system share, so a pause holds for workers on other
//! machines too, and over restarts.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::breaker::EndsBy;
use crate::clock::{Clock, SystemClock, datetime_from_ms};
use crate::error::{Error, ErrorKind, Result};
use crate::registry::{Expect, Record, Registry};

/// The kind of the records that hold orders, one for each provider.
const ORDER: &str = "provider-order";
/// The kind of the records in which workers report.
const WORKER: &str = "worker";

/// Writes and reads orders and reports.
#[derive(Clone, Debug)]
pub struct Steering(Arc<dyn Registry>);

/// What a person wants of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Whether nothing may be sent. Otherwise: go on, and if the provider is paused by itself, try
    /// it at once.
    pub paused: bool,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// State of a worker, as it reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerReport {
    /// The name of its provider.
    pub provider: String,
    /// When it started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// How many calls to the provider it has in flight.
    pub in_flight: usize,
    /// Why it sends nothing, if it does not.
    pub pause: Option<PauseReport>,
    /// Set after a person resumed the provider, until a message shows whether it serves.
    #[serde(default)]
    pub unproven: bool,
    /// How long before this report the provider last did its work on a message, in milliseconds;
    /// `None` if it never did.
    #[serde(default)]
    pub served_ms_ago: Option<u64>,
    /// Set while the worker takes messages from the store because its queue cannot be used.
    #[serde(default)]
    pub queue_degraded: bool,
}

impl WorkerReport {
    /// A worker of this provider that sends nothing at the moment and has no reason not to.
    pub fn new(provider: impl Into<String>, started_at: OffsetDateTime) -> Self {
        Self {
            provider: provider.into(),
            started_at,
            in_flight: 0,
            pause: None,
            unproven: false,
            served_ms_ago: None,
            queue_degraded: false,
        }
    }
}

/// Why a worker sends nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PauseReport {
    /// The provider's code.
    pub code: Option<i32>,
    /// The reason in words.
    pub reason: String,
    /// Who paused it; `None` where that was the provider's own doing.
    pub by: Option<String>,
    /// When the provider is probed next; `None` where that takes a message or a person.
    #[serde(with = "time::serde::rfc3339::option")]
    pub probe_at: Option<OffsetDateTime>,
    /// What ends the pause.
    #[serde(default)]
    pub ends_by: EndsBy,
    /// The provider that gave the code, where a combinator such as [`Failover`](crate::Failover)
    /// asked several.
    #[serde(default)]
    pub provider: Option<String>,
}

impl PauseReport {
    /// A pause for this reason that the next message ends.
    pub fn new(reason: impl Into<String>) -> Self {
        let (reason, ends_by) = (reason.into(), EndsBy::default());
        Self { code: None, reason, by: None, probe_at: None, ends_by, provider: None }
    }
}

/// A worker's last report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reported {
    /// The worker's name.
    pub name: String,
    /// The report.
    pub report: WorkerReport,
    /// When it came, by the store's clock.
    pub at: OffsetDateTime,
    /// How long ago that was, by the same clock.
    pub age: Duration,
}

impl Steering {
    /// Orders and reports in this registry.
    pub fn new(registry: impl Registry) -> Self {
        Self(Arc::new(registry))
    }

    /// Writes an order for a provider. Workers follow within a second or two.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn give(
        &self,
        provider: &str,
        paused: bool,
        by: &str,
        reason: &str,
    ) -> Result<Order> {
        let at = datetime_from_ms(SystemClock.now_ms());
        let order = Order { paused, by: by.to_owned(), reason: reason.to_owned(), at };
        self.0.put(ORDER, provider, &document(&order)?, Expect::Anything).await?;
        Ok(order)
    }

    /// The last order for a provider, with its version.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn order(&self, provider: &str) -> Result<Option<(u64, Order)>> {
        let record = self.0.get(ORDER, provider).await?;
        record.map(|record| Ok((record.version, read(record.value)?))).transpose()
    }

    /// Writes a worker's report.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn report(&self, worker: &str, report: &WorkerReport) -> Result<()> {
        self.0.put(WORKER, worker, &document(report)?, Expect::Anything).await.map(drop)
    }

    /// Removes the report of a worker that ends.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn forget(&self, worker: &str) -> Result<()> {
        self.0.delete(WORKER, worker).await.map(drop)
    }

    /// Every worker's last report, also those of workers that vanished.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub async fn workers(&self) -> Result<Vec<Reported>> {
        let reported = |Record { name, value, updated_at: at, age, .. }| {
            read(value).map(|report| Reported { name, report, at, age })
        };
        self.0.list(WORKER).await?.into_iter().map(reported).collect()
    }
}

fn document(value: &impl Serialize) -> Result<Value> {
    let unwritable =
        |error| Error::new(ErrorKind::Internal, "a record cannot be written").with_source(error);
    serde_json::to_value(value).map_err(unwritable)
}

fn read<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T> {
    let unreadable =
        |error| Error::new(ErrorKind::Internal, "a record cannot be read").with_source(error);
    serde_json::from_value(value).map_err(unreadable)
}
