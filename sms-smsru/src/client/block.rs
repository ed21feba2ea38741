//! Why an account was refused, as far as it takes to see whether that is over.

use sms_core::PhoneNumber;

use crate::code::{self, Block, Level, Meaning};
use crate::methods::cost::CostRequest;
use crate::wire::send_request::Recipient;

/// The last refusal of the account.
#[derive(Clone)]
pub(crate) struct Blocked {
    pub(crate) why: Option<Block>,
    /// For want of money: one of the messages, whose price is what the account must hold.
    pub(crate) unpaid: Option<CostRequest>,
}

impl Blocked {
    pub(crate) fn new(
        code: Option<i32>,
        message: Recipient<'_>,
        from: Option<&str>,
        translit: bool,
    ) -> Self {
        let row = code.and_then(|code| code::of_sending(code, Level::Request));
        let why = match row.map(|row| row.meaning) {
            Some(Meaning::Blocked(why)) => Some(why),
            _ => None,
        };
        let price = |to| {
            let request = CostRequest::new([to], message.text).translit(translit);
            match from {
                Some(from) => request.from(from),
                None => request,
            }
        };
        let unpaid =
            (why == Some(Block::Money)).then(|| PhoneNumber::from_digits(message.to).map(price));
        Self { why, unpaid: unpaid.flatten() }
    }
}
