//! `callcheck/…`: confirmation of a phone number by a call from it.

use crate::simulator::methods::json::Json;
use crate::simulator::methods::reply::Reply;
use crate::simulator::methods::status_text;
use crate::simulator::model::call_checks::CallChecks;
use crate::simulator::model::messages;
use crate::simulator::model::schedule::Event;
use crate::simulator::model::state::{Moment, State};
use crate::simulator::params::Params;
use crate::simulator::phone::Phone;

/// The time for the call in milliseconds.
const LIFETIME_MS: i64 = 300_000;
const CALL_PHONE: &str = "78005008275";
const CALL_PHONE_PRETTY: &str = "+7 (800) 500-8275";

pub(crate) fn add(state: &mut State, now: Moment, params: &Params) -> Reply {
    if params.get("phone").and_then(|phone| Phone::read(phone).number).is_none() {
        return Reply::refused(202);
    }
    let number = state.ids.next();
    let id = messages::id(now.week, number);
    state.schedule.add(now.ms.saturating_add(LIFETIME_MS), Event::CallCheckExpires { number });
    state.call_checks.add(number, id.clone());
    let html = format!("<a href=\"callto:{CALL_PHONE}\">{CALL_PHONE_PRETTY}</a>");
    Reply::ok()
        .field("check_id", Json::text(id.clone()))
        .field("call_phone", Json::text(CALL_PHONE))
        .field("call_phone_pretty", Json::text(CALL_PHONE_PRETTY))
        .field("call_phone_html", Json::text(html))
        .line(id)
        .line(CALL_PHONE)
}

pub(crate) fn status(checks: &CallChecks, params: &Params, quirks: bool) -> Reply {
    let code = checks.code(params.get("check_id").unwrap_or_default());
    let shown = if quirks { Json::text(code.to_string()) } else { Json::Number(code.into()) };
    Reply::ok()
        .field("check_status", shown)
        .field("check_status_text", Json::text(status_text::call_check(code)))
        .line(code.to_string())
}
