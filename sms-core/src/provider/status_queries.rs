//! Status queries.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::receipt::Receipt;
use crate::error::Result;

/// Status queries: requests for receipts.
#[async_trait]
pub trait Receipts: Debug + Send + Sync {
    /// Schedule and size of the queries.
    fn polling(&self) -> Polling;

    /// Requests the receipts of messages that the provider accepted, or of their parts that have no
    /// end yet. The answer has none for an id that it does not know.
    ///
    /// # Errors
    ///
    /// Any kind. The query is repeated later.
    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>>;
}

/// A provider's id of a message, or of one part of it, with the name of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderRef {
    /// Name of the provider.
    pub provider: String,
    /// The provider's id of the message or of the part.
    pub provider_id: String,
}

impl ProviderRef {
    /// The message or part with this id at this provider.
    pub fn new(provider: impl Into<String>, provider_id: impl Into<String>) -> Self {
        Self { provider: provider.into(), provider_id: provider_id.into() }
    }
}

/// Schedule of the status queries for one message: after `first`, again after `first`, then at
/// intervals that double up to `max`, until `give_up` has passed since the message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Polling {
    /// Time from acceptance to the first query.
    pub first: Duration,
    /// Longest interval between two queries.
    pub max: Duration,
    /// Time from acceptance to the last query. Then the message stays `sent`, and its timeline
    /// records that.
    pub give_up: Duration,
    /// Largest number of ids in a query, at least 1.
    pub batch: usize,
    /// True if messages with a receipt that leaves the [cost to a query](Receipt::cost_later) are
    /// asked about after their end, many at a time. False by default: no message is.
    pub costs: bool,
}

impl Polling {
    /// Queries of up to `batch` ids, the first one `first` after acceptance, then at intervals up
    /// to `max`, until `give_up`.
    pub const fn new(first: Duration, max: Duration, give_up: Duration, batch: usize) -> Self {
        Self { first, max, give_up, batch, costs: false }
    }

    /// Sets [`costs`](Self::costs).
    pub const fn costs(mut self, costs: bool) -> Self {
        self.costs = costs;
        self
    }
}
