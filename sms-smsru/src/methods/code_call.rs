//! `code/call`: a call from a number with a code as its last digits.

use std::fmt;
use std::net::IpAddr;

use sms_core::{Money, PhoneNumber, Result};

use crate::client::api_client::ApiClient;
use crate::error::{config_error, unavailable};
use crate::wire::json::{Field, Node};
use crate::wire::method_reply::MethodReply;

/// The result of [`SmsRu::code_call`](crate::SmsRu::code_call). An [`Err`] of that method is proof
/// that no call was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the call may have been made and charged"]
pub enum CodeCall {
    /// sms.ru makes the call.
    Made(MadeCall),
    /// It is not known if sms.ru makes and charges the call. The value is the reason: no reply in
    /// time, a broken connection, or an unreadable reply. Another request can call and charge a
    /// second time.
    Unknown(String),
}

/// A call made by sms.ru. `Debug` does not show the code.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MadeCall {
    /// The code: the last four digits of the calling number.
    pub code: String,
    /// The id of the call at sms.ru.
    pub call_id: Option<String>,
    /// The price of the call.
    pub cost: Option<Money>,
    /// The balance of the account after the call.
    pub balance: Option<Money>,
}

impl fmt::Debug for MadeCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MadeCall")
            .field("code", &format_args!("[redacted]"))
            .field("call_id", &self.call_id)
            .field("cost", &self.cost)
            .field("balance", &self.balance)
            .finish()
    }
}

pub(crate) async fn code_call(
    client: &ApiClient,
    phone: PhoneNumber,
    ip: Option<IpAddr>,
) -> Result<CodeCall> {
    if client.config().test {
        return Err(config_error("test is on, and code/call has no test mode"));
    }
    let ip = ip.map_or_else(|| "-1".to_owned(), |ip| ip.to_string());
    let form = client
        .form()
        .with("phone", phone.digits())
        .with("ip", ip)
        .with_some("partner_id", client.config().partner_id);
    match client.call_once("code/call", form, &[]).await {
        Ok(MethodReply::Done(reply)) => Ok(read(&reply)),
        Ok(MethodReply::Refused(refusal)) => Err(refusal.into()),
        Ok(MethodReply::Unreadable(reason)) => Ok(CodeCall::Unknown(reason)),
        Err(failure) => Err(unavailable(failure.text.unwrap_or_default())),
    }
}

fn read(reply: &Node) -> CodeCall {
    let code = match reply.field("code") {
        // A code written as a JSON number has lost its leading zeros.
        Field::One(Node::Number(code @ 0..=9999)) => Some(format!("{code:04}")),
        Field::One(Node::Text(code)) => Some(code.trim().to_owned()),
        _ => None,
    };
    match code.filter(|code| code.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(code) => CodeCall::Made(MadeCall {
            code,
            call_id: reply.text_or_number("call_id"),
            cost: reply.money("cost"),
            balance: reply.money("balance"),
        }),
        None => CodeCall::Unknown("sms.ru accepted the call but gave no code".to_owned()),
    }
}
