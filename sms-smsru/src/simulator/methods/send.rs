//! `sms/send`.

use sms_core::Money;

use crate::simulator::log::Accepted;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::message_request::Recipient;
use crate::simulator::methods::reply::{Reply, Row};
use crate::simulator::methods::send_check::Judge;
use crate::simulator::model::messages::{self, Message};
use crate::simulator::model::state::State;

impl State {
    /// Accepts what can be accepted.
    pub(crate) fn send(&mut self, judge: Judge<'_>) -> Reply {
        self.account.roll(judge.now.day);
        match judge.request(self) {
            Ok(send_at_ms) => self.send_each(judge, send_at_ms),
            Err(code) => Reply::refused(code),
        }
    }

    fn send_each(&mut self, judge: Judge<'_>, send_at_ms: i64) -> Reply {
        // One after the other: what one takes of money and limits, the next does not have.
        let rows = judge.order.recipients.iter().map(|recipient| {
            let key = recipient.phone.key.clone();
            match judge.recipient(self, recipient) {
                Ok((number, cost)) => {
                    let sms_id = self.accept(judge, recipient, (number, cost, send_at_ms));
                    Row::ok(key, 100, [("sms_id", Json::text(sms_id.clone()))]).line(sms_id)
                }
                Err(code) => Row::refused(key, code, self.id_of_refused(judge, code)),
            }
        });
        Reply::ok()
            .rows(rows.collect())
            .field("balance", Json::Money(self.account.balance))
            .line(format!("balance={}", self.account.balance))
    }

    /// The id that a refused recipient has all the same: recorded for 221, and a trap for those who
    /// take it for "accepted".
    fn id_of_refused(&mut self, judge: Judge<'_>, code: i32) -> Option<String> {
        (judge.config.quirks && code == 221).then(|| messages::id(judge.now.week, self.ids.next()))
    }

    /// Keeps a message, pays for it and plans its way; its id.
    fn accept(
        &mut self,
        judge: Judge<'_>,
        recipient: &Recipient,
        (number, cost, send_at_ms): (u64, Money, i64),
    ) -> String {
        let sms_id = messages::id(judge.now.week, self.ids.next());
        if !judge.order.test {
            self.account.spend(cost, cost == Money::default() && judge.is_own(number));
            let at = (judge.now.ms, judge.now.day);
            self.history.record(&self.number_limits, number, &recipient.text, at);
        }
        let to = (number, recipient);
        let accepted = entry(
            judge,
            to,
            Accepted { sms_id: sms_id.clone(), cost, send_at_ms, ..Accepted::default() },
        );
        let steps = self.steps_of(number);
        let place =
            self.messages.push(Message { accepted, steps, expired: false, refunded: false });
        self.plan(judge.config, place, send_at_ms, judge.order.ttl);
        sms_id
    }
}

/// The entry of the log: what was asked for, beside what is there already.
fn entry(judge: Judge<'_>, (number, recipient): (u64, &Recipient), given: Accepted) -> Accepted {
    let order = judge.order;
    Accepted {
        to: number.to_string(),
        text: recipient.text.to_string(),
        from: order.from.clone(),
        parts: recipient.parts,
        at_ms: judge.now.ms,
        test: order.test,
        ip: order.ip.clone(),
        ttl: order.ttl,
        time: order.time.ok().flatten(),
        daytime: order.daytime,
        translit: order.translit,
        partner_id: order.partner_id.clone(),
        status: 100,
        ..given
    }
}
