//! `GET /v1/queue`: what waits to be sent, as the queue knows it.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use sms_core::{Error, Lane};
use tokio::time::timeout;

use crate::app::Api;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// The longest the queue may take to answer.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// The consequence of an outage of the queue.
const DEGRADED: &str = "the queue server cannot be used; messages go on through the store, which workers look at twice a second";

/// `GET /v1/queue`, by lane. Scope `admin`.
pub(crate) async fn show(State(api): State<Api>, caller: Caller) -> Result<Json<Value>, Problem> {
    caller.with(KeyScope::Admin)?;
    let too_slow = |error| Error::unavailable("the queue did not answer in time", error);
    let stats = timeout(QUEUE_TIMEOUT, api.0.queue.stats())
        .await
        .unwrap_or_else(|error| Err(too_slow(error)));
    // A process that only serves has no figures then; one that also works has those of its own
    // queue.
    let Ok(stats) = stats else {
        return Ok(Json(
            json!({ "state": "degraded", "note": DEGRADED, "lanes": null, "capacity": null }),
        ));
    };
    let (word, note) = if stats.degraded { ("degraded", Some(DEGRADED)) } else { ("ok", None) };
    let lanes = Lane::ALL.iter().zip(stats.lanes);
    let lanes: Map<_, _> =
        lanes.map(|(lane, stats)| (name(*lane).to_owned(), json!(stats))).collect();
    Ok(Json(json!({ "state": word, "note": note, "lanes": lanes, "capacity": stats.capacity })))
}

const fn name(lane: Lane) -> &'static str {
    match lane {
        Lane::Urgent => "urgent",
        Lane::Normal => "normal",
        Lane::Bulk => "bulk",
    }
}
