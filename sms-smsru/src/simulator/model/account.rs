//! The money, the daily limits and the sender names of the account.

use sms_core::Money;

use crate::simulator::config::SimulatorConfig;

/// The state of the account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) balance: Money,
    pub(crate) daily_limit: Option<u32>,
    pub(crate) senders: Vec<String>,
    pub(crate) sender_required: bool,
    /// The day to which `used` and `free_used` belong.
    day: i64,
    pub(crate) used: u32,
    pub(crate) free_used: u32,
}

impl Account {
    pub(crate) fn new(config: &SimulatorConfig) -> Self {
        Self {
            balance: config.balance,
            daily_limit: config.daily_limit,
            senders: config.senders.clone(),
            sender_required: config.sender_required,
            day: 0,
            used: 0,
            free_used: 0,
        }
    }

    pub(crate) fn add(&mut self, money: Money) {
        self.balance = Money::from_micros(self.balance.micros().saturating_add(money.micros()));
    }

    pub(crate) fn charge(&mut self, money: Money) {
        self.add(Money::from_micros(money.micros().saturating_neg()));
    }

    /// Resets the daily counts on a new day.
    pub(crate) fn start_day(&mut self, day: i64) {
        if self.day != day {
            (self.day, self.used, self.free_used) = (day, 0, 0);
        }
    }

    /// Returns the number of messages that can still be sent today.
    pub(crate) fn left_today(&self) -> u32 {
        self.daily_limit.map_or(u32::MAX, |limit| limit.saturating_sub(self.used))
    }

    pub(crate) const fn free_left(&self, per_day: u32) -> u32 {
        per_day.saturating_sub(self.free_used)
    }

    /// Counts and charges one message.
    pub(crate) fn spend(&mut self, cost: Money, free: bool) {
        self.used = self.used.saturating_add(1);
        self.free_used += u32::from(free);
        self.charge(cost);
    }

    /// Returns the code that refuses a sender name, or no sender name where one is required.
    pub(crate) fn sender_refusal(&self, from: Option<&str>) -> Option<i32> {
        if self.sender_required && self.senders.is_empty() {
            return Some(221);
        }
        from.is_some_and(|from| !self.senders.iter().any(|sender| sender == from)).then_some(204)
    }
}

/// Returns the price of this many parts.
pub(crate) fn total_price(price: Money, parts: usize) -> Money {
    Money::from_micros(price.micros().saturating_mul(i64::try_from(parts).unwrap_or(i64::MAX)))
}
