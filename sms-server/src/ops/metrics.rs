//! `GET /metrics`.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::gauges::Gauges;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// The text format of Prometheus.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The longest that the figures of the system may take. Without them the others are still shown.
const GAUGES_TIMEOUT: Duration = Duration::from_secs(8);

/// `GET /metrics`. Needs the scope `admin`.
pub(crate) async fn show(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.with(KeyScope::Admin)?;
    show_to_anyone(State(app)).await
}

/// The same at an address of its own, where no key is needed.
pub(crate) async fn show_to_anyone(State(app): State<App>) -> Result<Response, Problem> {
    let metrics = app.0.metrics.as_ref().ok_or_else(Problem::no_such_path)?;
    let gauges = timeout(GAUGES_TIMEOUT, Gauges::read(&app)).await.unwrap_or_default();
    let text = metrics.render(|| gauges.set(&app));
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response())
}
