//! Request and result of [`Store::begin`](crate::Store::begin).

use std::time::Duration;

use super::decision::AttemptState;
use crate::message::{MessageId, Route};
use crate::provider::submission::Submission;

/// A route that a worker serves, and the provider that sends its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServedRoute<'a> {
    /// The route.
    pub route: &'a Route,
    /// Name of the provider, which is recorded with the attempt.
    pub provider: &'a str,
}

impl<'a> ServedRoute<'a> {
    /// A route served by this provider.
    pub const fn new(route: &'a Route, provider: &'a str) -> Self {
        Self { route, provider }
    }

    /// The [default route](Route::DEFAULT) served by this provider: all that a worker with one
    /// provider serves.
    pub const fn default_route(provider: &'a str) -> Self {
        static DEFAULT: Route = Route::DEFAULT;
        Self { route: &DEFAULT, provider }
    }
}

/// Request of [`Store::begin`](crate::Store::begin).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BeginRequest<'a> {
    /// The messages. An id that occurs twice is begun once.
    pub ids: &'a [MessageId],
    /// Name of the worker, unique among those that run.
    pub worker: &'a str,
    /// The worker's own number of this batch, unique within its name.
    pub batch: u64,
    /// Routes that the worker serves, each once. Messages of other routes are left out and stay as
    /// they are.
    pub routes: &'a [ServedRoute<'a>],
    /// Length of the lease.
    pub lease: Duration,
}

impl<'a> BeginRequest<'a> {
    /// Begins an attempt of each message that takes one of these routes.
    pub const fn new(
        ids: &'a [MessageId],
        worker: &'a str,
        batch: u64,
        routes: &'a [ServedRoute<'a>],
        lease: Duration,
    ) -> Self {
        Self { ids, worker, batch, routes, lease }
    }

    /// Name of the provider that serves this route; `None` if the worker does not serve it.
    pub fn provider_of(&self, route: &Route) -> Option<&'a str> {
        self.routes.iter().find(|served| served.route == route).map(|served| served.provider)
    }
}

/// A message that a worker may now send: attempt number `fence` is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Begun {
    /// The submission for the provider.
    pub submission: Submission,
    /// Number of this attempt, which identifies its owner.
    pub fence: u32,
    /// Input of [`decide`](super::decision::decide).
    pub attempt: AttemptState,
    /// Route of the message. The default route by default.
    pub route: Route,
}

impl Begun {
    /// An attempt with this fence.
    pub const fn new(submission: Submission, fence: u32, attempt: AttemptState) -> Self {
        Self { submission, fence, attempt, route: Route::DEFAULT }
    }

    /// Sets [`route`](Self::route).
    pub fn route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }
}
