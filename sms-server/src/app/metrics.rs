//! The recorder of the metrics of this process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Unit, describe_counter, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use sms_core::{CancellationToken, Error, ErrorKind, Result, instruments};
use tokio::time::sleep;

/// Upper ends of the buckets of a histogram, in seconds: from what the fastest store needs to an
/// hour, for what waits for a provider.
const BUCKETS: [f64; 20] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0,
    120.0, 300.0, 900.0, 3600.0,
];
/// Interval at which recorded times are sorted into their buckets, also if nobody asks for them.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The recorder of the metrics of this process, of which there is one. A clone shares it.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// A function of the application that sets further gauges.
#[derive(Clone)]
pub(crate) struct SetGauges(Arc<dyn Fn() + Send + Sync>);

impl SetGauges {
    pub(crate) fn new(set: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(set))
    }

    /// Sets the gauges in the recorder of this thread.
    pub(crate) fn set(&self) {
        (self.0)();
    }
}

impl fmt::Debug for SetGauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetGauges")
    }
}

impl Metrics {
    /// Installs a recorder for the whole process. docs/METRICS.md lists its metrics.
    ///
    /// # Errors
    ///
    /// `Config` if the process has a recorder already.
    pub fn install() -> Result<Self> {
        let failed =
            |error| Error::new(ErrorKind::Config, "metrics cannot be recorded").with_source(error);
        let handle = builder().map_err(failed)?.install_recorder().map_err(failed)?;
        instruments::describe();
        describe_counter!("sms_http_requests_total", "Requests that were answered.");
        describe_histogram!(
            "sms_http_request_seconds",
            Unit::Seconds,
            "From the head of a request to the head of the reply."
        );
        describe_counter!("sms_callbacks_total", "Callbacks of the provider.");
        describe_counter!("sms_log_lines_dropped_total", "Log lines that were dropped.");
        metrics::counter!("sms_log_lines_dropped_total").increment(0);
        Ok(Self(handle))
    }

    /// A recorder of nothing, for tests.
    #[cfg(test)]
    pub(crate) fn detached() -> Self {
        Self(PrometheusBuilder::new().build_recorder().handle())
    }

    /// Keeps the recorder small until the shutdown, also while nobody asks for metrics.
    pub async fn keep_up(&self, shutdown: &CancellationToken) {
        while shutdown.run_until_cancelled(sleep(UPKEEP_INTERVAL)).await.is_some() {
            self.0.run_upkeep();
        }
    }

    /// The metrics in the text format of Prometheus, with gauges that this sets now.
    pub(crate) fn render(&self, set_gauges: impl FnOnce()) -> String {
        // A recorder of their own, so that a gauge that is not set any more is gone.
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, set_gauges);
        self.0.render() + &recorder.handle().render()
    }
}

fn builder() -> std::result::Result<PrometheusBuilder, metrics_exporter_prometheus::BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
}
