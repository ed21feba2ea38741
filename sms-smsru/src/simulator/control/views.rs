//! What `GET` shows.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::input::Wrong;
use crate::simulator::fault::Injection;
use crate::simulator::shared::Shared;

/// The place to begin a log at: `from=N`.
pub(super) fn from(query: Option<&str>) -> Result<usize, Wrong> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    match pairs.next() {
        None => Ok(0),
        Some((name, value)) if name == "from" => {
            value.parse().map_err(|_| Wrong::new("from", "must be a whole number from 0"))
        }
        Some((name, _)) => Err(Wrong::new(&name, "there is no such parameter here")),
    }
}

pub(super) fn overview(shared: &Shared, paths: &[&str]) -> Value {
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

pub(super) fn accepted(shared: &Shared, from: usize) -> Value {
    let messages = shared.accepted(from);
    json!({ "accepted": messages })
}

pub(super) fn calls(shared: &Shared, from: usize) -> Value {
    let calls = shared.calls(from);
    json!({ "calls": calls })
}

pub(super) fn faults(shared: &Shared) -> Value {
    let state = shared.lock();
    json!({ "faults": state.faults.list().iter().map(fault).collect::<Vec<_>>() })
}

pub(super) fn fault(injection: &Injection) -> Value {
    json!({
        "fault": format!("{:?}", injection.fault),
        "on": injection.method,
        "left": injection.left,
        "after_accept": injection.accepts(),
    })
}
