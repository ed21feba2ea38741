//! Handlers of `POST` requests. Each reads all fields before it changes anything.

use std::time::Duration;

use serde_json::{Value, json};
use sms_core::Money;

use crate::simulator::control::input::{Input, InputError, Nullable, required};
use crate::simulator::control::views;
use crate::simulator::delivery::{Delivery, is_failure};
use crate::simulator::fault::{Fault, Injection};
use crate::simulator::shared::Shared;

/// The maximum of a number of bytes or recipients.
const MAX_COUNT: usize = 1 << 30;

pub(crate) fn balance(shared: &Shared, mut input: Input) -> Result<Value, InputError> {
    let (balance, add) = (input.money("balance")?, input.money("add")?);
    input.finish()?;
    if balance.is_none() && add.is_none() {
        return Err(InputError::new("balance", "is missing, and so is add"));
    }
    let mut state = shared.lock();
    if let Some(balance) = balance {
        state.account.balance = balance;
    }
    state.account.add(add.unwrap_or(Money::default()));
    Ok(json!({ "balance": state.account.balance }))
}

pub(crate) fn limit(shared: &Shared, mut input: Input) -> Result<Value, InputError> {
    let (daily, per_day) = (input.limit("daily_limit")?, input.limit("number_per_day")?);
    let (minute, day) = (input.limit("identical_per_minute")?, input.limit("identical_per_day")?);
    input.finish()?;
    let mut state = shared.lock();
    state.account.daily_limit = daily.or(state.account.daily_limit);
    let limits = &mut state.number_limits;
    limits.per_day = per_day.or(limits.per_day);
    limits.identical_per_minute = minute.or(limits.identical_per_minute);
    limits.identical_per_day = day.or(limits.identical_per_day);
    let limits = state.number_limits;
    Ok(json!({
        "daily_limit": state.account.daily_limit,
        "number_per_day": limits.per_day,
        "identical_per_minute": limits.identical_per_minute,
        "identical_per_day": limits.identical_per_day,
    }))
}

pub(crate) fn senders(shared: &Shared, mut input: Input) -> Result<Value, InputError> {
    let (senders, is_required) = (input.texts("senders")?, input.flag("required")?);
    input.finish()?;
    let mut state = shared.lock();
    let account = &mut state.account;
    if let Some(senders) = senders {
        account.senders = senders;
    }
    account.sender_required = is_required.unwrap_or(account.sender_required);
    Ok(json!({ "senders": account.senders, "required": account.sender_required }))
}

pub(crate) fn refusals(shared: &Shared, mut input: Input) -> Result<Value, InputError> {
    let phone = required("phone", input.phone("phone")?)?;
    let code = match input.code_or_none("code")? {
        Nullable::Absent => return Err(InputError::new("code", "is missing")),
        code => code.or(None),
    };
    input.finish()?;
    shared.refuse(phone, code);
    Ok(json!({ "phone": phone.to_string(), "code": code }))
}

pub(crate) fn clock(shared: &Shared, mut input: Input) -> Result<Value, InputError> {
    let seconds = required("advance_seconds", input.number("advance_seconds")?)?;
    input.finish()?;
    shared.advance(Duration::from_secs(seconds));
    Ok(json!({ "now_ms": shared.clock.now_ms() }))
}

pub(crate) fn confirm(shared: &Shared, mut input: Input) -> Result<Value, InputError> {
    let check_id = required("check_id", input.text("check_id")?)?;
    input.finish()?;
    if shared.confirm(&check_id) {
        Ok(json!({ "check_id": check_id, "check_status": 401 }))
    } else {
        Err(InputError::new("check_id", "does not wait for a call"))
    }
}

pub(crate) fn reset(shared: &Shared, input: Input) -> Result<Value, InputError> {
    input.finish()?;
    shared.lock().reset(&shared.config);
    Ok(json!({ "accepted": 0 }))
}

/// Changes the settings of callbacks. Returns `true` if the pending records must be sent now.
pub(crate) fn callbacks(shared: &Shared, mut input: Input) -> Result<bool, InputError> {
    let (duplicates, shuffle) = (input.flag("duplicates")?, input.flag("shuffle")?);
    let send_now = input.flag("send_now")?;
    input.finish()?;
    let mut state = shared.lock();
    state.callbacks.duplicates = duplicates.unwrap_or(state.callbacks.duplicates);
    state.callbacks.shuffle = shuffle.unwrap_or(state.callbacks.shuffle);
    Ok(send_now.unwrap_or(false))
}

