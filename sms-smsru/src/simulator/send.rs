//! `sms/send`.

use sms_core::Money;

use super::config::{RefusalLevel, SimulatorConfig};
use super::fault::Plan;
use super::json::Json;
use super::log::Accepted;
use super::messages::{self, Message};
use super::order::{Order, Recipient, is_public};
use super::phone::is_russian;
use super::reply::{Reply, Row};
use super::state::{Now, State, times};

/// Two months, the farthest a `time` may be ahead.
const MAX_AHEAD_MS: i64 = 62 * 86_400_000;

impl State {
    /// Accepts what can be accepted.
    pub(super) fn send(&mut self, config: &SimulatorConfig, now: Now, order: &Order, plan: &Plan) -> Reply {
        self.account.roll(now.day);
        let judged = send_at(order, now).and_then(|send_at_ms| {
            self.refuse_whole(config, now, order, plan)?;
            Ok(send_at_ms)
        });
        let send_at_ms = match judged {
            Ok(send_at_ms) => send_at_ms,
            Err(code) => return Reply::refused(code),
        };
        let rows = order.recipients.iter().map(|recipient| {
            let key = recipient.phone.key.clone();
            match self.judge(config, now, order, plan, recipient) {
                Ok((number, cost)) => {
                    let sms_id = self.accept(config, now, order, recipient, (number, cost, send_at_ms));
                    Row::ok(key, 100, [("sms_id", Json::text(sms_id.clone()))]).line(sms_id)
                }
                Err(code) => Row::refused(key, code, self.id_of_refused(config, now, code)),
            }
        });
        Reply::ok()
            .rows(rows.collect())
            .field("balance", Json::Money(self.account.balance))
            .line(format!("balance={}", self.account.balance))
    }

    /// The codes that refuse a request as a whole.
    fn refuse_whole(
        &self,
        config: &SimulatorConfig,
        now: Now,
        order: &Order,
        plan: &Plan,
    ) -> Result<(), i32> {
        if config.text_level == RefusalLevel::Request
            && let Some(code) = order.recipients.iter().find_map(Recipient::text_refusal)
        {
            return Err(code);
        }
        if order.test {
            return Ok(());
        }
        let priced = config.price > Money::default();
        if priced && self.account.balance <= Money::default() {
            return Err(201);
        }
        if self.account.left_today() == 0 {
            return Err(206);
        }
        let request = RefusalLevel::Request;
        if config.money_level != request && config.limit_level != request {
            return Ok(());
        }
        let fit = order.recipients.iter().filter(|&to| self.refusal(config, now, order, plan, to).is_none());
        let (mut count, mut parts) = (0, 0);
        for recipient in fit {
            (count, parts) = (count + 1, parts + recipient.parts);
        }
        if config.limit_level == request && count > self.account.left_today() {
            return Err(206);
        }
        if config.money_level == request && times(config.price, parts) > self.account.balance {
            return Err(201);
        }
        Ok(())
    }

    /// The number and the cost of one recipient, or the code that refuses it.
    fn judge(
        &self,
        config: &SimulatorConfig,
        now: Now,
        order: &Order,
        plan: &Plan,
        recipient: &Recipient,
    ) -> Result<(u64, Money), i32> {
        if let Some(code) = self.refusal(config, now, order, plan, recipient) {
            return Err(code);
        }
        let number = recipient.phone.number.ok_or(202)?;
        if order.test {
            return Ok((number, Money::default()));
        }
        if self.account.left_today() == 0 {
            return Err(206);
        }
        let cost = self.cost_of(config, number, recipient.parts);
        if cost > self.account.balance { Err(201) } else { Ok((number, cost)) }
    }

    fn cost_of(&self, config: &SimulatorConfig, number: u64, parts: usize) -> Money {
        let free = self.account.free_left(config.free_per_day) > 0 && is_own(config, number);
        if free { Money::default() } else { times(config.price, parts) }
    }

