//! The account: its money, its limits and its senders; the methods `my/*` and `auth/check`.

use sms_core::Money;

use crate::simulator::config::SimulatorConfig;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::reply::Reply;

/// What `my/limit` shows where there is no limit: no source shows such an account, and 0 would say
/// that nothing may be sent.
const NO_LIMIT: u32 = 1_000_000;

/// What changes of an account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) balance: Money,
    pub(crate) daily_limit: Option<u32>,
    pub(crate) senders: Vec<String>,
    pub(crate) sender_required: bool,
    /// The day the two counts are of.
    day: i64,
    used: u32,
    free_used: u32,
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

    /// Begins a new day if this is one.
    pub(crate) fn roll(&mut self, day: i64) {
        if self.day != day {
            (self.day, self.used, self.free_used) = (day, 0, 0);
        }
    }

    /// How many messages may still be sent today.
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

    pub(crate) fn balance_reply(&self) -> Reply {
        Reply::ok().field("balance", Json::Money(self.balance)).line(self.balance.to_string())
    }

    pub(crate) fn limit_reply(&self, quirks: bool) -> Reply {
        let limit = self.daily_limit.unwrap_or(NO_LIMIT);
        // Recorded from the live server: the limit is a string, and the count beside it is a
        // number.
        let shown = if quirks { Json::text(limit.to_string()) } else { Json::Number(limit.into()) };
        Reply::ok()
            .field("total_limit", shown)
            .field("used_today", Json::Number(self.used.into()))
            .line(limit.to_string())
            .line(self.used.to_string())
    }

    pub(crate) fn free_reply(&self, per_day: u32, quirks: bool) -> Reply {
        let used = if quirks && self.free_used == 0 {
            Json::Null
        } else {
            Json::Number(self.free_used.into())
        };
        Reply::ok()
            .field("total_free", Json::Number(per_day.into()))
            .field("used_today", used)
            .line(per_day.to_string())
            .line(self.free_used.to_string())
    }

    pub(crate) fn senders_reply(&self, quirks: bool) -> Reply {
        list(Reply::ok(), "senders", self.senders.iter().map(String::as_str), quirks)
    }
}

/// A list, which the live server leaves out when it is empty.
pub(crate) fn list<'a>(
    reply: Reply,
    name: &'static str,
    items: impl ExactSizeIterator<Item = &'a str> + Clone,
    quirks: bool,
) -> Reply {
    let absent = quirks && items.len() == 0;
    let reply = items.clone().fold(reply, Reply::line);
    if absent {
        reply
    } else {
        reply.field(name, Json::List(items.map(|item| Json::text(item.to_owned())).collect()))
    }
}
