//! Layers around the routes of a door.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};
use sms_core::MessageId;
use tokio::time::Instant;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::problem::{self, REQUEST_ID};

/// Logged in place of a path that no route has: such a path may hold anything.
const NO_ROUTE: &str = "(no route)";
/// The longest a request may take, body included.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A door that answers errors with problem documents.
///
/// Each request gets an id, a span and headers against caching and guessing of
/// types. A panic of a handler becomes a 500. Bodies and times have the limits of their route and
/// no others.
pub(crate) fn problems<S>(routes: Router<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let nosniff = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The first layer is the outermost.
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, NewRequestId))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION]))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(log).on_failure(()))
        .layer(axum::middleware::from_fn(measure))
        .layer(axum::middleware::from_fn(problem::render))
        // Inside of the rendering, which turns the empty replies of these into problems.
        .layer(CatchPanicLayer::custom(panicked))
        .layer(SetResponseHeaderLayer::if_not_present(nosniff.0, nosniff.1))
        .layer(SetResponseHeaderLayer::if_not_present(no_store.0, no_store.1))
        .layer(DefaultBodyLimit::disable());
    routes.layer(layers)
}

/// The time limit of a request to a route.
pub(crate) fn time_limit(limit: Duration) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, limit)
}

/// Gives a request an id, unless the client gave it one.
#[derive(Clone)]
struct NewRequestId;

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&MessageId::new().to_string()).ok().map(RequestId::new)
    }
}

/// The span of a request: the route it matched, never the path or the query, which may hold a
/// number or the secret part of a callback address.
fn span(request: &Request) -> Span {
    let path = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str);
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    tracing::info_span!("request", id, method = %request.method(), path)
}

fn log(response: &Response, took: Duration, _: &Span) {
    tracing::debug!(status = response.status().as_u16(), took_ms = took.as_millis(), "answered");
}

/// Counts requests and their times by route, for metrics.
async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(String::new, |route| route.as_str().to_owned());
    let method = method_label(request.method());
    let start = Instant::now();
    let response = next.run(request).await;
    let took = start.elapsed();
    let code = response.status().as_str().to_owned();
    counter!(
        "sms_http_requests_total", "method" => method, "route" => route.clone(), "code" => code,
    )
    .increment(1);
    histogram!("sms_http_request_seconds", "method" => method, "route" => route).record(took);
    response
}

/// A method of HTTP; one label for all that a client may have made up.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    let mut response = Response::default();
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
