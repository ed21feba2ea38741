//! `/livez` and `/readyz`, for those who watch over the process.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::app::Api;

/// How long the queue may take to answer.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// The process runs.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// The process can accept messages. That takes the store alone: without the queue they go out
/// later, and without the provider they wait.
pub(crate) async fn ready(State(api): State<Api>) -> (StatusCode, Json<Value>) {
    let queue = timeout(QUEUE_TIMEOUT, api.0.queue.stats());
    let (store, queue) = tokio::join!(api.0.readiness.check(api.0.keys.registry()), queue);
    // Without the queue server messages go on through the store.
    let queue = if queue.is_ok_and(|stats| stats.is_ok_and(|stats| !stats.degraded)) {
        "ok"
    } else {
        "degraded"
    };
    let is_ready = store.is_ok();
    let mut body = json!({
        "status": if is_ready { "ready" } else { "unavailable" },
        "store": if is_ready { "ok" } else { "unavailable" },
        "queue": queue,
    });
    if let Err(cause) = store {
        body["cause"] = json!(cause);
    }
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body))
}
