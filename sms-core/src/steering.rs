//! People's orders to every worker, and what the workers report: small records in the [`Registry`].
//!
//! The registry is what all processes of a system share, so a pause holds for workers on other machines too, and over
//! restarts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

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
    /// Whether nothing may be sent. Otherwise: go on, and if the provider is paused by itself, try it at once.
    pub paused: bool,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// How a worker is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// Why a worker sends nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseReport {
    /// The provider's code.
    pub code: Option<i32>,
    /// The reason in words.
    pub reason: String,
    /// Who paused it; `None` where that was the provider's own doing.
    pub by: Option<String>,
    /// When the provider is probed next.
    #[serde(with = "time::serde::rfc3339::option")]
    pub probe_at: Option<OffsetDateTime>,
}

/// A worker's name, its report, and when it came, by the store's clock.
pub type Reported = (String, WorkerReport, OffsetDateTime);

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
    pub async fn give(&self, provider: &str, paused: bool, by: &str, reason: &str) -> Result<Order> {
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
        let reported =
            |Record { name, value, updated_at, .. }| read(value).map(|report| (name, report, updated_at));
        self.0.list(WORKER).await?.into_iter().map(reported).collect()
    }
}

fn document(value: &impl Serialize) -> Result<Value> {
    let unwritable = |error| Error::new(ErrorKind::Internal, "a record cannot be written").with_source(error);
    serde_json::to_value(value).map_err(unwritable)
}

fn read<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T> {
    let unreadable = |error| Error::new(ErrorKind::Internal, "a record cannot be read").with_source(error);
    serde_json::from_value(value).map_err(unreadable)
}
