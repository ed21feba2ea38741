//! The REST API: `/v1/…`, for clients with a key. Errors are problems.

#[cfg(test)]
mod agreement;
mod meaning;
mod messages;
mod provider;
mod queue;
mod receipts;
mod schema;
mod stats;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::{get, post};
use tower_http::limit::RequestBodyLimitLayer;

use self::messages::{batch, cancel, list, resolve, send, show};
use crate::app::App;
use crate::http::body::{MAX_BATCH_BODY, MAX_BODY};
use crate::http::layers;

pub(crate) fn routes() -> Router<App> {
    let routes = Router::new()
        .route("/v1/messages", get(list::list).post(send::send))
        .route("/v1/messages/{id}", get(show::show))
        .route("/v1/messages/{id}/cancel", post(cancel::cancel))
        .route("/v1/messages/{id}/resolve", post(resolve::resolve))
        .route("/v1/receipts/unmatched", get(receipts::unmatched))
        .route("/v1/stats", get(stats::show))
        .route("/v1/queue", get(queue::show))
        .route("/v1/provider", get(provider::show))
        .route("/v1/provider/pause", post(provider::pause))
        .route("/v1/provider/resume", post(provider::resume))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        // A layer wraps the routes before it: this one has a limit of its own.
        .route(
            "/v1/messages/batch",
            post(batch::send).layer(RequestBodyLimitLayer::new(MAX_BATCH_BODY)),
        );
    layers::problems(routes)
}
