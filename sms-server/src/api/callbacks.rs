//! `POST /callbacks/{provider}/{token}`: what providers report by themselves.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::Api;
use super::problem::Problem;

/// Receipts per call of the store.
const BATCH: usize = 1000;

/// Takes a callback: it is answered when every receipt in it is committed, and not before.
pub(crate) async fn take(
    State(api): State<Api>,
    Path((provider, token)): Path<(String, String)>,
    body: Bytes,
) -> Result<&'static str, Problem> {
    let found = api.0.callbacks.as_ref().filter(|callbacks| callbacks.are_at(&provider, &token));
    let callbacks = found.ok_or_else(Problem::no_such_path)?;
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
