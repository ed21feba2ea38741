//! `sms/send`: acceptance of messages.

use sms_core::Money;

use crate::simulator::log::Accepted;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::message_request::Recipient;
use crate::simulator::methods::reply::{Reply, Row};
use crate::simulator::methods::send_check::SendCheck;
use crate::simulator::model::messages::{self, Message};
use crate::simulator::model::state::State;

pub(crate) fn send(state: &mut State, check: SendCheck<'_>) -> Reply {
    state.account.start_day(check.now.day);
    match check.check_request(state) {
        Ok(send_at_ms) => send_each(state, check, send_at_ms),
        Err(code) => Reply::refused(code),
    }
}

fn send_each(state: &mut State, check: SendCheck<'_>, send_at_ms: i64) -> Reply {
    // One after the other, because each message uses up money and limits.
    let rows = check.request.recipients.iter().map(|recipient| {
        let key = recipient.phone.key.clone();
        match check.check_recipient(state, recipient) {
            Ok((number, cost)) => {
                let sms_id = accept(state, check, recipient, (number, cost, send_at_ms));
                Row::ok(key, 100, [("sms_id", Json::text(sms_id.clone()))]).line(sms_id)
            }
            Err(code) => Row::refused(key, code, id_of_refused(state, check, code)),
        }
    });
    let rows = rows.collect();
    Reply::ok()
        .rows(rows)
        .field("balance", Json::Money(state.account.balance))
        .line(format!("balance={}", state.account.balance))
}

/// Returns an id for a recipient that is refused with 221, as in recorded replies. A client that
/// takes an id as proof of acceptance fails here.
fn id_of_refused(state: &mut State, check: SendCheck<'_>, code: i32) -> Option<String> {
    (check.config.quirks && code == 221).then(|| messages::id(check.now.week, state.ids.next()))
}

/// Accepts a message: charges it, adds it to the log, schedules its delivery and returns its id.
fn accept(
    state: &mut State,
    check: SendCheck<'_>,
    recipient: &Recipient,
    (number, cost, send_at_ms): (u64, Money, i64),
) -> String {
    let sms_id = messages::id(check.now.week, state.ids.next());
    if !check.request.test {
        state.account.spend(cost, cost == Money::default() && check.is_own(number));
        let at = (check.now.ms, check.now.day);
        state.history.record(&state.number_limits, number, &recipient.text, at);
    }
    let sent = Accepted { sms_id: sms_id.clone(), cost, send_at_ms, ..Accepted::default() };
    let accepted = log_entry(check, number, recipient, sent);
    let steps = state.steps_for(number);
    let index = state.messages.push(Message { accepted, steps, expired: false, refunded: false });
    state.schedule_delivery(check.config, index, send_at_ms, check.request.ttl);
    sms_id
}

/// Adds the parameters of the request to an entry of the log.
fn log_entry(
    check: SendCheck<'_>,
    number: u64,
    recipient: &Recipient,
    entry: Accepted,
) -> Accepted {
    let request = check.request;
    Accepted {
        to: number.to_string(),
        text: recipient.text.to_string(),
        from: request.from.clone(),
        parts: recipient.parts,
        at_ms: check.now.ms,
        test: request.test,
        ip: request.ip.clone(),
        ttl: request.ttl,
        time: request.time.ok().flatten(),
        daytime: request.daytime,
        translit: request.translit,
        partner_id: request.partner_id.clone(),
        status: 100,
        ..entry
    }
}
