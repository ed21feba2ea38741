//! A quota or rate limit that is used up, as the client sees it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use sms_core::registry::{Expect, Record};
use sms_core::{
    Error, MemoryQueue, MemoryRegistry, MemoryStore, Registry, Result, Sender, async_trait,
};
use sms_server::{App, KeyRing, KeyScope};
use tower::ServiceExt;

/// A registry that has no room for a request for this time.
#[derive(Debug)]
struct Busy(Duration);

impl Busy {
    fn error(&self) -> Error {
        Error::limited("too many requests", self.0)
    }
}

#[async_trait]
impl Registry for Busy {
    async fn put(&self, _: &str, _: &str, _: &Value, _: Expect) -> Result<u64> {
        Err(self.error())
    }

    async fn get(&self, _: &str, _: &str) -> Result<Option<Record>> {
        Err(self.error())
    }

    async fn list(&self, _: &str) -> Result<Vec<Record>> {
        Err(self.error())
    }

    async fn delete(&self, _: &str, _: &str) -> Result<bool> {
        Err(self.error())
    }
}

#[tokio::test]
async fn a_limit_is_answered_with_429_and_the_time_to_wait_in_whole_seconds() {
    let keys = KeyRing::new(Arc::new(MemoryRegistry::new()), None);
    let key = keys.create("test", &KeyScope::ALL).await.expect("a key");
    for (wait_ms, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (90_000, "90")] {
        let (store, queue) = (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new()));
        let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
        let busy = KeyRing::new(Arc::new(Busy(Duration::from_millis(wait_ms))), None);
        let request = Request::post("/v1/messages")
            .header("authorization", format!("Bearer {}", key.expose_secret()))
            .header("content-type", "application/json")
            .body(Body::from(r#"{"to":"+79251234567","text":"hi"}"#))
            .expect("a request");
        let router = App::new(sender, store, queue, busy).router();
        let response = router.oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        let header = |name| response.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(header("retry-after"), seconds, "{wait_ms} ms");
        assert_eq!(header("content-type"), "application/problem+json");
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        let problem: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            (&problem["status"], &problem["code"], &problem["detail"]),
            (&429.into(), &"limited".into(), &"too many requests".into())
        );
    }
}
