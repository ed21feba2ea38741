//! Limits of a provider.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// Limits of a provider: the size and duration of a call, the rate, and the messages in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Messages per `submit`, at least 1. The worker submits fewer at a time where
    /// [`largest_batch`](Self::largest_batch) is smaller.
    pub batch: usize,
    /// The maximum duration of a `submit`, from its start to its outcomes.
    pub timeout: Duration,
    /// Calls of `submit` per second, evenly spaced, up to 1,000; `None` for no limit.
    pub calls_per_second: Option<NonZeroU32>,
    /// Messages per second; `None` for no limit. The pause after a call is proportional to its
    /// number of messages.
    pub messages_per_second: Option<NonZeroU32>,
    /// Messages that may be in calls of `submit` at the same time, over all calls of a worker;
    /// `None` for no limit.
    pub window: Option<NonZeroUsize>,
}

impl Limits {
    /// Limits of this many messages per call and this time per call, with no other limit.
    pub const fn new(batch: usize, timeout: Duration) -> Self {
        Self { batch, timeout, calls_per_second: None, messages_per_second: None, window: None }
    }

    /// Limits the calls per second.
    pub const fn calls_per_second(mut self, calls: NonZeroU32) -> Self {
        self.calls_per_second = Some(calls);
        self
    }

    /// Limits the messages per second.
    pub const fn messages_per_second(mut self, messages: NonZeroU32) -> Self {
        self.messages_per_second = Some(messages);
        self
    }

    /// Limits the messages in flight.
    pub const fn window(mut self, messages: NonZeroUsize) -> Self {
        self.window = Some(messages);
        self
    }

    /// Largest number of messages in one call under all limits: at most the window, and at most the
    /// messages of one second. At least 1.
    pub fn largest_batch(&self) -> usize {
        let rate = self
            .messages_per_second
            .map_or(usize::MAX, |rate| usize::try_from(rate.get()).unwrap_or(usize::MAX));
        let window = self.window.map_or(usize::MAX, NonZeroUsize::get);
        self.batch.min(rate).min(window).max(1)
    }
}
