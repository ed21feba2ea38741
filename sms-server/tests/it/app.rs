//! The API in process, over stores in memory.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use sms_core::store::ListRequest;
use sms_core::{MemoryQueue, MemoryRegistry, MemoryStore, Queue, Sender, Store};
use sms_server::{Api, KeyRing, KeyScope};
use tower::ServiceExt;

pub(crate) struct App {
    router: Router,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) queue: Arc<MemoryQueue>,
    keys: KeyRing,
    /// With the scopes send and read.
    pub(crate) key: String,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl App {
    pub(crate) async fn new() -> Self {
        let (store, queue) = (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new()));
        let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
        let keys = KeyRing::new(Arc::new(MemoryRegistry::new()), None);
        let router = Api::new(sender, store.clone(), queue.clone(), keys.clone()).router();
        let mut app = Self { router, store, queue, keys, key: String::new() };
        app.key = app.key_with(&[KeyScope::Send, KeyScope::Read]).await;
        app
    }

    pub(crate) async fn key_with(&self, scopes: &[KeyScope]) -> String {
        self.keys.create("test", scopes).await.expect("a key").expose_secret().to_owned()
    }

    /// A request with the app's key, to be changed before it is called.
    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", self.key))
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(self.request("GET", path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn post(&self, body: impl Into<Body>) -> Reply {
        let request = self.request("POST", "/v1/messages").header("content-type", "application/json");
        self.call(request.body(body.into()).expect("a request")).await
    }

    pub(crate) async fn post_with_key(&self, key: &str, body: &str) -> Reply {
        let request = self.request("POST", "/v1/messages").header("content-type", "application/json");
        let request = request.header("idempotency-key", key);
        self.call(request.body(body.to_owned().into()).expect("a request")).await
    }

    pub(crate) async fn stored(&self) -> usize {
        self.store.list(&ListRequest { limit: 1000, ..ListRequest::default() }).await.expect("a list").len()
    }

    pub(crate) async fn pushed(&self) -> usize {
        self.queue.stats().await.expect("stats").lanes.iter().map(|lane| lane.ready).sum()
    }
}
