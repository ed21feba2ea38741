//! The web UI: its pages, and the people who sign in.

mod committed;
mod cookies;
mod pages;
mod program;
mod sign_in;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sms_core::{MemoryQueue, MemoryRegistry, MemoryStore, Sender};
use sms_server::{App, KeyRing, KeyScope, NewKey};
use std::sync::Arc;
use tower::ServiceExt as _;

/// Every door of a server, with the web UI at this address.
struct Site {
    app: App,
    router: axum::Router,
    keys: KeyRing,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    json: Value,
}

/// A browser: it keeps the cookie, and its pages add the header that others cannot.
struct Browser<'a> {
    site: &'a Site,
    /// `NAME=VALUE`.
    cookie: Option<String>,
}

impl Site {
    fn new() -> Self {
        Self::at("http://127.0.0.1:8080")
    }

    fn at(url: &str) -> Self {
        let (store, queue) = (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new()));
        let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
        let keys = KeyRing::new(Arc::new(MemoryRegistry::new()), None);
        let app = App::builder(sender, store, queue, keys.clone())
            .public_url(url.parse::<sms_server::PublicUrl>().expect("an address"))
            .build();
        Self { router: app.router(), app, keys }
    }

    /// A key of this name and its id.
    async fn key(&self, name: &str, scopes: &[KeyScope]) -> (String, String) {
        let issued = self.keys.issue(None, NewKey::new(name, scopes)).await.expect("a key");
        (issued.secret.expose_secret().to_owned(), issued.details.key.id)
    }

    async fn call(&self, request: Request<Body>) -> Reply {
        let reply = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = reply.into_parts();
        let body = to_bytes(body, 1 << 22).await.expect("a body").to_vec();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let text = String::from_utf8_lossy(&body).into_owned();
        Reply { status: parts.status, headers: parts.headers, text, json }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let request =
            headers.iter().fold(Request::get(path), |it, (name, value)| it.header(*name, *value));
        self.call(request.body(Body::empty()).expect("a request")).await
    }

    fn browser(&self) -> Browser<'_> {
        Browser { site: self, cookie: None }
    }

    /// A browser whose person has signed in with a key of these scopes.
    async fn signed_in(&self, name: &str, scopes: &[KeyScope]) -> Browser<'_> {
        let (key, _) = self.key(name, scopes).await;
        let mut browser = self.browser();
        let reply = browser.sign_in(&json!({ "key": key })).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        browser
    }
}

impl Browser<'_> {
    /// A request as a page of the server makes it.
    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("x-requested-with", "sms-ui");
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    async fn call(&self, method: &str, path: &str) -> Reply {
        self.site.call(self.request(method, path).body(Body::empty()).expect("a request")).await
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        let request = self.request(method, path).header("content-type", "application/json");
        self.site.call(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    async fn sign_in(&mut self, body: &Value) -> Reply {
        let reply = self.send("POST", "/ui/session", body).await;
        if let Some(set) = reply.headers.get(header::SET_COOKIE) {
            let set = set.to_str().expect("text");
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        reply
    }

    async fn session(&self) -> Reply {
        self.call("GET", "/ui/session").await
    }
}
