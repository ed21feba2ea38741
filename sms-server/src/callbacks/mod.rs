//! The door at which a provider reports by itself: `POST /callbacks/{provider}/{token}`. A reply
//! has the form that the provider expects; errors are problems.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::post;
use sms_core::{Callback, CallbackRefusal, CallbackReply, CallbackRequest, Error, ErrorKind};
use tower_http::limit::RequestBodyLimitLayer;

use crate::app::App;
use crate::http::body::MAX_BODY;
use crate::http::layers;
use crate::http::network::client_address;
use crate::http::problem::Problem;

/// The name under which all providers share the memory for bodies with the clients. No key has it
/// as its id.
const CLIENT: &str = "callbacks";
/// Receipts in one call of the store.
const BATCH: usize = 1000;

pub(crate) fn routes() -> Router<App> {
    let routes = Router::new()
        .route("/callbacks/{provider}/{token}", post(accept))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(layers::time_limit(layers::REQUEST_TIMEOUT));
    layers::problems(routes)
}

/// Applies the receipts of a callback. The reply comes after all of them are committed, since the
/// provider does not repeat a callback that was answered.
async fn accept(
    State(app): State<App>,
    Path((provider, token)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let found = app.0.callbacks.as_ref().filter(|endpoint| endpoint.is_at(&provider, &token));
    let endpoint = found.ok_or_else(Problem::no_such_path)?;
    let (parts, body) = request.into_parts();
    let body = app.0.bodies.read(&Arc::from(CLIENT), body).await?;
    let headers: Vec<(&str, &[u8])> =
        parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let peer = client_address(&parts, &app.0.site.trusted_proxies);
    let request = CallbackRequest::new(&body)
        .headers(&headers)
        .query(parts.uri.query().unwrap_or_default())
        .peer(peer);
    let Callback { receipts, reply, .. } =
        endpoint.read(&request).map_err(|refusal| refused(&provider, &refusal))?;
    for batch in receipts.chunks(BATCH) {
        let effects = app.0.store.apply_receipts(batch).await?;
        app.0.ends.received(&app.0.store, batch, &effects).await;
    }
    response(reply).map_err(|error| {
        let reason = "a provider's reply to a callback is no HTTP reply";
        Error::new(ErrorKind::Internal, reason).with_source(error).into()
    })
}

fn refused(provider: &str, refusal: &CallbackRefusal) -> Problem {
    tracing::warn!(provider, reason = %refusal, "callback refused");
    match refusal {
        CallbackRefusal::Unreadable(_) => Problem::new(
            StatusCode::BAD_REQUEST,
            "callback_unreadable",
            "this callback does not have the format of the provider",
        ),
        _ => Problem::new(
            StatusCode::FORBIDDEN,
            "callback_refused",
            "this is not a genuine callback",
        ),
    }
}

fn response(reply: CallbackReply) -> Result<Response, axum::http::Error> {
    Response::builder()
        .status(reply.status)
        .header(CONTENT_TYPE, &*reply.content_type)
        .body(Body::from(reply.body))
}
