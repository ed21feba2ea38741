//! The events of the future.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An event at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A message, given by its index in the log, enters its next state.
    Step { message: usize, step: usize },
    /// The ttl of a message is over.
    TtlExpires { message: usize },
    /// The time for the call of a check is over.
    CallCheckExpires { number: u64 },
}

/// The events, by time. Events with the same time happen in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    events: BinaryHeap<Reverse<(i64, u64, Event)>>,
    added: u64,
}

impl Schedule {
    pub(crate) fn add(&mut self, at_ms: i64, event: Event) {
        self.added += 1;
        self.events.push(Reverse((at_ms, self.added, event)));
    }

    /// Removes the first event up to this time.
    pub(crate) fn next_due(&mut self, now_ms: i64) -> Option<(i64, Event)> {
        let Reverse((at_ms, ..)) = self.events.peek()?;
        if *at_ms > now_ms {
            return None;
        }
        self.events.pop().map(|Reverse((at_ms, _, event))| (at_ms, event))
    }
}
