//! `/livez` and `/readyz`, for those who watch over the process.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::store::{ListRequest, Scope};
use tokio::time::timeout;

use super::Api;

/// How long a look at a service may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The process runs.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// The process can accept messages. That takes the store alone: without the queue they go out later, and without the
/// provider they wait.
pub(crate) async fn ready(State(api): State<Api>) -> (StatusCode, Json<Value>) {
    let request = ListRequest { scope: Scope::All, limit: 1, ..ListRequest::default() };
    let store = matches!(timeout(CHECK_TIMEOUT, api.0.store.list(&request)).await, Ok(Ok(_)));
    let queue = timeout(CHECK_TIMEOUT, api.0.queue.stats()).await;
    // Without the queue server messages go on through the store.
    let queue =
        if queue.is_ok_and(|stats| stats.is_ok_and(|stats| !stats.degraded)) { "ok" } else { "degraded" };
    let word = |good: bool| if good { "ok" } else { "unavailable" };
    let status = if store { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if store { "ready" } else { "unavailable" },
        "store": word(store),
        "queue": queue,
    });
    (status, Json(body))
}
