//! `code/call`: a call whose number ends in a code.

use std::fmt;
use std::net::IpAddr;

use sms_core::{Error, ErrorKind, Money, PhoneNumber, Result};

use crate::SmsRu;
use crate::smsru::unavailable;
use crate::wire::json::{Field, Node};
use crate::wire::method_reply::Said;

/// What became of a call. Every [`Err`] of [`SmsRu::code_call`] is a proof that there was none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the call may have been made and charged"]
pub enum CodeCall {
    /// sms.ru calls.
    Made(MadeCall),
    /// Nobody can tell whether it calls and charges, and why: no answer in time, a broken
    /// connection, an answer that cannot be read. Asking again may call and charge a second time.
    Unknown(String),
}

/// A call sms.ru makes. Its `Debug` leaves out the code.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MadeCall {
    /// The last four digits of the number that calls.
    pub code: String,
    /// sms.ru's id of the call.
    pub call_id: Option<String>,
    /// What it cost.
    pub cost: Option<Money>,
    /// What the account has left.
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

impl SmsRu {
    /// `code/call`: has sms.ru call this number from one whose last four digits are the code;
    /// sms.ru chooses it. Each call costs money and is asked for once: whoever repeats an
    /// [`Unknown`](CodeCall::Unknown) one may pay and ring twice. `ip` is the address of the person
    /// who asked for the code; `None` for a call nobody asked for from elsewhere.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu), each of which says that no call was made; `Unavailable` also
    /// when there is no connection to sms.ru. [`Config`](sms_core::ErrorKind::Config) where [test
    /// mode](crate::SmsRuConfig::test) is on: calls have none.
    pub async fn code_call(&self, phone: PhoneNumber, ip: Option<IpAddr>) -> Result<CodeCall> {
        if self.config().test {
            return Err(Error::new(
                ErrorKind::Config,
                "test is on, and code/call has no test mode",
            ));
        }
        let ip = ip.map_or_else(|| "-1".to_owned(), |ip| ip.to_string());
        let form = self
            .form()
            .with("phone", phone.digits())
            .with("ip", ip)
            .with_some("partner_id", self.config().partner_id);
        match self.call("code/call", form, &[]).await {
            Ok(Said::Done(reply)) => Ok(made(&reply)),
            Ok(Said::Refused(refusal)) => Err(refusal.into()),
            Ok(Said::Unclear(reason)) => Ok(CodeCall::Unknown(reason)),
            Err(fault) => Err(unavailable(fault.text.unwrap_or_default())),
        }
    }
}

fn made(reply: &Node) -> CodeCall {
    let code = match reply.field("code") {
        // One that is written as a number has lost its zeros.
        Field::One(Node::Number(code @ 0..=9999)) => Some(format!("{code:04}")),
        Field::One(Node::Text(code)) => Some(code.trim().to_owned()),
        _ => None,
    };
    match code.filter(|code| code.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(code) => CodeCall::Made(MadeCall {
            code,
            call_id: reply.name("call_id"),
            cost: reply.money("cost"),
            balance: reply.money("balance"),
        }),
        None => CodeCall::Unknown("sms.ru took the call and gave no code".to_owned()),
    }
}
