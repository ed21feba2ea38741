//! `sms/cost`.

use sms_core::Money;

use crate::simulator::config::SimulatorConfig;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::message_request::{Order, Recipient};
use crate::simulator::methods::reply::{Reply, Row};
use crate::simulator::model::state::{State, times};

impl State {
    pub(crate) fn cost(&self, config: &SimulatorConfig, order: &Order) -> Reply {
        let (mut parts, mut refused) = (0, None);
        let rows: Vec<Row> = order
            .recipients
            .iter()
            .map(|recipient| {
                let key = recipient.phone.key.clone();
                if let Some(code) = self.cost_refusal(config, order, recipient) {
                    refused.get_or_insert(code);
                    return Row { line: None, ..Row::refused(key, code, None) };
                }
                parts += recipient.parts;
                let count = i64::try_from(recipient.parts).unwrap_or(i64::MAX);
                let cost = Json::Money(times(config.price, recipient.parts));
                Row::ok(key, 100, [("cost", cost), ("sms", Json::Number(count))])
            })
            .collect();
        let reply = Reply::ok().rows(rows);
        match refused {
            // Recorded from the live server: without a single price there is no total either.
            Some(code) if parts == 0 && config.quirks => reply.headless().line(code.to_string()),
            _ => total(reply, times(config.price, parts), parts),
        }
    }

    fn cost_refusal(
        &self,
        config: &SimulatorConfig,
        order: &Order,
        recipient: &Recipient,
    ) -> Option<i32> {
        let Some(number) = recipient.phone.number else {
            return Some(202);
        };
        self.refusal_of_number(config, number)
            .or_else(|| recipient.text_refusal())
            .or_else(|| self.refusal_of_sender(order.from.as_deref()))
    }
}

fn total(reply: Reply, cost: Money, parts: usize) -> Reply {
    reply
        .field("total_cost", Json::Money(cost))
        .field("total_sms", Json::Number(i64::try_from(parts).unwrap_or(i64::MAX)))
        .line(cost.to_string())
        .line(parts.to_string())
}
