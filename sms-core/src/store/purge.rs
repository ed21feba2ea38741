//! Requests of the purges: [`Store::purge`](crate::Store::purge) and
//! [`Store::purge_route`](crate::Store::purge_route).

use std::time::Duration;

use crate::message::Route;

/// Request of [`Store::purge`](crate::Store::purge).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurgeRequest {
    /// Time since the last change that a message has at least.
    pub older_than: Duration,
    /// Largest number of messages.
    pub limit: usize,
}

impl PurgeRequest {
    /// Removes up to `limit` messages that last changed longer ago than `older_than`.
    pub const fn new(older_than: Duration, limit: usize) -> Self {
        Self { older_than, limit }
    }
}

/// Request of [`Store::purge_route`](crate::Store::purge_route). A message must match both limits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoutePurgeRequest {
    /// The route, other than the default one.
    pub route: Route,
    /// Time since the last change that a message has at least.
    pub older_than: Duration,
    /// Number of the newest messages of the route that stay, however old they are. None by default.
    pub keep_newest: usize,
    /// Largest number of messages.
    pub limit: usize,
}

impl RoutePurgeRequest {
    /// Removes up to `limit` messages of a route that last changed longer ago than `older_than`.
    pub const fn new(route: Route, older_than: Duration, limit: usize) -> Self {
        Self { route, older_than, keep_newest: 0, limit }
    }

    /// Sets [`keep_newest`](Self::keep_newest).
    pub const fn keep_newest(mut self, messages: usize) -> Self {
        self.keep_newest = messages;
        self
    }
}
