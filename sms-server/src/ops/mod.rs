//! Operations door: health probes, without a key.

pub(crate) mod health;

use axum::Router;
use axum::routing::get;
use tower_http::limit::RequestBodyLimitLayer;

use crate::app::App;
use crate::http::layers;

/// The largest body of a request. A probe needs none, and its body is not read.
const MAX_BODY: usize = 1024;

pub(crate) fn routes() -> Router<App> {
    let routes = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .layer(RequestBodyLimitLayer::new(MAX_BODY));
    layers::problems(routes)
}
