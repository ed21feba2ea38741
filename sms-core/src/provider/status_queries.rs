//! The ability to ask for receipts: status queries.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::receipt::Receipt;
use crate::error::Result;

/// Status queries: receipts that are asked for.
#[async_trait]
pub trait Receipts: Debug + Send + Sync {
    /// Schedule of the queries, and their size.
    fn polling(&self) -> Polling;

    /// Asks about messages the provider accepted; about each part that has no end yet, where it
    /// gave one id for each part. Those it knows nothing about are left out of the answer.
    ///
    /// # Errors
    ///
    /// Any kind; the ids are asked about again later.
    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>>;
}

/// A message, or one part of it, as its provider knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderRef {
    /// The provider's name.
    pub provider: String,
    /// Its own id of the message or of the part.
    pub provider_id: String,
}

impl ProviderRef {
    /// The message or part that this provider knows by this id.
    pub fn new(provider: impl Into<String>, provider_id: impl Into<String>) -> Self {
        Self { provider: provider.into(), provider_id: provider_id.into() }
    }
}

/// The schedule of status queries for one message: after `first`, again after `first`, then after
/// intervals that double up to `max`, until `give_up` has passed since it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Polling {
    /// From acceptance to the first query.
    pub first: Duration,
    /// The longest interval between two queries.
    pub max: Duration,
    /// After this the message stays `sent` and its timeline says so.
    pub give_up: Duration,
    /// Ids per query, at least 1.
    pub batch: usize,
}

impl Polling {
    /// Queries of up to `batch` ids, the first one `first` after acceptance, then at intervals up
    /// to `max`, until `give_up`.
    pub const fn new(first: Duration, max: Duration, give_up: Duration, batch: usize) -> Self {
        Self { first, max, give_up, batch }
    }
}
