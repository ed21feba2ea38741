//! Delivery codes of sms.ru as receipts.

use sms_core::Receipt;

use crate::code::{self, Level};

/// The name of the provider in messages and receipts.
pub(crate) const PROVIDER_NAME: &str = "smsru";

/// Builds the receipt for a delivery code; `None` if the code says nothing about the message.
pub(crate) fn receipt(id: &str, code: i32) -> Option<Receipt> {
    let state = code::delivery_state(code)?;
    let row = code::find(code, Level::Delivery);
    if row.is_none() {
        tracing::warn!(code, "sms.ru reported an unknown delivery code");
    }
    let text = row.map_or(code::UNKNOWN_DELIVERY, |row| row.en);
    Some(Receipt::new(PROVIDER_NAME, id, state).code(code, text))
}
