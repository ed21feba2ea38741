//! Workers that are running on a store.

use std::sync::Arc;
use std::time::Duration;

use sms_core::{ProviderControl, Registry, Result};
use tokio::time::{Instant, sleep};

/// A worker that has not reported for so long is not running: reports come every 5 s.
const MAX_REPORT_AGE: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_millis(500);

/// The names of workers that are running. One that was killed has left a report, and so has one
/// that was running when a backup was taken: where there is a recent report, this waits for the
/// next one.
///
/// # Errors
///
/// Those of the registry.
pub(super) async fn alive_workers(registry: &Arc<dyn Registry>) -> Result<Vec<String>> {
    let control = ProviderControl::new(Arc::clone(registry));
    let started = Instant::now();
    loop {
        let reported = control.workers().await?;
        let is_new = |age: Duration| age < started.elapsed().saturating_sub(INTERVAL);
        let alive = reported.iter().filter(|reported| is_new(reported.age));
        let alive: Vec<String> = alive.map(|reported| reported.worker().to_owned()).collect();
        let all_silent = reported.iter().all(|reported| reported.age >= MAX_REPORT_AGE);
        if !alive.is_empty() || all_silent || started.elapsed() > MAX_REPORT_AGE {
            return Ok(alive);
        }
        sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use sms_core::MemoryRegistry;
    use sms_core::worker::control::WorkerReport;
    use time::OffsetDateTime;

    use super::*;

    #[tokio::test]
    async fn a_report_that_is_followed_by_none_is_of_a_worker_that_is_gone() {
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
        let control = ProviderControl::new(Arc::clone(&registry));
        let report = WorkerReport::new("smsru", OffsetDateTime::UNIX_EPOCH);
        assert!(alive_workers(&registry).await.unwrap().is_empty());
        control.report("alive", &report).await.unwrap();
        let reports = async {
            sleep(Duration::from_secs(2)).await;
            control.report("alive", &report).await.unwrap();
            std::future::pending::<()>().await;
        };
        let alive = async { alive_workers(&registry).await.unwrap() };
        let found = tokio::select! {
            found = alive => found,
            () = reports => Vec::new(),
        };
        assert_eq!(found, ["alive"]);
        control.forget("alive").await.unwrap();
        assert!(alive_workers(&registry).await.unwrap().is_empty());
    }
}
