//! Delays between attempts to connect.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep};

use crate::error::Failure;

/// Delay after the first failed attempt.
const MIN_DELAY: Duration = Duration::from_millis(50);
/// Limit of the delay, however many attempts have failed.
const MAX_DELAY: Duration = Duration::from_secs(2);
/// Lifetime after which a connection counts as a good one: the next delay is short again.
const STABLE_AFTER: Duration = Duration::from_secs(5);

/// Exponential delays with jitter between attempts to connect. They start again after a stable
/// connection.
#[derive(Debug)]
pub(crate) struct Backoff {
    purpose: &'static str,
    delays: ExponentialBackoff,
    last_attempt: Instant,
}

impl Backoff {
    /// Delays for the connection of this purpose, which the log names.
    pub(crate) fn new(purpose: &'static str) -> Self {
        Self { purpose, delays: delays(), last_attempt: Instant::now() }
    }

    /// Waits before the next attempt, after one that ended with this failure.
    pub(crate) async fn wait_after(&mut self, failure: &Failure) {
        if self.last_attempt.elapsed() > STABLE_AFTER + MAX_DELAY {
            self.delays = delays();
        }
        // At debug level: calls fail with the same cause, and the caller reports it.
        let purpose = self.purpose;
        tracing::debug!(purpose, %failure, "RabbitMQ connection failed; reconnecting");
        sleep(self.delays.next().unwrap_or(MAX_DELAY)).await;
        self.last_attempt = Instant::now();
    }
}

fn delays() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(MIN_DELAY)
        .with_max_delay(MAX_DELAY)
        .with_jitter()
        .without_max_times()
        .build()
}
