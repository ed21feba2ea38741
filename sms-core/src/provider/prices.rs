//! Prices of messages, before they are sent.

use std::fmt;

use async_trait::async_trait;

use super::money::Money;
use crate::error::Result;
use crate::message::phone::PhoneNumber;

/// Queries about the price of messages. They send no message and cost nothing.
#[async_trait]
pub trait Prices: fmt::Debug + Send + Sync {
    /// Asks for the price of each message. One answer each, in order.
    ///
    /// # Errors
    ///
    /// Any kind, if there is no answer for any of them.
    async fn quote(&self, queries: &[PriceQuery]) -> Result<Vec<Price>>;
}

/// A message with an unknown price.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PriceQuery {
    /// The recipient.
    pub to: PhoneNumber,
    /// The text.
    pub text: String,
    /// The sender name; `None` for the provider's default.
    pub from: Option<String>,
    /// Cyrillic letters are sent as Latin ones. False by default.
    pub translit: bool,
}

impl PriceQuery {
    /// A message with this text from the default sender.
    pub fn new(to: PhoneNumber, text: impl Into<String>) -> Self {
        Self { to, text: text.into(), from: None, translit: false }
    }

    /// Sets [`from`](Self::from).
    pub fn from(mut self, from: impl Into<Option<String>>) -> Self {
        self.from = from.into();
        self
    }

    /// Sets [`translit`](Self::translit).
    pub const fn translit(mut self, translit: bool) -> Self {
        self.translit = translit;
        self
    }
}

/// Shows no number and no text.
impl fmt::Debug for PriceQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceQuery").finish_non_exhaustive()
    }
}

/// The price of a message. `None` for a value that the provider does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Price {
    /// The cost; `None` also if the provider would refuse the message.
    pub cost: Option<Money>,
    /// Number of parts that it charges for.
    pub parts: Option<u64>,
    /// The code with which it would refuse the message.
    pub code: Option<i32>,
}

impl Price {
    /// A price that is not known.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// The price of a message with this many charged parts, if that is known.
    pub fn known(cost: Money, parts: Option<u64>) -> Self {
        Self { cost: Some(cost), parts, code: None }
    }

    /// The price of a message that the provider would refuse with this code.
    pub fn refused(code: i32) -> Self {
        Self { code: Some(code), ..Self::default() }
    }
}
