//! The door at which a provider reports by itself: `POST /callbacks/{provider}/{token}`. A reply
//! has the form that the provider expects; errors are problems.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use tower_http::limit::RequestBodyLimitLayer;

use crate::app::App;
use crate::http::body::MAX_BODY;
use crate::http::layers;
use crate::http::problem::Problem;

/// The name under which all providers share the memory for bodies with the clients. No key has it
/// as its id.
const CLIENT: &str = "callbacks";
/// Receipts in one call of the store.
const BATCH: usize = 1000;

pub(crate) fn routes() -> Router<App> {
    let routes = Router::new()
        .route("/callbacks/{provider}/{token}", post(accept))
        .layer(RequestBodyLimitLayer::new(MAX_BODY));
    layers::problems(routes)
}

/// Applies the receipts of a callback. The reply comes after all of them are committed, since the
/// provider does not repeat a callback that was answered.
async fn accept(
    State(app): State<App>,
    Path((provider, token)): Path<(String, String)>,
    body: Body,
) -> Result<&'static str, Problem> {
    let found = app.0.callbacks.as_ref().filter(|callbacks| callbacks.are_at(&provider, &token));
    let callbacks = found.ok_or_else(Problem::no_such_path)?;
    let body = app.0.bodies.read(&Arc::from(CLIENT), body).await?;
    let receipts = callbacks.read(&body).map_err(|error| {
        tracing::warn!(provider, reason = format!("{error:#}"), "callback refused");
        Problem::new(StatusCode::FORBIDDEN, "callback_refused", "this is not a genuine callback")
    })?;
    for batch in receipts.chunks(BATCH) {
        let effects = app.0.store.apply_receipts(batch).await?;
        app.0.ends.received(&app.0.store, batch, &effects).await;
    }
    Ok(callbacks.answer())
}
