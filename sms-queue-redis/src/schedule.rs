//! Occasional work that calls do along the way.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Schedule of work that is done at most once in a period.
pub(crate) struct Schedule {
    pub(crate) period: Duration,
    next: Mutex<Option<Instant>>,
}

impl Schedule {
    /// A schedule that is due at once.
    pub(crate) fn new(period: Duration) -> Self {
        Self { period, next: Mutex::default() }
    }

    /// True if the work is due; the caller must then do it. Sets the next time.
    pub(crate) fn take_due(&self) -> bool {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = next.is_none_or(|next| next <= now);
        if is_due {
            *next = Some(now + self.period);
        }
        is_due
    }
}
