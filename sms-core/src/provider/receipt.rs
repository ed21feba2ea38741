//! Delivery receipts: what a provider says later about a message it accepted.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// One statement of a provider about one accepted message, from a callback or a status query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's [name](crate::Provider::name).
    pub provider: String,
    /// The provider's own id of the message.
    pub provider_id: String,
    /// What it says.
    pub state: ReceiptState,
    /// The provider's code, e.g. 103 at sms.ru.
    pub code: Option<i32>,
    /// The provider's words.
    pub text: Option<String>,
    /// When it happened, by the provider's clock.
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

    /// Adds the provider's code and words.
    pub fn with_code(mut self, code: i32, text: impl Into<String>) -> Self {
        self.code = Some(code);
        self.text = Some(text.into());
        self
    }
}

/// What a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// Accepted and on its way; not the end.
    InTransit,
    /// Reached the phone.
    Delivered,
    /// Will not reach the phone.
    Undelivered,
}
