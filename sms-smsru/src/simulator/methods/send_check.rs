//! The checks of `sms/send`. They change nothing.

use sms_core::Money;

use crate::simulator::config::{RefusalLevel, SimulatorConfig};
use crate::simulator::fault::RequestFaults;
use crate::simulator::methods::message_request::{MessageRequest, Recipient, is_public};
use crate::simulator::model::account::total_price;
use crate::simulator::model::state::{Moment, State};

/// The maximum time ahead of the parameter `time`: two months.
const MAX_AHEAD_MS: i64 = 62 * 86_400_000;

/// A request with everything that its checks need in addition to the state.
#[derive(Clone, Copy)]
pub(crate) struct SendCheck<'a> {
    pub(crate) config: &'a SimulatorConfig,
    pub(crate) now: Moment,
    pub(crate) request: &'a MessageRequest,
    pub(crate) faults: &'a RequestFaults,
}

impl SendCheck<'_> {
    /// Checks the request as a whole and returns the time at which its messages are sent.
    ///
    /// # Errors
    ///
    /// The code that refuses the request as a whole.
    pub(crate) fn check_request(&self, state: &State) -> Result<i64, i32> {
        let send_at_ms = self.send_at()?;
        self.check_text()?;
        if !self.request.test {
            self.check_empty_account(state)?;
            self.check_whole_request(state)?;
        }
        Ok(send_at_ms)
    }

    fn send_at(&self) -> Result<i64, i32> {
        if self.request.daytime {
            // It overrides `time`, even an invalid one.
            return Ok(self.now.zone.in_daytime(self.now.ms));
        }
        let asked_ms = self.request.time.map_err(|()| 208)?.unwrap_or(0).saturating_mul(1000);
        if asked_ms.saturating_sub(self.now.ms) > MAX_AHEAD_MS {
            Err(208)
        } else {
            Ok(asked_ms.max(self.now.ms))
        }
    }

    fn check_text(&self) -> Result<(), i32> {
        if self.config.text_level == RefusalLevel::Recipient {
            return Ok(());
        }
        self.request.recipients.iter().find_map(Recipient::text_refusal).map_or(Ok(()), Err)
    }

    /// Checks that the account has any money and any messages left. Otherwise the whole request is
    /// refused, whatever the configured level is.
    fn check_empty_account(&self, state: &State) -> Result<(), i32> {
        let costs_money = self.config.price > Money::default();
        if costs_money && state.account.balance <= Money::default() {
            return Err(201);
        }
        if state.account.left_today() == 0 { Err(206) } else { Ok(()) }
    }

    /// Checks that money and limit are enough for all recipients, if they are checked at the level
    /// of the request.
    fn check_whole_request(&self, state: &State) -> Result<(), i32> {
        let is_whole = |level| level == RefusalLevel::Request;
        let (money, limit) = (is_whole(self.config.money_level), is_whole(self.config.limit_level));
        if !(money || limit) {
            return Ok(());
        }
        let accepted =
            self.request.recipients.iter().filter(|&to| self.refusal(state, to).is_none());
        let (mut count, mut parts) = (0, 0);
        for recipient in accepted {
            (count, parts) = (count + 1, parts + recipient.parts);
        }
        if limit && count > state.account.left_today() {
            return Err(206);
        }
        if money && total_price(self.config.price, parts) > state.account.balance {
            Err(201)
        } else {
            Ok(())
        }
    }

    /// Checks one recipient and returns its number and the cost of its message.
    ///
    /// # Errors
    ///
    /// The code that refuses the recipient.
    pub(crate) fn check_recipient(
        &self,
        state: &State,
        recipient: &Recipient,
    ) -> Result<(u64, Money), i32> {
        if let Some(code) = self.refusal(state, recipient) {
            return Err(code);
        }
        let number = recipient.phone.number.ok_or(202)?;
        if self.request.test {
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
        if free { Money::default() } else { total_price(self.config.price, parts) }
    }

    /// Checks if a number is the phone number of the account.
    pub(crate) fn is_own(&self, number: u64) -> bool {
        self.config.login.as_ref().is_some_and(|(login, _)| login.parse() == Ok(number))
    }

    /// Returns the code that refuses a recipient, except for money and the limit of the account.
    fn refusal(&self, state: &State, recipient: &Recipient) -> Option<i32> {
        let Some(number) = recipient.phone.number else {
            return Some(202);
        };
        let injected = self.faults.refusals.iter().find(|(refused, _)| *refused == number);
        let limit = || {
            let at = (self.now.ms, self.now.day);
            state.history.refusal(&state.number_limits, number, &recipient.text, at)
        };
        injected
            .map(|(_, code)| *code)
            .or_else(|| state.number_refusal(self.config, number))
            .or_else(|| recipient.text_refusal())
            .or_else(|| self.ip_refusal())
            .or_else(|| state.account.sender_refusal(self.request.from.as_deref()))
            .or_else(limit)
    }

    fn ip_refusal(&self) -> Option<i32> {
        let ip = self.request.ip.as_deref().filter(|ip| *ip != "-1")?;
        (!is_public(ip)).then_some(507)
    }
}
