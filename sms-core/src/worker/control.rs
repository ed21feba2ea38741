//! Pauses of a provider by an operator, and the state that workers report: small records in the
//! [`Registry`].
//!
//! All processes of a system share the registry, so a pause also holds for workers on other
//! machines, and after a restart.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::breaker::EndsBy;
use crate::clock::{Clock, SystemClock, datetime_from_ms};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Route;
use crate::registry::{Expect, Record, Registry};

/// Kind of the records that hold the last order for each provider.
const ORDER: &str = "provider-order";
/// Kind of the records that hold the last report of each worker.
const WORKER: &str = "worker";

/// Pauses and resumes providers, and reads the reports of workers.
#[derive(Clone, Debug)]
pub struct ProviderControl(Arc<dyn Registry>);

/// An operator's order to pause or to resume a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PauseOrder {
    /// True to pause: nothing is sent. False to resume: a provider that paused by itself is tried
    /// at once.
    pub paused: bool,
    /// Name of the operator.
    pub by: String,
    /// The operator's reason.
    pub reason: String,
    /// Time of the order.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// State of a worker, as it reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerReport {
    /// Name of its provider.
    pub provider: String,
    /// Route that the report is about. A worker reports about each route that it serves.
    #[serde(default = "default_route")]
    pub route: String,
    /// Version of the library that it runs; empty in reports of early builds.
    #[serde(default)]
    pub version: String,
    /// Time at which it started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// Number of calls to the provider in flight.
    pub in_flight: usize,
    /// Reason for sending nothing; `None` if it sends.
    pub pause: Option<PauseReport>,
    /// True after an operator resumed the provider, until a message shows that it works.
    #[serde(default)]
    pub unproven: bool,
    /// Time from the last message that the provider processed to this report, in milliseconds;
    /// `None` if there was none.
    #[serde(default)]
    pub served_ms_ago: Option<u64>,
    /// True while the worker takes messages from the store because its queue is unavailable.
    #[serde(default)]
    pub queue_degraded: bool,
}

fn default_route() -> String {
    Route::DEFAULT.as_str().to_owned()
}

impl WorkerReport {
    /// A worker of this provider on the default route that is idle and not paused.
    pub fn new(provider: impl Into<String>, started_at: OffsetDateTime) -> Self {
        Self {
            provider: provider.into(),
            route: default_route(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at,
            in_flight: 0,
            pause: None,
            unproven: false,
            served_ms_ago: None,
            queue_degraded: false,
        }
    }
}

/// Reason why a worker sends nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PauseReport {
    /// The provider's code.
    pub code: Option<i32>,
    /// The reason in words.
    pub reason: String,
    /// Name of the operator who paused it; `None` if it paused by itself.
    pub by: Option<String>,
    /// Time of the next check of the account; `None` if only a message or an operator can end the
    /// pause.
    #[serde(with = "time::serde::rfc3339::option")]
    pub probe_at: Option<OffsetDateTime>,
    /// Event that ends the pause.
    #[serde(default)]
    pub ends_by: EndsBy,
    /// Name of the provider that gave the code, where a combinator such as
    /// [`Failover`](crate::Failover) called several.
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

/// Last report of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reported {
    /// Name of the worker.
    pub name: String,
    /// The report.
    pub report: WorkerReport,
    /// Time at which it was written, by the store's clock.
    pub at: OffsetDateTime,
    /// Age of the report, by the same clock.
    pub age: Duration,
}

impl Reported {
    /// Name of the worker. It reports under this name about the default route, and under
    /// `NAME/ROUTE` about another one.
    pub fn worker(&self) -> &str {
        let Self { name, report, .. } = self;
        if report.route == Route::DEFAULT.as_str() {
            return name;
        }
        let worker = name.strip_suffix(report.route.as_str());
        worker.and_then(|name| name.strip_suffix('/')).unwrap_or(name)
    }
}

/// Name under which a worker reports about a route, see [`Reported::worker`].
pub(super) fn reporter_name(worker: &str, route: &str) -> String {
    if route == Route::DEFAULT.as_str() { worker.to_owned() } else { format!("{worker}/{route}") }
}

impl ProviderControl {
    /// Controls the workers that use this registry.
    pub fn new(registry: impl Registry) -> Self {
        Self(Arc::new(registry))
    }

    /// Pauses a provider: workers send nothing until it is resumed. They follow within two seconds.
    ///
    /// # Errors
    ///
    /// Those of the registry.
    pub async fn pause(&self, provider: &str, by: &str, reason: &str) -> Result<()> {
        self.order(provider, true, by, reason).await
    }

    /// Resumes a provider, and tries it at once if it had paused by itself.
    ///
    /// # Errors
    ///
    /// Those of the registry.
    pub async fn resume(&self, provider: &str, by: &str, reason: &str) -> Result<()> {
        self.order(provider, false, by, reason).await
    }

    async fn order(&self, provider: &str, paused: bool, by: &str, reason: &str) -> Result<()> {
        let at = datetime_from_ms(SystemClock.now_ms());
        let order = PauseOrder { paused, by: by.to_owned(), reason: reason.to_owned(), at };
        self.0.put(ORDER, provider, &document(&order)?, Expect::Anything).await.map(drop)
    }

    /// The last order for a provider, with its version.
    ///
    /// # Errors
    ///
    /// Those of the registry.
    pub async fn last_order(&self, provider: &str) -> Result<Option<(u64, PauseOrder)>> {
        let record = self.0.get(ORDER, provider).await?;
        record.map(|record| Ok((record.version, read(record.value)?))).transpose()
    }

    /// Writes the report of a worker.
    ///
    /// # Errors
    ///
    /// Those of the registry.
    pub async fn report(&self, worker: &str, report: &WorkerReport) -> Result<()> {
        self.0.put(WORKER, worker, &document(report)?, Expect::Anything).await.map(drop)
    }

    /// Removes the report of a worker that stops.
    ///
    /// # Errors
    ///
    /// Those of the registry.
    pub async fn forget(&self, worker: &str) -> Result<()> {
        self.0.delete(WORKER, worker).await.map(drop)
    }

    /// The last report of every worker, including workers that vanished.
    ///
    /// # Errors
    ///
    /// Those of the registry.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_worker_is_in_its_reports_about_every_route() {
        let at = OffsetDateTime::UNIX_EPOCH;
        for worker in ["host-1", "host-1/default", "sandbox"] {
            for route in ["default", "sandbox"] {
                let mut report = WorkerReport::new("smsru", at);
                route.clone_into(&mut report.route);
                let name = reporter_name(worker, route);
                let reported = Reported { name, report, at, age: Duration::ZERO };
                assert_eq!(reported.worker(), worker, "{route}");
            }
        }
    }
}
