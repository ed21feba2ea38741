//! A pause of a provider, and the admission of messages between pauses.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A pause of a provider and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pause {
    /// The provider's code; `None` if it gave none.
    pub code: Option<i32>,
    /// The reason in words.
    pub reason: String,
    /// The operator who paused it; `None` if the breaker did, because of the provider.
    pub by: Option<String>,
    /// Time of the next probe; `None` if the pause waits for a message or an operator.
    pub until: Option<Instant>,
    /// The event that ends it.
    pub ends_by: EndsBy,
    /// The provider that gave the code, where a combinator such as [`Failover`](crate::Failover)
    /// asked several.
    pub provider: Option<String>,
    /// Time at which it began, or at which the reason was last confirmed.
    pub at: Instant,
}

/// Event that ends a [`Pause`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndsBy {
    /// A check of the account, which sends nothing.
    AccountCheck,
    /// The next message, when the provider accepts it.
    #[default]
    NextMessage,
    /// An operator who resumes the provider.
    Person,
    /// A connection to the provider that can be opened.
    Connection,
}

/// Number of messages that the breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Whole batches.
    All,
    /// One message, as a trial; the breaker waits for its outcome.
    One,
}
