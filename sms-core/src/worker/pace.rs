//! The pace of calls: rates and window of the provider.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use crate::provider::Limits;

/// A call that starts no later than this after its time does not move the times of those after it,
/// so that the inaccuracy of the timer does not lower the rate.
const TOLERANCE: Duration = Duration::from_millis(5);
const SECOND: Duration = Duration::from_secs(1);

/// The pace of all calls of a worker, urgent or not.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    /// The time at which the next call may start.
    next: Mutex<Option<Instant>>,
    /// Held by the one call that is not urgent and waits: an urgent call waits behind one such, not
    /// behind all.
    waiting: Mutex<()>,
    /// The window, in messages.
    window: Option<Arc<Semaphore>>,
}

impl Pace {
    pub(super) fn new(limits: Limits) -> Self {
        let window = limits.window.map(|messages| messages.get().min(Semaphore::MAX_PERMITS));
        let window = window.map(|messages| Arc::new(Semaphore::new(messages)));
        Self { limits, next: Mutex::default(), waiting: Mutex::default(), window }
    }

    /// Full calls that start within a second. More need not wait for their turn at a time, and what
    /// waits for long may outlive its lease.
    pub(super) fn queue(&self) -> usize {
        let period = self.distance(self.limits.largest_batch());
        let calls = SECOND.as_nanos().checked_div(period.as_nanos());
        calls.map_or(usize::MAX, |calls| usize::try_from(calls).unwrap_or(usize::MAX)).max(1)
    }

    /// Waits until a call of this many messages may start, and answers what it holds of the window.
    /// Calls are spread evenly, with no burst after a pause. May be dropped at any time.
    pub(super) async fn turn(&self, messages: usize, urgent: bool) -> Option<OwnedSemaphorePermit> {
        let _waiting = if urgent { None } else { Some(self.waiting.lock().await) };
        let window = self.part_of_window(messages).await;
        let distance = self.distance(messages);
        if distance > Duration::ZERO {
            let mut next = self.next.lock().await;
            let due = next.unwrap_or_else(Instant::now);
            sleep_until(due).await;
            let now = Instant::now();
            *next = Some(if now > due + TOLERANCE { now } else { due } + distance);
        }
        window
    }

    async fn part_of_window(&self, messages: usize) -> Option<OwnedSemaphorePermit> {
        let window = Arc::clone(self.window.as_ref()?);
        // No call is larger than the window, which would never be free for it.
        let size = self.limits.window?.get().min(Semaphore::MAX_PERMITS);
        let messages = u32::try_from(messages.min(size)).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        window.acquire_many_owned(messages).await.ok()
    }

    /// The time between a call of this many messages and the next one; zero without a rate.
    fn distance(&self, messages: usize) -> Duration {
        let calls = self.limits.calls_per_second.map(|calls| SECOND / calls.get());
        let seconds = SECOND.saturating_mul(u32::try_from(messages).unwrap_or(u32::MAX));
        let messages = self.limits.messages_per_second.map(|rate| seconds / rate.get());
        calls.unwrap_or_default().max(messages.unwrap_or_default())
    }
}
