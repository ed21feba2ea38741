//! Limits of a provider.

use std::num::NonZeroU32;
use std::time::Duration;

/// How much a provider takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Messages per `submit`, at least 1.
    pub batch: usize,
    /// The longest a `submit` may take, all of it.
    pub timeout: Duration,
    /// Calls of `submit` per second, evenly spaced, up to 1,000; `None` for no limit.
    pub calls_per_second: Option<NonZeroU32>,
}

impl Limits {
    /// This many messages per call, each call bounded by `timeout`, any number of calls.
    pub const fn new(batch: usize, timeout: Duration) -> Self {
        Self { batch, timeout, calls_per_second: None }
    }

    /// Bounds the calls per second.
    pub const fn with_calls_per_second(mut self, calls: NonZeroU32) -> Self {
        self.calls_per_second = Some(calls);
        self
    }
}
