//! Operations door: health probes, without a key, and metrics.

mod gauges;
pub(crate) mod health;
mod metrics;

use axum::Router;
use axum::handler::Handler;
use axum::http::StatusCode;
use serde_json::json;
use tower_http::limit::RequestBodyLimitLayer;

use self::health::{LiveView, ReadyView};
use crate::app::App;
use crate::http::layers;
use crate::http::operation::Operation;
use crate::keys::KeyScope;

/// The largest body of a request. A probe needs none, and its body is not read.
const MAX_BODY: usize = 1024;

pub(crate) fn routes() -> Router<App> {
    let routes = operations().into_iter().fold(Router::new(), |routes, it| it.add_to(routes));
    layers::problems(routes.layer(RequestBodyLimitLayer::new(MAX_BODY)))
}

/// The same at an address of its own, where metrics need no key, either.
pub(crate) fn open_routes() -> Router<App> {
    let routes = probes().into_iter().fold(Router::new(), |routes, it| it.add_to(routes));
    let routes = metrics_operation(metrics::show_to_anyone).add_to(routes);
    layers::problems(routes.fallback(|| async { StatusCode::NOT_FOUND }))
}

/// The operations of the door.
pub(crate) fn operations() -> Vec<Operation> {
    let mut operations = probes();
    operations.push(metrics_operation(metrics::show).needs(KeyScope::Admin));
    operations
}

fn metrics_operation<H: Handler<T, App>, T: 'static>(handler: H) -> Operation {
    let example = "# TYPE sms_accepted_total counter\nsms_accepted_total{class=\"otp\"} 17\n";
    Operation::get("/metrics", handler)
        .about(
            "Read the metrics",
            "In the text format of Prometheus, as docs/METRICS.md lists them. With \
             `metrics_listen` they are at that address, too, without a key.",
        )
        .text_reply(StatusCode::OK, "The metrics.", "text/plain", example)
        .problems(&["not_found"])
}

fn probes() -> Vec<Operation> {
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
