//! `callcheck/…`: a person confirms a number by calling from it.

use std::net::IpAddr;

use sms_core::{FieldError, Money, PhoneNumber, Result};

use crate::SmsRu;
use crate::code::{self, CallCheckState, Level, Meaning};
use crate::smsru::incomplete;
use crate::wire::is_id;
use crate::wire::json::Field;

/// A check that waits for its call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCheck {
    /// sms.ru's id of the check: callbacks bear it.
    pub id: String,
    /// The number to call within five minutes, in digits; the call is dropped and costs the caller
    /// nothing.
    pub call_phone: String,
    /// The same for people to read: `+7 (800) 500-8275`.
    pub call_phone_pretty: Option<String>,
    /// The same as a piece of HTML. It is sms.ru's; do not trust it in a page more than sms.ru.
    pub call_phone_html: Option<String>,
    /// What the check costs, where sms.ru says so.
    pub cost: Option<Money>,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCheckStatus {
    /// The code: 400, 401, 402, or one this version does not know.
    pub code: i32,
    /// What it says; `None` for a code this version does not know.
    pub state: Option<CallCheckState>,
}

impl SmsRu {
    /// `callcheck/add`: begins a check of this number, which must call within five minutes. `ip` is
    /// the address of the person; sms.ru then names a number that can be called from abroad. A
    /// repeat begins another check.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn callcheck_add(&self, phone: PhoneNumber, ip: Option<IpAddr>) -> Result<CallCheck> {
        let form = self.form().with("phone", phone.digits()).with_some("ip", ip);
        let reply = self.ask("callcheck/add", form, &[]).await?;
        Ok(CallCheck {
            id: reply
                .name("check_id")
                .filter(|id| is_id(id))
                .ok_or_else(|| incomplete("id of the check"))?,
            call_phone: reply.name("call_phone").ok_or_else(|| incomplete("number to call"))?,
            call_phone_pretty: reply.name("call_phone_pretty"),
            call_phone_html: reply.name("call_phone_html"),
            cost: reply.money("cost"),
        })
    }

    /// `callcheck/status`: whether the number has called.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn callcheck_status(&self, id: &str) -> Result<CallCheckStatus> {
        if !is_id(id) {
            return Err(
                FieldError::new("id", "id_invalid", "must be an id that sms.ru gave").into()
            );
        }
        let reply = self.ask("callcheck/status", self.form().with("check_id", id), &[]).await?;
        let code = match reply.field("check_status") {
            Field::One(code) => code.integer().and_then(|code| i32::try_from(code).ok()),
            _ => None,
        };
        let code = code.ok_or_else(|| incomplete("status of the check"))?;
        Ok(CallCheckStatus { code, state: state(code) })
    }
}

/// What a code about a check says.
pub(crate) fn state(code: i32) -> Option<CallCheckState> {
    match code::find(code, Level::CallCheck).map(|row| row.meaning) {
        Some(Meaning::CallCheck(state)) => Some(state),
        _ => None,
    }
}
