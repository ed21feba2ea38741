//! Providers: the services that send SMS.

pub mod account;
pub mod callbacks;
pub mod explanation;
pub mod failover;
pub mod incoming;
pub mod late;
pub mod limits;
pub mod money;
pub mod outcome;
pub mod prices;
pub mod receipt;
pub mod recording;
pub mod sandbox;
mod sandbox_id;
pub mod status_queries;
pub mod submission;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::account::{Account, AccountInfo};
pub use self::callbacks::{Callback, CallbackRefusal, CallbackReply, CallbackRequest, Callbacks};
pub use self::explanation::Explanation;
pub use self::incoming::IncomingReceipts;
pub use self::late::{LateAnswer, LateAnswers};
pub use self::limits::Limits;
use self::outcome::Outcome;
pub use self::prices::{Price, PriceQuery, Prices};
pub use self::status_queries::{Polling, ProviderRef, Receipts};
pub use self::submission::Submission;
use crate::error::Result;

/// A service that accepts SMS over a network.
///
/// # Contract
///
/// * `submit` returns one [`Outcome`] per submission, in the same order. It has no error: if the
///   request fails, each of its messages gets an outcome that says so.
/// * An outcome other than [`Unknown`](crate::OutcomeClass::Unknown) is certain. `NotSent` means
///   that no byte was written; a timeout while writing or reading is `Unknown`. If in doubt, the
///   outcome is `Unknown`.
/// * `submit` never repeats a request. The worker does that, and records it first.
/// * `submit` ends within [`Limits::timeout`]. The worker treats a longer call, a panic and a
///   missing outcome as `Unknown`.
/// * Cancellation: a dropped `submit` may have sent everything or nothing.
///
/// ```
/// use std::time::Duration;
///
/// use sms_core::{Limits, Outcome, Provider, Submission, async_trait};
///
/// /// Writes messages to standard output.
/// #[derive(Debug)]
/// struct Console;
///
/// #[async_trait]
/// impl Provider for Console {
///     fn name(&self) -> &str {
///         "console"
///     }
///
///     fn limits(&self) -> Limits {
///         // Up to 10 messages a call, which takes a second at the most.
///         Limits::new(10, Duration::from_secs(1))
///     }
///
///     async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
///         let send = |message: &Submission| {
///             println!("to {}: {}", message.to, message.text);
///             Outcome::accepted(message.id.to_string())
///         };
///         batch.iter().map(send).collect()
///     }
/// }
/// ```
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// A short name that never changes: it is stored with every message, and receipts are matched
    /// by it.
    fn name(&self) -> &str;

    /// Limits of its calls.
    fn limits(&self) -> Limits;

    /// Submits up to [`Limits::batch`] messages.
    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome>;

    /// Opens the connection of a provider that holds one. The worker calls it before the first
    /// `submit`, again and again until it succeeds. If the provider is open already, it does
    /// nothing. The provider itself restores a connection that is lost later. Does nothing by
    /// default.
    ///
    /// # Errors
    ///
    /// Any kind. The provider is shown as paused for this reason, and the call is repeated.
    async fn open(&self) -> Result<()> {
        Ok(())
    }

    /// Closes the connection. The worker calls it at the shutdown, after its last `submit` has
    /// ended. If the provider is not open, it does nothing. Does nothing by default.
    ///
    /// # Errors
    ///
    /// Any kind; they are logged.
    async fn close(&self) -> Result<()> {
        Ok(())
    }

    /// Status queries; `None` if the provider has none.
    fn receipts(&self) -> Option<&dyn Receipts> {
        None
    }

    /// Receipts that arrive on a connection; `None` if the provider has none.
    fn incoming(&self) -> Option<&dyn IncomingReceipts> {
        None
    }

    /// Receipts that arrive over HTTP; `None` if the provider has none.
    fn callbacks(&self) -> Option<&dyn Callbacks> {
        None
    }

    /// Queries about the account; `None` if the provider has none.
    fn account(&self) -> Option<&dyn Account> {
        None
    }

    /// Queries about prices; `None` if the provider cannot tell them.
    fn prices(&self) -> Option<&dyn Prices> {
        None
    }

    /// Explains one of its codes in plain words; `None` for a code that it does not know.
    fn explain(&self, _code: i32) -> Option<Explanation> {
        None
    }

    /// The provider of this name among those of a combinator such as
    /// [`Failover`](crate::Failover); `None` if it has no such provider. Outcomes name the
    /// provider that answered.
    fn member(&self, _name: &str) -> Option<&dyn Provider> {
        None
    }

    /// Answers that arrive after `submit` has given up waiting for them; `None` if the provider has
    /// none.
    fn late(&self) -> Option<&dyn LateAnswers> {
        None
    }
}

#[async_trait]
impl<T: Provider + ?Sized> Provider for Arc<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn limits(&self) -> Limits {
        (**self).limits()
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        (**self).submit(batch).await
    }

    async fn open(&self) -> Result<()> {
        (**self).open().await
    }

    async fn close(&self) -> Result<()> {
        (**self).close().await
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        (**self).receipts()
    }

    fn incoming(&self) -> Option<&dyn IncomingReceipts> {
        (**self).incoming()
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        (**self).callbacks()
    }

    fn account(&self) -> Option<&dyn Account> {
        (**self).account()
    }

    fn prices(&self) -> Option<&dyn Prices> {
        (**self).prices()
    }

    fn explain(&self, code: i32) -> Option<Explanation> {
        (**self).explain(code)
    }

    fn member(&self, name: &str) -> Option<&dyn Provider> {
        (**self).member(name)
    }

    fn late(&self) -> Option<&dyn LateAnswers> {
        (**self).late()
    }
}

/// Meaning of a code that the provider of this name gave: `provider` itself, or a
/// [member](Provider::member) of it.
pub fn explain_by(provider: &dyn Provider, name: &str, code: i32) -> Option<Explanation> {
    let answered = if provider.name() == name { provider } else { provider.member(name)? };
    answered.explain(code)
}
