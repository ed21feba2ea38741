//! How many calls there may be at a time, and how often.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The places of a worker's attempts: so many calls in flight, one batch that is put on record
/// meanwhile to go next, and as many calls again whose outcomes are being recorded. The store takes
/// nothing from the provider's time, and one that is down stops new calls.
#[derive(Debug)]
pub(super) struct CallSlots {
    calls: Arc<Semaphore>,
    begun: Arc<Semaphore>,
    attempts: Arc<Semaphore>,
    pace: Option<Arc<Pace>>,
    urgent: bool,
}

/// The right to make one attempt.
#[derive(Debug)]
pub(super) struct CallSlot {
    /// Held until the call has ended.
    begun: OwnedSemaphorePermit,
    calls: Arc<Semaphore>,
    pace: Option<Arc<Pace>>,
    urgent: bool,
    /// Held until the outcome is recorded.
    attempt: OwnedSemaphorePermit,
}

/// The right to make a call, until it has ended.
#[derive(Debug)]
pub(super) struct InFlight {
    _call: OwnedSemaphorePermit,
    _begun: OwnedSemaphorePermit,
}

/// The pace of all calls, urgent or not.
#[derive(Debug)]
pub(super) struct Pace {
    ticks: Mutex<Interval>,
    /// Held by the one call that is not urgent and waits for its tick: an urgent call waits behind
    /// one such, not behind all.
    turn: Mutex<()>,
}

impl Pace {
    /// Calls at this rate, evenly, with no burst after a pause.
    pub(super) fn new(calls_per_second: NonZeroU32) -> Self {
        // `interval` panics on a period of zero.
        let period = (Duration::from_secs(1) / calls_per_second.get()).max(Duration::from_nanos(1));
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks: Mutex::new(ticks), turn: Mutex::default() }
    }

    async fn tick(&self, urgent: bool) {
        let _turn = if urgent { None } else { Some(self.turn.lock().await) };
        self.ticks.lock().await.tick().await;
    }
}

impl CallSlots {
    pub(super) fn new(calls: NonZeroUsize, pace: Option<Arc<Pace>>) -> Self {
        let calls = calls.get().min(Semaphore::MAX_PERMITS / 2);
        let of = |permits| Arc::new(Semaphore::new(permits));
        Self {
            calls: of(calls),
            begun: of(calls + 1),
            attempts: of(calls * 2),
            pace,
            urgent: false,
        }
    }

    /// Slots for urgent calls, which keep the same pace and go first.
    pub(super) fn urgent(calls: NonZeroUsize, pace: Option<Arc<Pace>>) -> Self {
        Self { urgent: true, ..Self::new(calls, pace) }
    }

    /// Waits for a place.
    pub(super) async fn take(&self) -> Option<CallSlot> {
        let attempt = Arc::clone(&self.attempts).acquire_owned().await.ok()?;
        let begun = Arc::clone(&self.begun).acquire_owned().await.ok()?;
        Some(CallSlot {
            begun,
            calls: Arc::clone(&self.calls),
            pace: self.pace.clone(),
            urgent: self.urgent,
            attempt,
        })
    }
}

impl CallSlot {
    /// Waits until a call may start, at the provider's pace, but not once the worker stops; and
    /// what is held until the outcome is recorded.
    pub(super) async fn start_call(
        self,
        stop: &CancellationToken,
    ) -> (Option<InFlight>, OwnedSemaphorePermit) {
        let mut call = match Arc::clone(&self.calls).try_acquire_owned() {
            Ok(call) => Some(call),
            Err(_) => {
                stop.run_until_cancelled(self.calls.acquire_owned()).await.and_then(Result::ok)
            }
        };
        // Last of all: whatever was waited for before, calls keep their distance.
        if let Some(pace) = self.pace
            && stop.run_until_cancelled(pace.tick(self.urgent)).await.is_none()
        {
            call = None;
        }
        (call.map(|call| InFlight { _call: call, _begun: self.begun }), self.attempt)
    }
}
