//! `callcheck/…`: confirmation of a phone number by a call from it.

use std::net::IpAddr;

use sms_core::{FieldError, Money, PhoneNumber, Result};

use crate::client::api_client::ApiClient;
use crate::code::{self, CallCheckState};
use crate::error::missing_value;
use crate::wire::id::is_id;
use crate::wire::json::Field;

/// A check that waits for the call of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCheck {
    /// The id of the check at sms.ru. Callbacks refer to it.
    pub id: String,
    /// The number to call within five minutes, in digits. sms.ru rejects the call, so it is free
    /// for the caller.
    pub call_phone: String,
    /// The number to call, formatted: `+7 (800) 500-8275`.
    pub call_phone_pretty: Option<String>,
    /// The number to call, as HTML written by sms.ru. Treat it as untrusted.
    pub call_phone_html: Option<String>,
    /// The price of the check, if sms.ru reports it.
    pub cost: Option<Money>,
}

/// The status of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCheckStatus {
    /// The code: 400, 401, 402, or an unknown one.
    pub code: i32,
    /// The meaning of the code; `None` for an unknown code.
    pub state: Option<CallCheckState>,
}

pub(crate) async fn add(
    client: &ApiClient,
    phone: PhoneNumber,
    ip: Option<IpAddr>,
) -> Result<CallCheck> {
    let form = client.form().with("phone", phone.digits()).with_some("ip", ip);
    let reply = client.call("callcheck/add", form, &[]).await?;
    Ok(CallCheck {
        id: reply
            .text_or_number("check_id")
            .filter(|id| is_id(id))
            .ok_or_else(|| missing_value("id of the check"))?,
        call_phone: reply
            .text_or_number("call_phone")
            .ok_or_else(|| missing_value("number to call"))?,
        call_phone_pretty: reply.text_or_number("call_phone_pretty"),
        call_phone_html: reply.text_or_number("call_phone_html"),
        cost: reply.money("cost"),
    })
}

pub(crate) async fn status(client: &ApiClient, id: &str) -> Result<CallCheckStatus> {
    if !is_id(id) {
        return Err(FieldError::new("id", "id_invalid", "must be an id that sms.ru gave").into());
    }
    let reply = client.call("callcheck/status", client.form().with("check_id", id), &[]).await?;
    let code = match reply.field("check_status") {
        Field::One(code) => code.integer().and_then(|code| i32::try_from(code).ok()),
        _ => None,
    };
    let code = code.ok_or_else(|| missing_value("status of the check"))?;
    Ok(CallCheckStatus { code, state: code::call_check_state(code) })
}
