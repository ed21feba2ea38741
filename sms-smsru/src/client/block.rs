//! The reason of the last refusal of the account.

use sms_core::PhoneNumber;

use crate::code::{self, BlockReason, Level, Meaning};
use crate::wire::send_request::Recipient;

/// The last refusal of the account, as far as it is needed to check if it is over.
#[derive(Clone)]
pub(crate) struct AccountBlock {
    pub(crate) reason: Option<BlockReason>,
    /// For a lack of money: one of the refused messages. The account must hold its price.
    pub(crate) unpaid: Option<UnpaidMessage>,
}

/// A message that was refused because the account has not enough money.
#[derive(Clone)]
pub(crate) struct UnpaidMessage {
    pub(crate) to: PhoneNumber,
    pub(crate) text: String,
    pub(crate) from: Option<String>,
    pub(crate) translit: bool,
}

impl AccountBlock {
    /// Builds it from the code of a refusal and the message that was refused.
    pub(crate) fn new(
        code: Option<i32>,
        message: Recipient<'_>,
        from: Option<&str>,
        translit: bool,
    ) -> Self {
        let row = code.and_then(|code| code::send_refusal(code, Level::Request));
        let reason = match row.map(|row| row.meaning) {
            Some(Meaning::Blocked(reason)) => Some(reason),
            _ => None,
        };
        let unpaid = (reason == Some(BlockReason::Money))
            .then(|| PhoneNumber::from_digits(message.to))
            .flatten()
            .map(|to| UnpaidMessage {
                to,
                text: message.text.to_owned(),
                from: from.map(str::to_owned),
                translit,
            });
        Self { reason, unpaid }
    }
}
