//! `GET /livez` and `GET /readyz`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::queue_state::QueueState;

/// The longest the queue may take to answer.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// The reply of `/livez`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LiveView {
    status: LiveStatus,
}

/// The process answers.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LiveStatus {
    Live,
}

/// The reply of `/readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyView {
    status: ReadyStatus,
    store: StoreState,
    queue: QueueState,
    /// The reason why the store cannot be written, in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
}

/// Tells whether the process can accept messages.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReadyStatus {
    Ready,
    Unavailable,
}

/// State of the store.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StoreState {
    /// It can be written.
    Ok,
    /// It cannot be written.
    Unavailable,
}

/// `GET /livez`: 200 while the process answers at all.
pub(crate) async fn live() -> Json<LiveView> {
    Json(LiveView { status: LiveStatus::Live })
}

/// `GET /readyz`: 200 while messages can be accepted. That needs the store alone: without the queue
/// messages go out later, and without the provider they wait.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, Json<ReadyView>) {
    let queue = timeout(QUEUE_TIMEOUT, app.0.queue.stats());
    let (store, queue) = tokio::join!(app.0.readiness.check(app.0.keys.registry()), queue);
    let works = queue.is_ok_and(|stats| stats.is_ok_and(|stats| !stats.degraded));
    let queue = QueueState::of(!works);
    let (code, status, store, cause) = match store {
        Ok(()) => (StatusCode::OK, ReadyStatus::Ready, StoreState::Ok, None),
        Err(cause) => {
            let (status, store) = (ReadyStatus::Unavailable, StoreState::Unavailable);
            (StatusCode::SERVICE_UNAVAILABLE, status, store, Some(cause))
        }
    };
    (code, Json(ReadyView { status, store, queue, cause }))
}
