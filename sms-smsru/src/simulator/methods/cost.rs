//! `sms/cost`: the price of messages.

use sms_core::Money;

use crate::simulator::config::SimulatorConfig;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::message_request::{MessageRequest, Recipient};
use crate::simulator::methods::reply::{Reply, Row};
use crate::simulator::model::account::total_price;
use crate::simulator::model::state::State;

pub(crate) fn cost(state: &State, config: &SimulatorConfig, request: &MessageRequest) -> Reply {
    let (mut parts, mut first_refusal) = (0, None);
    let rows: Vec<Row> = request
        .recipients
        .iter()
        .map(|recipient| {
            let key = recipient.phone.key.clone();
            if let Some(code) = refusal(state, config, request, recipient) {
                first_refusal.get_or_insert(code);
                return Row { line: None, ..Row::refused(key, code, None) };
            }
            parts += recipient.parts;
            let count = i64::try_from(recipient.parts).unwrap_or(i64::MAX);
            let cost = Json::Money(total_price(config.price, recipient.parts));
            Row::ok(key, 100, [("cost", cost), ("sms", Json::Number(count))])
        })
        .collect();
    let reply = Reply::ok().rows(rows);
    match first_refusal {
        // In recorded replies there is no total if every recipient is refused.
        Some(code) if parts == 0 && config.quirks => {
            reply.without_first_line().line(code.to_string())
        }
        _ => with_total(reply, total_price(config.price, parts), parts),
    }
}

fn refusal(
    state: &State,
    config: &SimulatorConfig,
    request: &MessageRequest,
    recipient: &Recipient,
) -> Option<i32> {
    let Some(number) = recipient.phone.number else {
        return Some(202);
    };
    state
        .number_refusal(config, number)
        .or_else(|| recipient.text_refusal())
        .or_else(|| state.account.sender_refusal(request.from.as_deref()))
}

fn with_total(reply: Reply, cost: Money, parts: usize) -> Reply {
    reply
        .field("total_cost", Json::Money(cost))
        .field("total_sms", Json::Number(i64::try_from(parts).unwrap_or(i64::MAX)))
        .line(cost.to_string())
        .line(parts.to_string())
}
