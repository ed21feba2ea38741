//! The tasks of one route: sending, receipts, reports, and the drain.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attempt::{DRAIN_MARGIN, LAST_TRY};
use super::pull::Puller;
use super::served_route::ServedRoute;
use crate::supervise::survive_panic;

impl ServedRoute {
    /// Sends the messages of this route until the shutdown, then drains and closes the provider.
    pub(super) async fn run(self: &Arc<Self>, calls: NonZeroUsize, shutdown: &CancellationToken) {
        let closed = CancellationToken::new();
        tokio::join!(
            async {
                let tend = || shutdown.run_until_cancelled(self.breaker.tend());
                while survive_panic("end pauses", tend()).await.is_none() {}
            },
            async {
                while survive_panic("orders and reports", self.steer(shutdown)).await.is_none() {}
            },
            // Boxed, because a future holds all the others it waits for.
            Box::pin(async {
                while survive_panic("late answers", self.listen(shutdown)).await.is_none() {}
            }),
            Box::pin(async {
                while survive_panic("incoming receipts", self.receive(&closed)).await.is_none() {}
            }),
            Box::pin(async {
                self.work(calls, shutdown).await;
                self.close().await;
                closed.cancel();
            })
        );
    }

    /// Opens the provider and takes jobs until the shutdown, then lets calls in flight end.
    async fn work(self: &Arc<Self>, calls: NonZeroUsize, shutdown: &CancellationToken) {
        if self.open(shutdown).await.is_none() {
            return;
        }
        let attempts = TaskTracker::new();
        Puller::new(self, calls, &attempts, shutdown).run().await;
        self.stop.cancel();
        attempts.close();
        let call = self.provider.limits().timeout;
        if timeout(call + DRAIN_MARGIN, attempts.wait()).await.is_err() {
            self.abandon.cancel();
            let _ = timeout(call + LAST_TRY * 2, attempts.wait()).await;
        }
    }
}
