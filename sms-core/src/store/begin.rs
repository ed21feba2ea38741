//! Request and result of [`Store::begin`](crate::Store::begin).

use std::time::Duration;

use super::decision::AttemptState;
use crate::message::{MessageId, Route};
use crate::provider::submission::Submission;

/// Time within which a message must be due for [`Store::begin`](crate::Store::begin): the clocks
/// of two nodes differ by milliseconds, and a worker gets a job in less. A message that is left out
/// waits until the caretaker offers it again.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_millis(250);

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
    /// Name of the provider that sends them, which is recorded with the attempt.
    pub provider: &'a str,
    /// Length of the lease.
    pub lease: Duration,
    /// Route that the provider serves. Messages of other routes are left out and stay as they
    /// are. [`Route::DEFAULT`] by default.
    pub route: &'a Route,
}

impl<'a> BeginRequest<'a> {
    /// Begins an attempt of each message that takes the default route.
    pub const fn new(
        ids: &'a [MessageId],
        worker: &'a str,
        batch: u64,
        provider: &'a str,
        lease: Duration,
    ) -> Self {
        static DEFAULT: Route = Route::DEFAULT;
        Self { ids, worker, batch, provider, lease, route: &DEFAULT }
    }

    /// Sets [`route`](Self::route).
    pub const fn route(mut self, route: &'a Route) -> Self {
        self.route = route;
        self
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
    /// Owner of the message, for the log. `None` by default.
    pub owner: Option<String>,
    /// The recipient is on the [stop-list](crate::StopList): the message must not be sent. False by
    /// default.
    pub on_stop_list: bool,
}

impl Begun {
    /// An attempt with this fence.
    pub const fn new(submission: Submission, fence: u32, attempt: AttemptState) -> Self {
        Self { submission, fence, attempt, owner: None, on_stop_list: false }
    }

    /// Sets [`owner`](Self::owner).
    pub fn owner(mut self, owner: impl Into<Option<String>>) -> Self {
        self.owner = owner.into();
        self
    }

    /// Sets [`on_stop_list`](Self::on_stop_list).
    pub const fn on_stop_list(mut self, on_stop_list: bool) -> Self {
        self.on_stop_list = on_stop_list;
        self
    }
}
