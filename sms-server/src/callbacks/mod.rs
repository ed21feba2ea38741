//! `POST /callbacks/{provider}/{token}`: what providers report by themselves.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::app::Api;
use crate::http::problem::Problem;

/// Under this name providers share the memory for bodies with the clients. No key has it.
const CLIENT: &str = "callbacks";
/// Receipts per call of the store.
const BATCH: usize = 1000;

/// Takes a callback: it is answered when every receipt in it is committed, and not before.
pub(crate) async fn take(
    State(api): State<Api>,
    Path((provider, token)): Path<(String, String)>,
    body: Body,
) -> Result<&'static str, Problem> {
    let found = api.0.callbacks.as_ref().filter(|callbacks| callbacks.are_at(&provider, &token));
    let callbacks = found.ok_or_else(Problem::no_such_path)?;
    let body = api.0.bodies.read(&Arc::from(CLIENT), body).await?;
    let receipts = callbacks.read(&body).map_err(|error| {
        tracing::warn!(provider, reason = format!("{error:#}"), "callback refused");
        Problem::new(StatusCode::FORBIDDEN, "callback_refused", "this is not a genuine callback")
    })?;
    for batch in receipts.chunks(BATCH) {
        let effects = api.0.store.apply_receipts(batch).await?;
        api.0.ends.received(&api.0.store, batch, &effects).await;
    }
    Ok(callbacks.answer())
}
