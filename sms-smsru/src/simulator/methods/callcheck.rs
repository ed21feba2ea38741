//! `callcheck/add` and `callcheck/status`: a number is proved by a call from it.

use std::collections::HashMap;

use crate::simulator::callbacks::queue::Record;
use crate::simulator::http::params::Params;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::reply::Reply;
use crate::simulator::methods::status_text;
use crate::simulator::model::messages::{self, Due};
use crate::simulator::model::state::{Now, State};
use crate::simulator::phone::Phone;

/// How long the user has to call.
const LIFE_MS: i64 = 300_000;
const CALL_PHONE: &str = "78005008275";
const CALL_PHONE_PRETTY: &str = "+7 (800) 500-8275";
const WAITING: i32 = 400;
const CONFIRMED: i32 = 401;
const EXPIRED: i32 = 402;

/// The checks, by the number in their id.
#[derive(Debug, Default)]
pub(crate) struct Checks(HashMap<u64, Check>);

#[derive(Debug)]
struct Check {
    id: String,
    code: i32,
}

impl Checks {
    fn find(&mut self, check_id: &str) -> Option<&mut Check> {
        let number = check_id.split_once('-')?.1.parse().ok()?;
        self.0.get_mut(&number).filter(|check| check.id == check_id)
    }
}

impl State {
    pub(crate) fn add_check(&mut self, now: Now, params: &Params) -> Reply {
        if params.get("phone").and_then(|phone| Phone::read(phone).number).is_none() {
            return Reply::refused(202);
        }
        let number = self.ids.next();
        let id = messages::id(now.week, number);
        self.agenda.plan(now.ms.saturating_add(LIFE_MS), Due::CallCheck { number });
        self.checks.0.insert(number, Check { id: id.clone(), code: WAITING });
        let html = format!("<a href=\"callto:{CALL_PHONE}\">{CALL_PHONE_PRETTY}</a>");
        Reply::ok()
            .field("check_id", Json::text(id.clone()))
            .field("call_phone", Json::text(CALL_PHONE))
            .field("call_phone_pretty", Json::text(CALL_PHONE_PRETTY))
            .field("call_phone_html", Json::text(html))
            .line(id)
            .line(CALL_PHONE)
    }

    pub(crate) fn check_status(&mut self, params: &Params, quirks: bool) -> Reply {
        let check_id = params.get("check_id").unwrap_or_default();
        let code = self.checks.find(check_id).map_or(EXPIRED, |check| check.code);
        let shown = if quirks { Json::text(code.to_string()) } else { Json::Number(code.into()) };
        Reply::ok()
            .field("check_status", shown)
            .field("check_status_text", Json::text(status_text::call_check(code)))
            .line(code.to_string())
    }

    /// The user calls. `false` when nobody waits for this call.
    pub(crate) fn confirm_check(&mut self, check_id: &str, now_ms: i64) -> bool {
        let waiting = self.checks.find(check_id).filter(|check| check.code == WAITING);
        let Some(check) = waiting else {
            return false;
        };
        check.code = CONFIRMED;
        self.callbacks.tell(&Record::callcheck_status(&check.id, CONFIRMED, now_ms));
        true
    }

    pub(crate) fn expire_check(&mut self, at_ms: i64, number: u64) {
        if let Some(check) = self.checks.0.get_mut(&number).filter(|check| check.code == WAITING) {
            check.code = EXPIRED;
            self.callbacks.tell(&Record::callcheck_status(&check.id, EXPIRED, at_ms));
        }
    }
}
