//! `code/call`: the last digits of a calling number as a code.

use sms_core::Money;

use crate::simulator::config::SimulatorConfig;
use crate::simulator::http::params::Params;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::message_request::is_public;
use crate::simulator::methods::reply::Reply;
use crate::simulator::model::messages;
use crate::simulator::model::state::{Now, State};
use crate::simulator::phone::Phone;

impl State {
    pub(crate) fn call(&mut self, config: &SimulatorConfig, now: Now, params: &Params) -> Reply {
        match self.call_refusal(config, params) {
            Some(code) => Reply::refused(code).into_call(),
            None => self.place_call(config, now),
        }
    }

    fn call_refusal(&self, config: &SimulatorConfig, params: &Params) -> Option<i32> {
        let Some(number) = params.get("phone").and_then(|phone| Phone::read(phone).number) else {
            return Some(202);
        };
        let bad_ip = || params.get("ip").filter(|ip| *ip != "-1" && !is_public(ip)).map(|_| 507);
        let no_money = || {
            let priced = config.call_price > Money::default();
            (priced && self.account.balance < config.call_price).then_some(201)
        };
        self.refusal_of_number(config, number).or_else(bad_ip).or_else(no_money)
    }

    fn place_call(&mut self, config: &SimulatorConfig, now: Now) -> Reply {
        self.account.charge(config.call_price);
        let code = format!("{:04}", self.luck.u16(0..10_000));
        Reply::ok()
            .into_call()
            .field("code", Json::text(code))
            .field("call_id", Json::text(messages::id(now.week, self.ids.next())))
            .field("cost", Json::Money(config.call_price))
            .field("balance", Json::Money(self.account.balance))
    }
}
