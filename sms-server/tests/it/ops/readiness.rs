//! `GET /readyz` while messages can be accepted, and while they cannot.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sms_core::{MemoryQueue, Sender};
use sms_server::{Api, KeyRing, KeyScope};
use sms_store_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

/// Longer than the outcome of one insert decides by itself.
const BEYOND_ONE_INSERT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(20);

/// The API on a SQLite file.
struct Site {
    folder: TempDir,
    store: Arc<SqliteStore>,
    router: Router,
    key: String,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = SqliteConfig::new(folder.path().join("sms.db"));
        let store = SqliteStore::open(config.busy_timeout(Duration::from_millis(200)))
            .await
            .expect("a store");
        let store = Arc::new(store);
        let keys = KeyRing::new(store.clone(), None);
        let key =
            keys.create("test", &[KeyScope::Send]).await.expect("a key").expose_secret().to_owned();
        let sender = Sender::builder(store.clone()).build();
        let router = Api::new(sender, store.clone(), MemoryQueue::new(), keys).router();
        Self { folder, store, router, key }
    }

    /// Changes the one connection that writes.
    async fn pragma(&self, pragma: &str) {
        let pragma = format!("PRAGMA {pragma}");
        let change = move |conn: &rusqlite::Transaction<'_>| Ok(conn.execute_batch(&pragma)?);
        self.store.transaction::<_, anyhow::Error, _>(change).await.expect("changed");
    }

    async fn call(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        (parts.status, serde_json::from_slice(&body).expect("JSON"))
    }

    async fn ready(&self) -> (StatusCode, Value) {
        self.call(Request::get("/readyz").body(Body::empty()).expect("a request")).await
    }

    async fn post(&self) -> StatusCode {
        let request = Request::post("/v1/messages")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json");
        let body = json!({"to": "+79251234567", "text": "hi".repeat(200)}).to_string();
        self.call(request.body(body.into()).expect("a request")).await.0
    }

    /// Waits until it is not ready for this cause, and sees that it stays so for longer than one
    /// insert decides.
    async fn is_unready(&self, cause: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.ready().await.1["cause"] != cause {
            assert!(Instant::now() < deadline, "not {cause}: {:?}", self.ready().await);
            sleep(Duration::from_millis(20)).await;
        }
        let until = Instant::now() + BEYOND_ONE_INSERT;
        while Instant::now() < until {
            let (status, body) = self.ready().await;
            assert_eq!(
                (status, &body["cause"]),
                (StatusCode::SERVICE_UNAVAILABLE, &json!(cause)),
                "{body}"
            );
            assert_eq!(
                (&body["status"], &body["store"]),
                (&json!("unavailable"), &json!("unavailable"))
            );
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn becomes_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.ready().await.0 != StatusCode::OK {
            assert!(Instant::now() < deadline, "not ready: {:?}", self.ready().await);
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(self.ready().await.1, json!({"status": "ready", "store": "ok", "queue": "ok"}));
        assert_eq!(self.post().await, StatusCode::ACCEPTED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_makes_the_server_unready_until_there_is_room() {
    let site = Site::new().await;
    site.becomes_ready().await;
    site.pragma("max_page_count = 1").await;
    // What pages that are there already still take.
    let deadline = Instant::now() + PATIENCE;
    while site.post().await != StatusCode::SERVICE_UNAVAILABLE {
        assert!(Instant::now() < deadline, "the disk is not full");
    }
    site.is_unready("full").await;
    site.pragma("max_page_count = 1000000").await;
    site.becomes_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_can_only_be_read_makes_the_server_unready_though_nobody_posts() {
    let site = Site::new().await;
    site.becomes_ready().await;
    site.pragma("query_only = ON").await;
    site.is_unready("read_only").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_another_process_holds_makes_the_server_unready_until_it_is_released() {
    let site = Site::new().await;
    let other =
        rusqlite::Connection::open(site.folder.path().join("sms.db")).expect("a connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    assert_eq!(site.post().await, StatusCode::SERVICE_UNAVAILABLE);
    site.is_unready("locked").await;
    other.execute_batch("ROLLBACK").expect("released");
    site.becomes_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_questions_do_not_write_a_thousand_times() {
    let site = Site::new().await;
    let version = async || {
        let count = |conn: &rusqlite::Transaction<'_>| {
            Ok(conn.query_row("SELECT total_changes()", [], |row| row.get::<_, i64>(0))?)
        };
        site.store.transaction::<_, anyhow::Error, _>(count).await.expect("a number")
    };
    let before = version().await;
    for _ in 0..1000 {
        assert_eq!(site.ready().await.0, StatusCode::OK);
    }
    // One that wrote and one that removed, every two seconds.
    let written = version().await - before;
    assert!((2..=40).contains(&written), "{written} rows were written");
}
