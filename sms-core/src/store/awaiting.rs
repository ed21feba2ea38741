//! Request of [`Store::awaiting_receipt`](crate::Store::awaiting_receipt).

use crate::message::Route;
use crate::provider::status_queries::Polling;

/// Request of [`Store::awaiting_receipt`](crate::Store::awaiting_receipt).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AwaitingRequest {
    /// Schedule of status queries.
    pub polling: Polling,
    /// Largest number of messages.
    pub limit: usize,
    /// Route of the messages. [`Route::DEFAULT`] by default.
    pub route: Route,
    /// Purpose of the queries. [`QueryPurpose::Receipt`] by default.
    pub purpose: QueryPurpose,
}

/// Purpose of the status queries of an [`AwaitingRequest`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryPurpose {
    /// The state of messages that are sent.
    #[default]
    Receipt,
    /// The cost of messages that are delivered or undelivered.
    Cost,
}

impl AwaitingRequest {
    /// Claims up to `limit` messages of the default route by this schedule.
    pub const fn new(polling: Polling, limit: usize) -> Self {
        Self { polling, limit, route: Route::DEFAULT, purpose: QueryPurpose::Receipt }
    }

    /// Sets [`purpose`](Self::purpose).
    pub const fn purpose(mut self, purpose: QueryPurpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// Sets [`route`](Self::route).
    pub fn route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }
}
