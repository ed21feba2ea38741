//! Slots for calls: the limit of calls at a time.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::pace::Pace;

/// The slots of a worker's attempts: so many calls in flight, one batch that is begun meanwhile to
/// go next, and as many ended calls again with outcomes that are being recorded. The store takes
/// nothing from the provider's time, and one that is down stops new calls.
#[derive(Debug)]
pub(super) struct CallSlots {
    calls: Arc<Semaphore>,
    begun: Arc<Semaphore>,
    attempts: Arc<Semaphore>,
    /// Attempts that are put on record or wait for their turn in the pace.
    paced: Arc<Semaphore>,
    pace: Arc<Pace>,
    urgent: bool,
}

/// The right to make one attempt.
#[derive(Debug)]
pub(super) struct CallSlot {
    /// Held until the call has ended.
    begun: OwnedSemaphorePermit,
    calls: Arc<Semaphore>,
    /// Held until the call starts.
    paced: OwnedSemaphorePermit,
    pace: Arc<Pace>,
    urgent: bool,
    /// Held until the outcome is recorded.
    attempt: OwnedSemaphorePermit,
}

/// The right to make a call, until it has ended.
#[derive(Debug)]
pub(super) struct InFlight {
    _call: OwnedSemaphorePermit,
    _begun: OwnedSemaphorePermit,
    _window: Option<OwnedSemaphorePermit>,
}

impl CallSlots {
    pub(super) fn new(calls: NonZeroUsize, pace: Arc<Pace>) -> Self {
        let calls = calls.get().min(Semaphore::MAX_PERMITS / 2);
        let of = |permits| Arc::new(Semaphore::new(permits));
        Self {
            calls: of(calls),
            begun: of(calls + 1),
            attempts: of(calls * 2),
            paced: of(pace.queue().min(calls) + 1),
            pace,
            urgent: false,
        }
    }

    /// Slots for urgent calls, which keep the same pace and go first.
    pub(super) fn urgent(calls: NonZeroUsize, pace: Arc<Pace>) -> Self {
        Self { urgent: true, ..Self::new(calls, pace) }
    }

    /// Waits for a slot.
    pub(super) async fn take(&self) -> Option<CallSlot> {
        let attempt = Arc::clone(&self.attempts).acquire_owned().await.ok()?;
        let begun = Arc::clone(&self.begun).acquire_owned().await.ok()?;
        let paced = Arc::clone(&self.paced).acquire_owned().await.ok()?;
        Some(CallSlot {
            begun,
            calls: Arc::clone(&self.calls),
            paced,
            pace: Arc::clone(&self.pace),
            urgent: self.urgent,
            attempt,
        })
    }
}

impl CallSlot {
    /// Waits until a call of this many messages may start, within the limits of the provider, but
    /// not once the worker stops. The second permit is to be held until the outcome is recorded.
    pub(super) async fn start_call(
        self,
        messages: usize,
        stop: &CancellationToken,
    ) -> (Option<InFlight>, OwnedSemaphorePermit) {
        let call = match Arc::clone(&self.calls).try_acquire_owned() {
            Ok(call) => Some(call),
            Err(_) => {
                stop.run_until_cancelled(self.calls.acquire_owned()).await.and_then(Result::ok)
            }
        };
        let Some(call) = call else { return (None, self.attempt) };
        // Last: whatever was waited for before, calls keep their distance. One that need not wait
        // starts even while the worker stops, since its attempt is on record.
        let turn = tokio::select! {
            biased;
            window = self.pace.turn(messages, self.urgent) => Some(window),
            () = stop.cancelled() => None,
        };
        drop(self.paced);
        let in_flight =
            turn.map(|window| InFlight { _call: call, _begun: self.begun, _window: window });
        (in_flight, self.attempt)
    }
}
