//! How many calls there may be at a time, and how often.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The places of a worker's attempts: so many calls in flight, and as many more whose outcomes are being recorded. A store
/// that is slow takes nothing from the provider's time, and one that is down stops new calls.
#[derive(Debug)]
pub(super) struct Places {
    calls: Arc<Semaphore>,
    attempts: Arc<Semaphore>,
}

/// The right to make one attempt.
#[derive(Debug)]
pub(super) struct Place {
    /// Until the call has ended.
    pub(super) call: OwnedSemaphorePermit,
    /// Until its outcome is recorded.
    pub(super) attempt: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(calls: NonZeroUsize) -> Self {
        let calls = calls.get().min(Semaphore::MAX_PERMITS / 2);
        Self { calls: Arc::new(Semaphore::new(calls)), attempts: Arc::new(Semaphore::new(calls * 2)) }
    }

    /// Waits for a place, and for the provider's pace.
    pub(super) async fn take(&self, pace: Option<&mut Interval>) -> Option<Place> {
        let attempt = Arc::clone(&self.attempts).acquire_owned().await.ok()?;
        let call = Arc::clone(&self.calls).acquire_owned().await.ok()?;
        if let Some(pace) = pace {
            pace.tick().await;
        }
        Some(Place { call, attempt })
    }
}

/// Ticks for calls at this rate, evenly, with no burst after a pause.
pub(super) fn ticks(calls_per_second: NonZeroU32) -> Interval {
    // An interval of nothing is no interval.
    let mut ticks = interval((Duration::from_secs(1) / calls_per_second.get()).max(Duration::from_nanos(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
