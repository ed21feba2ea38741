//! How many calls there may be at a time, and how often.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The places of a worker's attempts: so many calls in flight, one batch that is put on record meanwhile to go next, and as
/// many calls again whose outcomes are being recorded. The store takes nothing from the provider's time, and one that is
/// down stops new calls.
#[derive(Debug)]
pub(super) struct Places {
    calls: Arc<Semaphore>,
    begun: Arc<Semaphore>,
    attempts: Arc<Semaphore>,
    pace: Option<Arc<Mutex<Interval>>>,
}

/// The right to make one attempt.
#[derive(Debug)]
pub(super) struct Place {
    /// Held until the call has ended.
    begun: OwnedSemaphorePermit,
    calls: Arc<Semaphore>,
    pace: Option<Arc<Mutex<Interval>>>,
    /// Held until the outcome is recorded.
    attempt: OwnedSemaphorePermit,
}

/// The right to make a call, until it has ended.
#[derive(Debug)]
pub(super) struct InFlight {
    _call: OwnedSemaphorePermit,
    _begun: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(calls: NonZeroUsize, calls_per_second: Option<NonZeroU32>) -> Self {
        let calls = calls.get().min(Semaphore::MAX_PERMITS / 2);
        let of = |permits| Arc::new(Semaphore::new(permits));
        let pace = calls_per_second.map(|calls| Arc::new(Mutex::new(ticks(calls))));
        Self { calls: of(calls), begun: of(calls + 1), attempts: of(calls * 2), pace }
    }

    /// Waits for a place.
    pub(super) async fn take(&self) -> Option<Place> {
        let attempt = Arc::clone(&self.attempts).acquire_owned().await.ok()?;
        let begun = Arc::clone(&self.begun).acquire_owned().await.ok()?;
        Some(Place { begun, calls: Arc::clone(&self.calls), pace: self.pace.clone(), attempt })
    }
}

impl Place {
    /// Waits until a call may start, at the provider's pace, but not once the worker stops; and what is held until the
    /// outcome is recorded.
    pub(super) async fn fly(self, stop: &CancellationToken) -> (Option<InFlight>, OwnedSemaphorePermit) {
        let mut call = match Arc::clone(&self.calls).try_acquire_owned() {
            Ok(call) => Some(call),
            Err(_) => stop.run_until_cancelled(self.calls.acquire_owned()).await.and_then(Result::ok),
        };
        // Last of all: whatever was waited for before, calls keep their distance.
        if let Some(pace) = self.pace
            && stop.run_until_cancelled(async { pace.lock().await.tick().await }).await.is_none()
        {
            call = None;
        }
        (call.map(|call| InFlight { _call: call, _begun: self.begun }), self.attempt)
    }
}

/// Ticks for calls at this rate, evenly, with no burst after a pause.
fn ticks(calls_per_second: NonZeroU32) -> Interval {
    // An interval of nothing is no interval.
    let mut ticks = interval((Duration::from_secs(1) / calls_per_second.get()).max(Duration::from_nanos(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
