//! `code/call`: a call from a number with a code as its last digits.

use sms_core::Money;

use crate::simulator::config::SimulatorConfig;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::message_request::is_public;
use crate::simulator::methods::reply::Reply;
use crate::simulator::model::messages;
use crate::simulator::model::state::{Moment, State};
use crate::simulator::params::Params;
use crate::simulator::phone::Phone;

pub(crate) fn call(
    state: &mut State,
    config: &SimulatorConfig,
    now: Moment,
    params: &Params,
) -> Reply {
    match refusal(state, config, params) {
        Some(code) => Reply::refused(code).of_code_call(),
        None => place_call(state, config, now),
    }
}

fn refusal(state: &State, config: &SimulatorConfig, params: &Params) -> Option<i32> {
    let Some(number) = params.get("phone").and_then(|phone| Phone::read(phone).number) else {
        return Some(202);
    };
    let bad_ip = || params.get("ip").filter(|ip| *ip != "-1" && !is_public(ip)).map(|_| 507);
    let no_money = || {
        let costs_money = config.call_price > Money::default();
        (costs_money && state.account.balance < config.call_price).then_some(201)
    };
    state.number_refusal(config, number).or_else(bad_ip).or_else(no_money)
}

fn place_call(state: &mut State, config: &SimulatorConfig, now: Moment) -> Reply {
    state.account.charge(config.call_price);
    let code = format!("{:04}", state.rng.u16(0..10_000));
    Reply::ok()
        .of_code_call()
        .field("code", Json::text(code))
        .field("call_id", Json::text(messages::id(now.week, state.ids.next())))
        .field("cost", Json::Money(config.call_price))
        .field("balance", Json::Money(state.account.balance))
}
