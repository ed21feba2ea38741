//! The table of methods.

use crate::simulator::fault::RequestFaults;
use crate::simulator::methods::api_call::ApiCall;
use crate::simulator::methods::message_request::MessageRequest;
use crate::simulator::methods::reply::Reply;
use crate::simulator::methods::send_check::SendCheck;
use crate::simulator::methods::{
    account, auth, callback, callcheck, code_call, cost, send, status, stoplist,
};
use crate::simulator::shared::Shared;

/// The method that replies with JSON even without `json=1`.
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

/// Carries out a call.
pub(crate) fn carry_out(shared: &Shared, call: &ApiCall, faults: &RequestFaults) -> Reply {
    let method = call.method.as_str();
    if !METHODS.contains(&method) {
        return Reply::refused(211);
    }
    // Parsed before the state is locked, because this is most of the work of a large request.
    let max = shared.config.max_recipients;
    let request = match method {
        "sms/send" => Some(MessageRequest::of_send(&call.params, max)),
        "sms/cost" => Some(MessageRequest::of_cost(&call.params, max)),
        _ => None,
    };
    match request {
        Some(request) => carry_out_with_messages(shared, call, faults, request),
        None => carry_out_other(shared, call),
    }
}

fn carry_out_with_messages(
    shared: &Shared,
    call: &ApiCall,
    faults: &RequestFaults,
    request: Result<MessageRequest, i32>,
) -> Reply {
    let config = &shared.config;
    let (mut state, now) = shared.current();
    let authorized = auth::check(config, &state.tokens, &call.params, now.ms, call.peer);
    let too_many_for_get = |request: &MessageRequest| {
        config.max_get_recipients.is_some_and(|max| request.recipients.len() > max)
    };
    match authorized.and(request) {
        Err(code) => Reply::refused(code),
        Ok(request) if call.is_get && too_many_for_get(&request) => Reply::refused(210),
        Ok(request) if call.method == "sms/cost" => cost::cost(&state, config, &request),
        Ok(request) => send::send(&mut state, SendCheck { config, now, request: &request, faults }),
    }
}

fn carry_out_other(shared: &Shared, call: &ApiCall) -> Reply {
    let (config, params) = (&shared.config, &call.params);
    let quirks = config.quirks;
    let (mut state, now) = shared.current();
    let state = &mut *state;
    if call.method == "auth/get_token" {
        let token = state.tokens.issue(&mut state.rng, now.ms, call.peer);
        return Reply::ok().without_first_line().line(token);
    }
    if let Err(code) = auth::check(config, &state.tokens, params, now.ms, call.peer) {
        let reply = Reply::refused(code);
        return if call.method == CODE_CALL { reply.of_code_call() } else { reply };
    }
    state.account.start_day(now.day);
    match call.method.as_str() {
        "sms/status" => status::status(state, config, params),
        "my/balance" => account::balance(&state.account),
        "my/limit" => account::limit(&state.account, quirks),
        "my/free" => account::free(&state.account, config.free_per_day, quirks),
        "my/senders" => account::senders(&state.account, quirks),
        "stoplist/add" => stoplist::add(&mut state.stop_list, params),
        "stoplist/del" => stoplist::del(&mut state.stop_list, params),
        "stoplist/get" => stoplist::get(&state.stop_list),
        "callback/add" => {
            shared.wake.notify_one();
            callback::add(&mut state.callbacks, now.ms, params, quirks)
        }
        "callback/del" => callback::del(&mut state.callbacks, params, quirks),
        "callback/get" => callback::get(&state.callbacks, quirks),
        CODE_CALL => code_call::call(state, config, now, params),
        "callcheck/add" => callcheck::add(state, now, params),
        "callcheck/status" => callcheck::status(&state.call_checks, params, quirks),
        // auth/check: the credentials were checked above.
        _ => Reply::ok(),
    }
}
