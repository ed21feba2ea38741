//! The REST API, as a router that any axum application can mount.

pub(crate) mod callbacks;
mod readiness;
mod stats_cache;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use sms_core::end_log::EndLog;
use sms_core::{Explanation, MessageId, Provider, Queue, Registry, Sender, Store};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use self::callbacks::Callbacks;
use self::readiness::Readiness;
use self::stats_cache::Tallies;
use crate::http::body::Bodies;
use crate::http::permits::ReadPermits;
use crate::http::problem;
use crate::keys::KeyRing;
use crate::ops::health;
use crate::rest::messages::{self, batch};
use crate::rest::provider::{self, Desk};
use crate::rest::{queue, receipts, stats};

/// The largest body of a request, in bytes; a batch may be larger.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// What the log says in place of a path that no route has: it may hold anything.
const NO_ROUTE: &str = "(no route)";
/// Lists and counts that run at a time, in all and of one client. Each may keep a core busy.
const SCANS: (usize, usize) = (2, 1);
/// Messages that are looked up at a time, in all and for one client.
const LOOKUPS: (usize, usize) = (4, 2);
/// The longest a request may take, body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The REST API over a sender and its store.
///
/// ```
/// use std::sync::Arc;
/// use sms_core::{MemoryQueue, MemoryRegistry, MemoryStore, Sender};
/// use sms_server::{Api, KeyRing};
///
/// let (store, queue) = (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new()));
/// let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
/// let keys = KeyRing::new(Arc::new(MemoryRegistry::new()), None);
/// let app: axum::Router = axum::Router::new().nest("/sms", Api::new(sender, store, queue, keys).router());
/// ```
#[derive(Clone, Debug)]
pub struct Api(pub(crate) Arc<State>);

/// Builds an [`Api`] with more than messages.
#[derive(Debug)]
#[must_use]
pub struct ApiBuilder(State);

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) sender: Sender,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) keys: KeyRing,
    pub(crate) readiness: Readiness,
    pub(crate) bodies: Bodies,
    pub(crate) scans: ReadPermits,
    pub(crate) lookups: ReadPermits,
    pub(crate) tallies: Tallies,
    pub(crate) ends: EndLog,
    pub(crate) desk: Option<Desk>,
    pub(crate) callbacks: Option<Callbacks>,
}

impl ApiBuilder {
    /// Serves `/v1/provider`: this one, as workers report on it in this registry.
    pub fn provider(mut self, provider: impl Provider, registry: impl Registry) -> Self {
        self.0.desk = Some(Desk::new(provider, registry));
        self
    }

    /// Takes these callbacks.
    pub fn callbacks(mut self, callbacks: Callbacks) -> Self {
        self.0.callbacks = Some(callbacks);
        self
    }

    /// The API.
    pub fn build(self) -> Api {
        Api(Arc::new(self.0))
    }
}

impl Api {
    /// The API over these. The sender must accept into the same store, and push into the same
    /// queue.
    pub fn new(sender: Sender, store: impl Store, queue: impl Queue, keys: KeyRing) -> Self {
        Self::builder(sender, store, queue, keys).build()
    }

    /// The same, to be given a provider and its callbacks too.
    pub fn builder(
        sender: Sender,
        store: impl Store,
        queue: impl Queue,
        keys: KeyRing,
    ) -> ApiBuilder {
        let (store, queue) = (Arc::new(store), Arc::new(queue));
        ApiBuilder(State {
            sender,
            store,
            queue,
            keys,
            readiness: Readiness::default(),
            bodies: Bodies::default(),
            scans: ReadPermits::new(SCANS.0, SCANS.1),
            lookups: ReadPermits::new(LOOKUPS.0, LOOKUPS.1),
            tallies: Tallies::default(),
            ends: EndLog::new(),
            desk: None,
            callbacks: None,
        })
    }

    /// What a code of this provider means.
    pub(crate) fn explain(&self, provider: &str, code: i32) -> Option<Explanation> {
        sms_core::provider::explain_by(&*self.0.desk.as_ref()?.provider, provider, code)
    }

    /// The routes, with everything they need around them: `/v1/…`, `/callbacks/…`, `/livez`,
    /// `/readyz`.
    pub fn router(self) -> Router {
        let routes = Router::new()
            .route("/v1/messages", get(messages::list).post(messages::send))
            .route("/v1/messages/{id}", get(messages::show))
            .route("/v1/messages/{id}/cancel", post(messages::cancel))
            .route("/v1/messages/{id}/resolve", post(messages::resolve))
            .route("/v1/receipts/unmatched", get(receipts::unmatched))
            .route("/v1/stats", get(stats::show))
            .route("/v1/queue", get(queue::show))
            .route("/v1/provider", get(provider::show))
            .route("/v1/provider/pause", post(provider::pause))
            .route("/v1/provider/resume", post(provider::resume))
            .route("/callbacks/{provider}/{token}", post(crate::callbacks::take))
            .route("/livez", get(health::live))
            .route("/readyz", get(health::ready))
            .layer(RequestBodyLimitLayer::new(MAX_BODY))
            // Routes that come after a limit are not under it.
            .route(
                "/v1/messages/batch",
                post(batch::send).layer(RequestBodyLimitLayer::new(batch::MAX_BODY)),
            )
            .fallback(|| async { StatusCode::NOT_FOUND })
            .with_state(self);
        let nosniff = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // The first layer is the outermost.
        let around = ServiceBuilder::new()
            .layer(SetRequestIdLayer::new(problem::REQUEST_ID, NewRequestId))
            .layer(PropagateRequestIdLayer::new(problem::REQUEST_ID))
            .layer(SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION]))
            .layer(TraceLayer::new_for_http().make_span_with(span).on_response(log).on_failure(()))
            .layer(axum::middleware::from_fn(problem::render))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(SetResponseHeaderLayer::if_not_present(nosniff.0, nosniff.1))
            .layer(SetResponseHeaderLayer::if_not_present(no_store.0, no_store.1))
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
            .layer(DefaultBodyLimit::disable());
        routes.layer(around)
    }
}

/// Gives a request an id, unless the caller gave it one.
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
    let id = request.headers().get(problem::REQUEST_ID).and_then(|id| id.to_str().ok());
    tracing::info_span!("request", id, method = %request.method(), path)
}

fn log(response: &Response, took: Duration, _: &Span) {
    tracing::debug!(status = response.status().as_u16(), took_ms = took.as_millis(), "answered");
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    let mut response = Response::default();
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