pub(crate) fn delivery(shared: &Shared, mut input: Input) -> Result<Value, InputError> {
    let name = required("delivery", input.text("delivery")?)?;
    let delivery = match name.as_str() {
        "delivered" => Delivery::Delivered,
        "stuck" => Delivery::Stuck,
        "failed" => Delivery::Failed(failure(&mut input)?),
        "failed_sometimes" => {
            Delivery::FailedSometimes { percent: percent(&mut input)?, code: failure(&mut input)? }
        }
        "steps" => Delivery::Steps(required("steps", input.codes("steps")?)?),
        _ => {
            let rule = "must be delivered, stuck, failed, failed_sometimes or steps";
            return Err(InputError::new("delivery", rule));
        }
    };
    let phone = input.phone("phone")?;
    input.finish()?;
    shared.deliver(phone, delivery);
    Ok(json!({ "delivery": name, "phone": phone.map(|phone| phone.to_string()) }))
}

fn failure(input: &mut Input) -> Result<i32, InputError> {
    let code = required("code", input.code("code")?)?;
    if is_failure(code) {
        Ok(code)
    } else {
        Err(InputError::new("code", "must be 104 to 108, or 150"))
    }
}

fn percent(input: &mut Input) -> Result<u8, InputError> {
    let percent = required("percent", input.number("percent")?)?;
    let percent = u8::try_from(percent).ok().filter(|percent| *percent <= 100);
    percent.ok_or_else(|| InputError::new("percent", "must be 0 to 100"))
}

pub(crate) fn fault(shared: &Shared, mut input: Input) -> Result<Value, InputError> {
    let name = required("fault", input.text("fault")?)?;
    let mut injection = Injection::from(fault_named(&name, &mut input)?);
    if let Some(method) = input.text("on")? {
        injection = injection.on(method);
    }
    if let Some(times) = input.number("times")? {
        let times = u32::try_from(times).map_err(|_| InputError::new("times", "is too large"))?;
        injection = injection.times(times);
    }
    if input.flag("forever")? == Some(true) {
        injection = injection.forever();
    }
    if input.flag("after_accept")? == Some(true) {
        injection = injection.after_accept();
    }
    input.finish()?;
    let view = views::fault(&injection);
    shared.lock().faults.add(injection);
    Ok(view)
}

fn fault_named(name: &str, input: &mut Input) -> Result<Fault, InputError> {
    Ok(match name {
        "silent_after_accept" => Fault::SilentAfterAccept,
        "silent_before_accept" => Fault::SilentBeforeAccept,
        "reset_before" => Fault::ResetBefore,
        "reset_after" => Fault::ResetAfter,
        "html" => Fault::Html,
        "truncated" => Fault::Truncated,
        "broken" => Fault::Broken,
        "empty" => Fault::Empty,
        "status" => Fault::Status(status(input)?),
        "huge" => Fault::Huge(count("bytes", input)?),
        "slow" => Fault::Slow(milliseconds(input)?),
        "delay_reply" => Fault::DelayReply(milliseconds(input)?),
        "missing" => Fault::Missing(count("count", input)?),
        "refuse" => Fault::Refuse(code(input)?),
        "refuse_recipient" => {
            let phone = required("phone", input.phone("phone")?)?;
            Fault::RefuseRecipient(phone.to_string(), code(input)?)
        }
        _ => return Err(InputError::new("fault", "is not a known fault")),
    })
}

fn status(input: &mut Input) -> Result<u16, InputError> {
    let status = required("status", input.number("status")?)?;
    let status = u16::try_from(status).ok().filter(|status| (200..=599).contains(status));
    status.ok_or_else(|| InputError::new("status", "must be an HTTP status from 200 to 599"))
}

fn milliseconds(input: &mut Input) -> Result<Duration, InputError> {
    Ok(Duration::from_millis(required("milliseconds", input.number("milliseconds")?)?))
}

fn count(field: &'static str, input: &mut Input) -> Result<usize, InputError> {
    let count = required(field, input.number(field)?)?;
    let count = usize::try_from(count).ok().filter(|count| *count <= MAX_COUNT);
    count.ok_or_else(|| InputError::new(field, "is too large"))
}

fn code(input: &mut Input) -> Result<i32, InputError> {
    required("code", input.code("code")?)
}
