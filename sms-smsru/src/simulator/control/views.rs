//! Views for `GET` requests.

use serde_json::{Value, json};
use sms_core::clock::duration_to_ms;
use url::form_urlencoded;

use crate::simulator::control::input::InputError;
use crate::simulator::fault::{Fault, Injection};
use crate::simulator::shared::Shared;

/// Parses the index to begin a list at: `from=N`.
pub(crate) fn from(query: Option<&str>) -> Result<usize, InputError> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    match pairs.next() {
        None => Ok(0),
        Some((name, value)) if name == "from" => {
            value.parse().map_err(|_| InputError::new("from", "must be a whole number from 0"))
        }
        Some((name, _)) => Err(InputError::new(&name, "is not a known parameter")),
    }
}

pub(crate) fn overview(shared: &Shared, paths: &[&str]) -> Value {
    let (state, now) = shared.current();
    json!({
        "api_id": shared.config.api_id,
        "now_ms": now.ms,
        "balance": state.account.balance,
        "daily_limit": state.account.daily_limit,
        "senders": state.account.senders,
        "accepted": state.messages.log.len(),
        "calls": state.calls.len(),
        "faults": state.faults.list().len(),
        "callbacks": state.callbacks.urls().collect::<Vec<_>>(),
        "pending_callbacks": state.callbacks.pending(),
        "paths": paths,
    })
}

pub(crate) fn accepted(shared: &Shared, from: usize) -> Value {
    let messages = shared.accepted(from);
    json!({ "accepted": messages })
}

pub(crate) fn calls(shared: &Shared, from: usize) -> Value {
    let calls = shared.calls(from);
    json!({ "calls": calls })
}

pub(crate) fn faults(shared: &Shared) -> Value {
    let state = shared.lock();
    json!({ "faults": state.faults.list().iter().map(fault).collect::<Vec<_>>() })
}

/// Shows a fault in the format of the request that injects it.
pub(crate) fn fault(injection: &Injection) -> Value {
    let (name, parameters) = parts(&injection.fault);
    let mut view = json!({
        "fault": name,
        "on": injection.method,
        "left": injection.left,
        "accepts": injection.accepts(),
    });
    if let (Value::Object(view), Value::Object(mut parameters)) = (&mut view, parameters) {
        view.append(&mut parameters);
    }
    view
}

fn parts(fault: &Fault) -> (&'static str, Value) {
    let milliseconds = |duration| json!({ "milliseconds": duration_to_ms(duration) });
    match fault {
        Fault::SilentAfterAccept => ("silent_after_accept", Value::Null),
        Fault::SilentBeforeAccept => ("silent_before_accept", Value::Null),
        Fault::ResetBefore => ("reset_before", Value::Null),
        Fault::ResetAfter => ("reset_after", Value::Null),
        Fault::Html => ("html", Value::Null),
        Fault::Truncated => ("truncated", Value::Null),
        Fault::Broken => ("broken", Value::Null),
        Fault::Empty => ("empty", Value::Null),
        Fault::Status(status) => ("status", json!({ "status": status })),
        Fault::Huge(bytes) => ("huge", json!({ "bytes": bytes })),
        Fault::Slow(over) => ("slow", milliseconds(*over)),
        Fault::DelayReply(delay) => ("delay_reply", milliseconds(*delay)),
        Fault::Missing(count) => ("missing", json!({ "count": count })),
        Fault::Refuse(code) => ("refuse", json!({ "code": code })),
        Fault::RefuseRecipient(phone, code) => {
            ("refuse_recipient", json!({ "phone": phone, "code": code }))
        }
    }
}
