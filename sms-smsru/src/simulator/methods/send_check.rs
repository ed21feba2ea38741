//! Who and what `sms/send` refuses. Nothing changes here.

use sms_core::Money;

use crate::simulator::config::{RefusalLevel, SimulatorConfig};
use crate::simulator::fault::Plan;
use crate::simulator::methods::message_request::{Order, Recipient, is_public};
use crate::simulator::model::state::{Now, State, times};
use crate::simulator::phone::is_russian;

/// Two months, the farthest a `time` may be ahead.
const MAX_AHEAD_MS: i64 = 62 * 86_400_000;

/// A request, and what it is judged by beside the state.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) config: &'a SimulatorConfig,
    pub(crate) now: Now,
    pub(crate) order: &'a Order,
    pub(crate) plan: &'a Plan,
}

impl Judge<'_> {
    /// When the messages leave.
    ///
    /// # Errors
    ///
    /// The code that refuses the request as a whole.
    pub(crate) fn request(&self, state: &State) -> Result<i64, i32> {
        let send_at_ms = self.send_at()?;
        self.text()?;
        if !self.order.test {
            self.empty_account(state)?;
            self.short_account(state)?;
        }
        Ok(send_at_ms)
    }

    fn send_at(&self) -> Result<i64, i32> {
        if self.order.daytime {
            // It overrides a time, even a wrong one.
            return Ok(self.now.zone.by_day(self.now.ms));
        }
        let asked_ms = self.order.time.map_err(|()| 208)?.unwrap_or(0).saturating_mul(1000);
        if asked_ms.saturating_sub(self.now.ms) > MAX_AHEAD_MS {
            Err(208)
        } else {
            Ok(asked_ms.max(self.now.ms))
        }
    }

    fn text(&self) -> Result<(), i32> {
        if self.config.text_level == RefusalLevel::Recipient {
            return Ok(());
        }
        self.order.recipients.iter().find_map(Recipient::text_refusal).map_or(Ok(()), Err)
    }

    /// An account that has nothing left is refused at the top, wherever the lesser shortages stand.
    fn empty_account(&self, state: &State) -> Result<(), i32> {
        let priced = self.config.price > Money::default();
        if priced && state.account.balance <= Money::default() {
            return Err(201);
        }
        if state.account.left_today() == 0 { Err(206) } else { Ok(()) }
    }

    fn short_account(&self, state: &State) -> Result<(), i32> {
        let whole = |level| level == RefusalLevel::Request;
        let (money, limit) = (whole(self.config.money_level), whole(self.config.limit_level));
        if !(money || limit) {
            return Ok(());
        }
        let fit = self.order.recipients.iter().filter(|&to| self.refusal(state, to).is_none());
        let (mut count, mut parts) = (0, 0);
        for recipient in fit {
            (count, parts) = (count + 1, parts + recipient.parts);
        }
        if limit && count > state.account.left_today() {
            return Err(206);
        }
        if money && times(self.config.price, parts) > state.account.balance {
            Err(201)
        } else {
            Ok(())
        }
    }

    /// The number and the cost of one recipient.
    ///
    /// # Errors
    ///
    /// The code that refuses it.
    pub(crate) fn recipient(
        &self,
        state: &State,
        recipient: &Recipient,
    ) -> Result<(u64, Money), i32> {
        if let Some(code) = self.refusal(state, recipient) {
            return Err(code);
        }
        let number = recipient.phone.number.ok_or(202)?;
        if self.order.test {
            return Ok((number, Money::default()));
        }
        if state.account.left_today() == 0 {
            return Err(206);
        }
        let cost = self.cost(state, number, recipient.parts);
        if cost > state.account.balance { Err(201) } else { Ok((number, cost)) }
    }

    fn cost(&self, state: &State, number: u64, parts: usize) -> Money {
        let free = state.account.free_left(self.config.free_per_day) > 0 && self.is_own(number);
        if free { Money::default() } else { times(self.config.price, parts) }
    }

    /// Whether a number is the account's own phone.
    pub(crate) fn is_own(&self, number: u64) -> bool {
        self.config.login.as_ref().is_some_and(|(login, _)| login.parse() == Ok(number))
    }

    /// The code that refuses a recipient for another reason than money or the account's limit.
    fn refusal(&self, state: &State, recipient: &Recipient) -> Option<i32> {
        let Some(number) = recipient.phone.number else {
            return Some(202);
        };
        let demanded = self.plan.refusals.iter().find(|(refused, _)| *refused == number);
        let limit = || {
            let at = (self.now.ms, self.now.day);
            state.history.refusal(&state.number_limits, number, &recipient.text, at)
        };
        demanded
            .map(|(_, code)| *code)
            .or_else(|| state.refusal_of_number(self.config, number))
            .or_else(|| recipient.text_refusal())
            .or_else(|| self.refusal_of_ip())
            .or_else(|| state.refusal_of_sender(self.order.from.as_deref()))
            .or_else(limit)
    }

    fn refusal_of_ip(&self) -> Option<i32> {
        let ip = self.order.ip.as_deref().filter(|ip| *ip != "-1")?;
        (!is_public(ip)).then_some(507)
    }
}

impl State {
    /// What refuses a number, whatever it is sent.
    pub(crate) fn refusal_of_number(&self, config: &SimulatorConfig, number: u64) -> Option<i32> {
        if let Some(code) = self.refused.get(&number) {
            return Some(*code);
        }
        if config.russia_only && !is_russian(number) {
            return Some(214);
        }
        self.stoplist.holds(number).then_some(209)
    }

    /// What refuses a sender name, or its absence.
    pub(crate) fn refusal_of_sender(&self, from: Option<&str>) -> Option<i32> {
        if self.account.sender_required && self.account.senders.is_empty() {
            return Some(221);
        }
        from.is_some_and(|from| !self.account.senders.iter().any(|sender| sender == from))
            .then_some(204)
    }
}
