//! Counters of connections and bytes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Default)]
pub(super) struct Counters {
    accepted: AtomicU64,
    ended: AtomicU64,
    to_server: AtomicU64,
    to_client: AtomicU64,
}

/// Direction of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    ToServer,
    ToClient,
}

impl Counters {
    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(super) fn end(&self) {
        self.ended.fetch_add(1, Relaxed);
    }

    pub(super) fn pass(&self, direction: Direction, bytes: u64) {
        let counter = match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        };
        counter.fetch_add(bytes, Relaxed);
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    pub(super) fn open(&self) -> u64 {
        // Loaded before `accepted`: a connection is accepted before it ends, so that the difference
        // is never negative.
        let ended = self.ended.load(Relaxed);
        self.accepted() - ended
    }

    pub(super) fn to_server(&self) -> u64 {
        self.to_server.load(Relaxed)
    }

    pub(super) fn to_client(&self) -> u64 {
        self.to_client.load(Relaxed)
    }
}
