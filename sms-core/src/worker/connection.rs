//! The connection of a provider that holds one: opened before the first call, closed after the
//! last.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::served_route::ServedRoute;
use crate::error::{Error, Result};
use crate::outage::Outage;
use crate::supervise::catch_panic;

/// The maximum duration of one try to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum duration of closing: a shutdown waits for it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Delay after the first failed try; each delay is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl ServedRoute {
    /// Opens the provider, again and again until it succeeds. Meanwhile the provider is shown as
    /// paused. `None` if the shutdown comes first.
    pub(super) async fn open(&self, shutdown: &CancellationToken) -> Option<()> {
        let outage = Outage::new("opening the provider", "nothing is sent until it is open");
        let mut wait = FIRST_WAIT;
        loop {
            let open = in_time(OPEN_TIMEOUT, self.provider.open());
            let opened = shutdown.run_until_cancelled(open).await?;
            outage.note_work(&opened);
            match opened {
                Ok(()) => {
                    self.breaker.opened();
                    return Some(());
                }
                Err(error) => self.breaker.not_opened(&error, wait),
            }
            shutdown.run_until_cancelled(sleep(wait)).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    pub(super) async fn close(&self) {
        if let Err(error) = in_time(CLOSE_TIMEOUT, self.provider.close()).await {
            tracing::warn!(reason = error.report(), "the provider was not closed properly");
        }
    }
}

async fn in_time(limit: Duration, call: impl Future<Output = Result<()>>) -> Result<()> {
    let timed_out = |error| Err(Error::unavailable("the provider did not answer in time", error));
    timeout(limit, catch_panic(call)).await.unwrap_or_else(timed_out)
}
