//! The ability to ask about the account.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::Serialize;

use super::money::Money;
use crate::error::Result;

/// Questions about the account that send nothing.
#[async_trait]
pub trait Account: Debug + Send + Sync {
    /// Checks if the account can send now. Used as a probe while the provider is paused: where the
    /// provider knows why it refused last, it looks whether that reason is gone.
    ///
    /// # Errors
    ///
    /// The reason why not, in words without secrets.
    async fn check(&self) -> Result<()>;

    /// True if [`check`](Self::check) looks at the reason behind this code of an account-level
    /// refusal, so that a check that passes shows that the reason is gone. Otherwise only a message
    /// can show it.
    fn covers(&self, _code: i32) -> bool {
        false
    }

    /// Reads what the account has left.
    ///
    /// # Errors
    ///
    /// Any kind.
    async fn info(&self) -> Result<AccountInfo>;
}

/// Money and limits that an account has left. Absent is what the provider does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AccountInfo {
    /// The money on it.
    pub balance: Option<Money>,
    /// Number of messages that it may send a day.
    pub daily_limit: Option<u64>,
    /// Number of messages that it has sent today.
    pub used_today: Option<u64>,
    /// The sender names it may use.
    pub senders: Vec<String>,
}
