//! Operations door: health probes, without a key.

pub(crate) mod health;

use axum::Router;
use axum::http::StatusCode;
use serde_json::json;
use tower_http::limit::RequestBodyLimitLayer;

use self::health::{LiveView, ReadyView};
use crate::app::App;
use crate::http::layers;
use crate::http::operation::Operation;

/// The largest body of a request. A probe needs none, and its body is not read.
const MAX_BODY: usize = 1024;

pub(crate) fn routes() -> Router<App> {
    let routes = operations().into_iter().fold(Router::new(), |routes, it| it.add_to(routes));
    layers::problems(routes.layer(RequestBodyLimitLayer::new(MAX_BODY)))
}

/// The operations of the door.
pub(crate) fn operations() -> Vec<Operation> {
    let ready = json!({"status": "ready", "store": "ok", "queue": "ok"});
    let unavailable = json!({
        "status": "unavailable", "store": "unavailable", "cause": "locked", "queue": "ok",
    });
    vec![
        Operation::get("/livez", health::live)
            .public()
            .about("Tell that the process runs", "For the supervisor that restarts it.")
            .reply::<LiveView>(StatusCode::OK, "It runs.", json!({"status": "live"})),
        Operation::get("/readyz", health::ready)
            .public()
            .about(
                "Tell whether messages can be accepted",
                "Only the store decides that, neither the queue nor the provider.",
            )
            .reply::<ReadyView>(StatusCode::OK, "They can.", ready)
            .reply::<ReadyView>(StatusCode::SERVICE_UNAVAILABLE, "They cannot.", unavailable),
    ]
}
