//! Operations door: health probes, without a key.

pub(crate) mod health;

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::http::layers;

pub(crate) fn routes() -> Router<App> {
    let routes =
        Router::new().route("/livez", get(health::live)).route("/readyz", get(health::ready));
    layers::problems(routes)
}
