//! The methods by name.

use crate::simulator::fault::Plan;
use crate::simulator::http::service::Asked;
use crate::simulator::methods::auth;
use crate::simulator::methods::message_request::Order;
use crate::simulator::methods::reply::Reply;
use crate::simulator::methods::send_check::Judge;
use crate::simulator::shared::Shared;

/// The one method that answers in JSON whether asked to or not.
pub(crate) const CODE_CALL: &str = "code/call";

#[rustfmt::skip]
const METHODS: &[&str] = &[
    "sms/send", "sms/status", "sms/cost",
    "my/balance", "my/limit", "my/free", "my/senders",
    "auth/check", "auth/get_token",
    "stoplist/add", "stoplist/del", "stoplist/get",
    "callback/add", "callback/del", "callback/get",
    CODE_CALL, "callcheck/add", "callcheck/status",
];

/// Carries a call out.
pub(crate) fn carry_out(shared: &Shared, asked: &Asked, plan: &Plan) -> Reply {
    let method = asked.method.as_str();
    if !METHODS.contains(&method) {
        return Reply::refused(211);
    }
    // Read before the lock is taken: this is most of the work of a large request.
    let max = shared.config.max_recipients;
    let order = match method {
        "sms/send" => Some(Order::read(&asked.params, max)),
        "sms/cost" => Some(Order::read_cost(&asked.params, max)),
        _ => None,
    };
    match order {
        Some(order) => carry_out_order(shared, asked, plan, order),
        None => carry_out_rest(shared, asked),
    }
}

fn carry_out_order(
    shared: &Shared,
    asked: &Asked,
    plan: &Plan,
    order: Result<Order, i32>,
) -> Reply {
    let config = &shared.config;
    let (mut state, now) = shared.current();
    let known = auth::check(config, &state.tokens, &asked.params, now.ms, asked.peer);
    let too_many =
        |order: &Order| config.max_get_recipients.is_some_and(|max| order.recipients.len() > max);
    match known.and(order) {
        Err(code) => Reply::refused(code),
        Ok(order) if asked.get && too_many(&order) => Reply::refused(210),
        Ok(order) if asked.method == "sms/cost" => state.cost(config, &order),
        Ok(order) => state.send(Judge { config, now, order: &order, plan }),
    }
}

fn carry_out_rest(shared: &Shared, asked: &Asked) -> Reply {
    let (config, params) = (&shared.config, &asked.params);
    let quirks = config.quirks;
    let (mut state, now) = shared.current();
    let state = &mut *state;
    if asked.method == "auth/get_token" {
        let token = state.tokens.issue(&mut state.luck, now.ms, asked.peer);
        return Reply::ok().headless().line(token);
    }
    if let Err(code) = auth::check(config, &state.tokens, params, now.ms, asked.peer) {
        let reply = Reply::refused(code);
        return if asked.method == CODE_CALL { reply.into_call() } else { reply };
    }
    state.account.roll(now.day);
    match asked.method.as_str() {
        "sms/status" => state.status(config, params),
        "my/balance" => state.account.balance_reply(),
        "my/limit" => state.account.limit_reply(quirks),
        "my/free" => state.account.free_reply(config.free_per_day, quirks),
        "my/senders" => state.account.senders_reply(quirks),
        "stoplist/add" => state.stoplist.add_reply(params),
        "stoplist/del" => state.stoplist.del_reply(params),
        "stoplist/get" => state.stoplist.get_reply(),
        "callback/add" => {
            shared.wake.notify_one();
            state.add_callback(now, params, quirks)
        }
        "callback/del" => state.del_callback(params, quirks),
        "callback/get" => state.list_callbacks(quirks),
        CODE_CALL => state.call(config, now, params),
        "callcheck/add" => state.add_check(now, params),
        "callcheck/status" => state.check_status(params, quirks),
        // auth/check: whoever came this far is known.
        _ => Reply::ok(),
    }
}
