//! Delivery receipts: what a provider says later about a message it accepted.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// One statement of a provider about one accepted message, from a callback or a status query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The provider's [name](crate::Provider::name).
    pub provider: String,
    /// The provider's own id of the message, or of one part of it.
    pub provider_id: String,
    /// State of the message, or of the part, that it reports.
    pub state: ReceiptState,
    /// The provider's code, e.g. 103 at sms.ru.
    pub code: Option<i32>,
    /// The provider's words.
    pub text: Option<String>,
    /// Time of the event, by the provider's clock.
    pub at: Option<OffsetDateTime>,
}

impl Receipt {
    /// A receipt with nothing but the state.
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
    /// Accepted and on its way; not the end.
    InTransit = 0,
    /// Reached the phone.
    Delivered = 1,
    /// Will not reach the phone.
    Undelivered = 2,
}

impl ReceiptState {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::InTransit, Self::Delivered, Self::Undelivered];

    /// The name used in JSON and in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InTransit => "in_transit",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The number stores keep. Never renumbered.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The state of this number.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back_to_their_state() {
        for state in ReceiptState::ALL {
            assert_eq!(ReceiptState::from_number(i64::from(state.number())), Some(state));
            assert_eq!(ReceiptState::from_name(state.as_str()), Some(state));
        }
    }
}