    /// The code that refuses a recipient for another reason than money or the account's limit.
    fn refusal(
        &self,
        config: &SimulatorConfig,
        now: Now,
        order: &Order,
        plan: &Plan,
        recipient: &Recipient,
    ) -> Option<i32> {
        let Some(number) = recipient.phone.number else {
            return Some(202);
        };
        let demanded = plan.refusals.iter().find(|(refused, _)| *refused == number).map(|(_, code)| *code);
        let bad_ip = || order.ip.as_deref().filter(|ip| *ip != "-1" && !is_public(ip)).map(|_| 507);
        let limit = || self.history.refusal(&self.number_limits, number, &recipient.text, (now.ms, now.day));
        demanded
            .or_else(|| self.refusal_of_number(config, number))
            .or_else(|| recipient.text_refusal())
            .or_else(bad_ip)
            .or_else(|| self.refusal_of_sender(order.from.as_deref()))
            .or_else(limit)
    }

    /// What refuses a number, whatever it is sent.
    pub(super) fn refusal_of_number(&self, config: &SimulatorConfig, number: u64) -> Option<i32> {
        if let Some(code) = self.refused.get(&number) {
            return Some(*code);
        }
        if config.russia_only && !is_russian(number) {
            return Some(214);
        }
        self.stoplist.holds(number).then_some(209)
    }

    /// What refuses a sender name, or its absence.
    pub(super) fn refusal_of_sender(&self, from: Option<&str>) -> Option<i32> {
        if self.account.sender_required && self.account.senders.is_empty() {
            return Some(221);
        }
        from.is_some_and(|from| !self.account.senders.iter().any(|sender| sender == from)).then_some(204)
    }

    /// The id that a refused recipient has all the same: recorded for 221, and a trap for those who take it for
    /// "accepted".
    fn id_of_refused(&mut self, config: &SimulatorConfig, now: Now, code: i32) -> Option<String> {
        (config.quirks && code == 221).then(|| messages::id(now.week, self.ids.next()))
    }

    /// Keeps a message; its id.
    fn accept(
        &mut self,
        config: &SimulatorConfig,
        now: Now,
        order: &Order,
        recipient: &Recipient,
        (number, cost, send_at_ms): (u64, Money, i64),
    ) -> String {
        let sms_id = messages::id(now.week, self.ids.next());
        if !order.test {
            self.account.spend(cost, cost == Money::default() && is_own(config, number));
            let at = (now.ms, now.day);
            self.history.record(&self.number_limits, number, &recipient.text, at);
        }
        let accepted = Accepted {
            sms_id: sms_id.clone(),
            to: number.to_string(),
            text: recipient.text.to_string(),
            from: order.from.clone(),
            parts: recipient.parts,
            cost,
            at_ms: now.ms,
            send_at_ms,
            test: order.test,
            ip: order.ip.clone(),
            ttl: order.ttl,
            time: order.time.ok().flatten(),
            daytime: order.daytime,
            translit: order.translit,
            partner_id: order.partner_id.clone(),
            status: 100,
        };
        let steps = self.steps_of(number);
        let message = Message { accepted, steps, expired: false, refunded: false };
        let place = self.messages.push(message);
        self.plan(config, place, send_at_ms, order.ttl);
        sms_id
    }
}

/// When the messages leave, or 208.
fn send_at(order: &Order, now: Now) -> Result<i64, i32> {
    if order.daytime {
        // It overrides a time, even a wrong one.
        return Ok(now.zone.by_day(now.ms));
    }
    let asked_ms = order.time.map_err(|()| 208)?.unwrap_or(0).saturating_mul(1000);
    if asked_ms.saturating_sub(now.ms) > MAX_AHEAD_MS { Err(208) } else { Ok(asked_ms.max(now.ms)) }
}

/// Whether a number is the account's own phone.
fn is_own(config: &SimulatorConfig, number: u64) -> bool {
    config.login.as_ref().is_some_and(|(login, _)| login.parse() == Ok(number))
}
