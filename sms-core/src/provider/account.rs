//! Queries about the account.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::Serialize;

use super::money::Money;
use crate::error::Result;

/// Queries about the account. They send no message.
#[async_trait]
pub trait Account: Debug + Send + Sync {
    /// Checks that the account can send now. It is the probe while the provider is paused: a
    /// provider that knows the reason of its last refusal checks that this reason is gone.
    ///
    /// # Errors
    ///
    /// The reason why the account cannot send, without secrets.
    async fn check(&self) -> Result<()>;

    /// True if [`check`](Self::check) tests the reason of an account-level refusal with this code:
    /// if the check passes, the reason is gone. Otherwise only a message can show that.
    fn covers(&self, _code: i32) -> bool {
        false
    }

    /// Reads the balance and the limits.
    ///
    /// # Errors
    ///
    /// Any kind.
    async fn info(&self) -> Result<AccountInfo>;
}

/// Balance and limits of an account. `None` for a value that the provider does not report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AccountInfo {
    /// Balance.
    pub balance: Option<Money>,
    /// Number of messages that it may send per day.
    pub daily_limit: Option<u64>,
    /// Number of messages that it has sent today.
    pub used_today: Option<u64>,
    /// The sender names it may use.
    pub senders: Vec<String>,
}
