//! Delivery receipts: reports of a provider about messages that it accepted.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::numbered::numbered;
use crate::provider::money::Money;

/// A provider's report about one message that it accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The provider's [name](crate::Provider::name).
    pub provider: String,
    /// The provider's id of the message, or of one part of it.
    pub provider_id: String,
    /// Reported state of the message, or of the part.
    pub state: ReceiptState,
    /// The provider's code, e.g. 103 at sms.ru.
    pub code: Option<i32>,
    /// The provider's text.
    pub text: Option<String>,
    /// Time of the event, by the provider's clock.
    pub at: Option<OffsetDateTime>,
    /// Cost of the whole message, if the provider reports it here.
    pub cost: Option<Money>,
    /// True if the provider does not report the cost here, but in the answer to a status query. A
    /// message that ends with this receipt is then [asked about](super::Polling::costs) once more.
    pub cost_later: bool,
}

impl Receipt {
    /// A receipt of this state, without code, text, time and cost.
    pub fn new(
        provider: impl Into<String>,
        provider_id: impl Into<String>,
        state: ReceiptState,
    ) -> Self {
        Self {
            provider: provider.into(),
            provider_id: provider_id.into(),
            state,
            code: None,
            text: None,
            at: None,
            cost: None,
            cost_later: false,
        }
    }

    /// Sets [`provider`](Self::provider).
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = provider.into();
        self
    }

    /// Sets [`at`](Self::at).
    pub fn at(mut self, at: impl Into<Option<OffsetDateTime>>) -> Self {
        self.at = at.into();
        self
    }

    /// Sets [`cost`](Self::cost).
    pub fn cost(mut self, cost: impl Into<Option<Money>>) -> Self {
        self.cost = cost.into();
        self
    }

    /// Sets [`cost_later`](Self::cost_later).
    pub const fn cost_later(mut self, cost_later: bool) -> Self {
        self.cost_later = cost_later;
        self
    }

    /// Sets [`code`](Self::code) and [`text`](Self::text).
    pub fn code(mut self, code: i32, text: impl Into<String>) -> Self {
        self.code = Some(code);
        self.text = Some(text.into());
        self
    }
}

/// State of a message in a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReceiptState {
    /// Accepted by the provider and not delivered yet. Not final.
    InTransit = 0,
    /// Delivered to the phone. Final.
    Delivered = 1,
    /// Not delivered to the phone. Final.
    Undelivered = 2,
}

numbered!(
    ReceiptState:
    InTransit = "in_transit",
    Delivered = "delivered",
    Undelivered = "undelivered",
);
