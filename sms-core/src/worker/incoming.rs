//! Receipts that arrive on a connection by themselves.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::attempt::{DRAIN_MARGIN, FIRST_WAIT, LAST_TRY, STORE_TIMEOUT};
use super::served_route::ServedRoute;
use crate::error::Error;
use crate::provider::IncomingReceipts;
use crate::provider::receipt::Receipt;
use crate::supervise::catch_panic;

/// Receipts in one call of the store.
const BATCH: usize = 1000;
/// Delay after a call that returned nothing, although it should have waited.
const IDLE_WAIT: Duration = Duration::from_secs(1);
/// The longest wait for a receipt that arrived before the provider was closed.
const LAST_RECEIPTS: Duration = Duration::from_millis(100);
/// The maximum duration of a confirmation.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

impl ServedRoute {
    /// Writes receipts that arrive, until the provider is closed and those that arrived before are
    /// written too.
    pub(super) async fn receive(&self, closed: &CancellationToken) {
        let Some(incoming) = self.provider.incoming() else { return };
        let end = async {
            closed.cancelled().await;
            sleep(DRAIN_MARGIN).await;
            self.abandon.cancel();
            // For the last tries, and for a provider that goes on although it is closed.
            sleep(LAST_TRY * 2).await;
        };
        tokio::select! {
            biased;
            () = self.receive_all(incoming, closed) => {}
            () = end => {}
        }
    }

    async fn receive_all(&self, incoming: &dyn IncomingReceipts, closed: &CancellationToken) {
        loop {
            let next = || catch_panic(async { Ok(incoming.next().await) });
            let (received, is_last) = match closed.run_until_cancelled(next()).await {
                Some(received) => (received, false),
                None => (timeout(LAST_RECEIPTS, next()).await.unwrap_or(Ok(Vec::new())), true),
            };
            let receipts = received.unwrap_or_else(|error| {
                tracing::error!(reason = error.report(), "receipts could not be received");
                Vec::new()
            });
            if !receipts.is_empty() {
                for batch in receipts.chunks(BATCH) {
                    self.take_receipts(incoming, batch).await;
                }
            } else if is_last {
                return;
            } else {
                // Closed by somebody else, or a defect: this must not keep a core busy.
                closed.run_until_cancelled(sleep(IDLE_WAIT)).await;
            }
        }
    }

    /// Writes receipts, again and again until it is done, since the provider may not repeat them;
    /// then confirms them.
    async fn take_receipts(&self, incoming: &dyn IncomingReceipts, receipts: &[Receipt]) {
        let mut wait = FIRST_WAIT;
        let effects = loop {
            let write =
                timeout(STORE_TIMEOUT, catch_panic(self.shared.store.apply_receipts(receipts)));
            let timed_out = |error| Err(Error::unavailable("no answer in time", error));
            let Some(written) = self.unless_abandoned(write).await else {
                return log_lost(receipts);
            };
            let written = written.unwrap_or_else(timed_out);
            self.shared.receiving.note_work(&written);
            if let Ok(effects) = written {
                break effects;
            }
            if self.pause(&mut wait).await.is_none() {
                return log_lost(receipts);
            }
        };
        self.shared.ends.received(&self.shared.store, receipts, &effects).await;
        let confirm = async {
            incoming.written(receipts).await;
            Ok(())
        };
        if !matches!(timeout(CONFIRM_TIMEOUT, catch_panic(confirm)).await, Ok(Ok(()))) {
            tracing::warn!("receipts were not confirmed; the provider may repeat them");
        }
    }
}

/// The log is the last place for receipts of a provider that does not repeat them.
fn log_lost(receipts: &[Receipt]) {
    for Receipt { provider, provider_id, state, .. } in receipts {
        let state = state.as_str();
        tracing::error!(provider, provider_id, state, "shut down before this receipt was written");
    }
}
