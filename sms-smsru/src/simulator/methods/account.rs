//! `my/…`: balance, daily limits and sender names.

use crate::simulator::methods::json::Json;
use crate::simulator::methods::reply::Reply;
use crate::simulator::model::account::Account;

/// The value of `my/limit` for an account without a limit. No source shows such an account, and 0
/// would mean that nothing can be sent.
const NO_LIMIT: u32 = 1_000_000;

pub(crate) fn balance(account: &Account) -> Reply {
    Reply::ok().field("balance", Json::Money(account.balance)).line(account.balance.to_string())
}

pub(crate) fn limit(account: &Account, quirks: bool) -> Reply {
    let limit = account.daily_limit.unwrap_or(NO_LIMIT);
    // In recorded replies the limit is a string, and the count next to it is a number.
    let shown = if quirks { Json::text(limit.to_string()) } else { Json::Number(limit.into()) };
    Reply::ok()
        .field("total_limit", shown)
        .field("used_today", Json::Number(account.used.into()))
        .line(limit.to_string())
        .line(account.used.to_string())
}

pub(crate) fn free(account: &Account, per_day: u32, quirks: bool) -> Reply {
    let used = if quirks && account.free_used == 0 {
        Json::Null
    } else {
        Json::Number(account.free_used.into())
    };
    Reply::ok()
        .field("total_free", Json::Number(per_day.into()))
        .field("used_today", used)
        .line(per_day.to_string())
        .line(account.free_used.to_string())
}

pub(crate) fn senders(account: &Account, quirks: bool) -> Reply {
    Reply::ok().list("senders", account.senders.iter().map(String::as_str), quirks)
}
