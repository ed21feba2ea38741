//! Rates over a span of time.

use std::time::Duration;

use tokio::time::Instant;

/// A measurement of limited duration.
pub(super) struct Meter {
    start: Instant,
    end: Instant,
}

impl Meter {
    pub(super) fn start(span: Duration) -> Self {
        let start = Instant::now();
        Self { start, end: start + span }
    }

    /// True until the span is over.
    pub(super) fn runs(&self) -> bool {
        Instant::now() < self.end
    }

    /// Rate per second of this many operations since the start.
    pub(super) fn rate(&self, count: u64) -> f64 {
        count as f64 / self.start.elapsed().as_secs_f64()
    }
}
