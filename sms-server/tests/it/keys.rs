//! Keys of one client, on every store and through the command line.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sms_core::registry::Expect;
use sms_core::{
    MemoryQueue, MemoryRegistry, MemoryStore, Message, MessageId, Registry, Sender, Store,
};
use sms_server::{App, KeyRing, KeyScope, NewKey};
use sms_store_sqlite::{SqliteConfig, SqliteStore};
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

use crate::process::{Server, command};

const SCOPES: [KeyScope; 2] = [KeyScope::Send, KeyScope::Read];
/// A key as a build made it that knew no clients, its id, and its record.
const EARLY_KEY: &str = "sms_live_ear1ybw11d0f0f0f0f0f0f0f0f0f0f0f0f0fdadh7n";
const EARLY_ID: &str = "ear1ybw11d";
const EARLY_RECORD: &str = r#"{
    "name": "shop", "scopes": ["send", "read"],
    "created_at": "2026-11-01T09:30:00Z", "revoked_at": null,
    "sha256": "7fbaecda433739ab2d0a2f44d06f963dd621f9c5796e2b3374436dd8a41cfbba"
}"#;

/// The API on a store.
struct Site {
    name: &'static str,
    router: Router,
    sender: Sender,
    keys: KeyRing,
    registry: Arc<dyn Registry>,
    /// What the store needs for as long as the test runs.
    _held: Box<dyn Any>,
}

impl Site {
    fn on<S: Store>(
        name: &'static str,
        store: Arc<S>,
        registry: Arc<dyn Registry>,
        held: impl Any,
    ) -> Self {
        let keys = KeyRing::new(Arc::clone(&registry), None);
        let sender = Sender::builder(store.clone()).build();
        let router = App::new(sender.clone(), store, MemoryQueue::new(), keys.clone()).router();
        Self { name, router, sender, keys, registry, _held: Box::new(held) }
    }

    /// One on every store.
    async fn all() -> Vec<Self> {
        let registry = Arc::new(MemoryRegistry::new());
        let memory = Self::on("memory", Arc::new(MemoryStore::new()), registry, ());
        let folder = tempfile::tempdir().expect("a folder");
        let config = SqliteConfig::new(folder.path().join("sms.db"));
        let store = Arc::new(SqliteStore::open(config).await.expect("a store"));
        let sqlite = Self::on("SQLite", store.clone(), store, folder);
        vec![
            memory,
            sqlite,
            #[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
            Self::on_postgres().await,
        ]
    }

    #[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
    async fn on_postgres() -> Self {
        let server = sms_testkit::instances::Postgres::start().await;
        let config = sms_store_pg::PgConfig::from_url(server.url()).expect("an address");
        let store = Arc::new(sms_store_pg::PgStore::open(config).await.expect("a store"));
        Self::on("PostgreSQL", store.clone(), store, server)
    }

    async fn key(&self, client: &str) -> String {
        let key = || NewKey::new("a key", &SCOPES);
        let issued = match self.keys.issue_for_new_client(client, key()).await {
            Err(error) if error.code() == "client_exists" => {
                self.keys.issue_for(client, key()).await
            }
            issued => issued,
        };
        issued.expect("a key").secret.expose_secret().to_owned()
    }

    async fn call(&self, key: &str, request: axum::http::request::Builder, body: &str) -> Reply {
        let request = request
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        let is_replayed = parts.headers.contains_key("idempotency-replayed");
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Reply { status: parts.status, is_replayed, body }
    }

    async fn post(&self, key: &str) -> Reply {
        let request = Request::post("/v1/messages").header("idempotency-key", "order-7");
        self.call(key, request, &json!({"to": "+79251234567", "text": "hi"}).to_string()).await
    }

    async fn show(&self, key: &str, id: &str) -> StatusCode {
        self.call(key, Request::get(format!("/v1/messages/{id}")), "").await.status
    }

    async fn cancel(&self, key: &str, id: &str) -> StatusCode {
        self.call(key, Request::post(format!("/v1/messages/{id}/cancel")), "").await.status
    }

    /// Sees that the key lists, shows, repeats and cancels this message.
    async fn assert_owns(&self, key: &str, id: &str) {
        let name = self.name;
        let list = self.call(key, Request::get("/v1/messages"), "").await;
        assert_eq!(list.body["data"][0]["id"], id, "{name}");
        let stats = self.call(key, Request::get("/v1/stats"), "").await;
        assert_eq!(stats.body["total"], 1, "{name}");
        assert_eq!(self.show(key, id).await, StatusCode::OK, "{name}");
        let again = self.post(key).await;
        assert_eq!((again.status, &again.body["id"]), (StatusCode::ACCEPTED, &json!(id)), "{name}");
        assert!(again.is_replayed, "{name}");
        assert_eq!(self.cancel(key, id).await, StatusCode::OK, "{name}");
    }
}

struct Reply {
    status: StatusCode,
    is_replayed: bool,
    body: Value,
}

impl Reply {
    fn id(&self) -> String {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{}", self.body);
        self.body["id"].as_str().expect("an id").to_owned()
    }
}

/// The public part of a key.
fn id_of(key: &str) -> &str {
    &key["sms_live_".len()..][..10]
}

#[tokio::test]
async fn a_second_key_of_a_client_sees_repeats_and_cancels_what_the_first_sent() {
    for site in Site::all().await {
        let (first, second) = (site.key("shop").await, site.key("shop").await);
        let id = site.post(&first).await.id();
        site.assert_owns(&second, &id).await;
        assert_eq!(site.keys.list().await.expect("a list").len(), 2, "{}", site.name);
    }
}

#[tokio::test]
async fn the_messages_of_another_client_are_not_found() {
    for site in Site::all().await {
        let (shop, office) = (site.key("shop").await, site.key("office").await);
        let id = site.post(&shop).await.id();
        assert_eq!(site.show(&office, &id).await, StatusCode::NOT_FOUND, "{}", site.name);
        assert_eq!(site.cancel(&office, &id).await, StatusCode::NOT_FOUND, "{}", site.name);
        let own = site.post(&office).await;
        assert!(!own.is_replayed && own.id() != id, "{}", site.name);
        let admin = site.keys.issue_for("office", NewKey::new("root", &[KeyScope::Admin])).await;
        let admin = admin.expect("a key").secret;
        assert_eq!(site.show(admin.expose_secret(), &id).await, StatusCode::OK, "{}", site.name);
    }
}

#[tokio::test]
async fn a_rotated_key_works_next_to_the_new_one_in_the_overlap_and_is_refused_afterwards() {
    for site in Site::all().await {
        let old = site.key("shop").await;
        let id = site.post(&old).await.id();
        let new = site.keys.rotate(id_of(&old), Duration::from_secs(2)).await.expect("rotated");
        let new = new.secret.expose_secret();
        assert_eq!(site.show(&old, &id).await, StatusCode::OK, "{}", site.name);
        site.assert_owns(new, &id).await;
        let refused_by = Instant::now() + Duration::from_secs(2 + 5);
        while site.show(&old, &id).await != StatusCode::UNAUTHORIZED {
            assert!(Instant::now() < refused_by, "{}: still open", site.name);
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(site.show(new, &id).await, StatusCode::OK, "{}", site.name);
    }
}

#[tokio::test]
async fn a_key_of_an_early_build_keeps_its_messages_and_passes_them_on() {
    let record: Value = serde_json::from_str(EARLY_RECORD).expect("JSON");
    for site in Site::all().await {
        site.registry.put("api_key", EARLY_ID, &record, Expect::Absent).await.expect("put");
        let message = Message::new("+79251234567", "hi").key("order-7").owner(EARLY_ID);
        let id = site.sender.send(message).await.expect("accepted").to_string();
        assert_eq!(site.show(EARLY_KEY, &id).await, StatusCode::OK, "{}", site.name);
        assert!(site.post(EARLY_KEY).await.is_replayed, "{}", site.name);
        let new = site.keys.rotate(EARLY_ID, Duration::from_hours(1)).await.expect("rotated");
        site.assert_owns(new.secret.expose_secret(), &id).await;
        assert_eq!(site.show(EARLY_KEY, &id).await, StatusCode::OK, "{}", site.name);
        for details in site.keys.list().await.expect("a list") {
            let client = (details.client.id.as_str(), details.client.name.as_str());
            assert_eq!(client, (EARLY_ID, "shop"), "{}", site.name);
        }
    }
}

/// Runs a command of the program; what it prints.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

async fn status(server: &Server, key: &str, id: &MessageId) -> u16 {
    let url = server.url(&format!("/v1/messages/{id}"));
    let reply = reqwest::Client::new().get(url).bearer_auth(key.trim()).send().await;
    reply.expect("a reply").status().as_u16()
}

#[tokio::test]
async fn keys_rotate_in_a_data_folder_of_an_early_build_keeps_the_messages() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("made");
    let store = SqliteStore::open(SqliteConfig::new(data.join("sms.db"))).await.expect("a store");
    let store = Arc::new(store);
    let record: Value = serde_json::from_str(EARLY_RECORD).expect("JSON");
    store.put("api_key", EARLY_ID, &record, Expect::Absent).await.expect("put");
    let sender = Sender::builder(store.clone()).build();
    let message = Message::new("+79251234567", "hi").owner(EARLY_ID);
    let id = sender.send(message).await.expect("accepted");
    drop((sender, store));

    let server = Server::start(folder.path(), &[]);
    assert_eq!(status(&server, EARLY_KEY, &id).await, 200);
    let new = run(folder.path(), &["keys", "rotate", EARLY_ID, "--overlap", "0s"]);
    assert!(new.starts_with("sms_live_") && new.lines().count() == 1, "{new}");
    assert_eq!(status(&server, &new, &id).await, 200);
    let deadline = Instant::now() + Duration::from_secs(5);
    while status(&server, EARLY_KEY, &id).await != 401 {
        assert!(Instant::now() < deadline, "still open 5 s after its end");
        sleep(Duration::from_millis(100)).await;
    }
    let listed = run(folder.path(), &["keys", "list"]);
    let line = |id: &str| {
        let found = listed.lines().find(|line| line.starts_with(id));
        found.unwrap_or_else(|| panic!("{id} is not listed: {listed}")).to_owned()
    };
    let (early, new) = (line(EARLY_ID), line(id_of(&new)));
    for line in [&early, &new] {
        let shown = format!("\tshop\tshop ({EARLY_ID})\tsend,read\tcreated ");
        assert!(line.contains(&shown), "{line}");
    }
    assert!(early.contains("\tlast used ") && early.contains("\texpires "), "{early}");
    assert!(!new.contains("expires"), "{new}");
}

#[test]
fn keys_create_takes_the_client_by_its_name_or_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| run(folder.path(), arguments);
    run(&["keys", "create", "--name", "site", "--new-client", "shop"]);
    let clients = |listed: &str| -> Vec<String> {
        let client = |line: &str| line.split('\t').nth(2).expect("a client").to_owned();
        listed.lines().map(client).collect()
    };
    let first = clients(&run(&["keys", "list"])).remove(0);
    let id = first.strip_prefix("shop (").and_then(|rest| rest.strip_suffix(')'));
    let id = id.unwrap_or_else(|| panic!("{first}"));
    run(&["keys", "create", "--name", "till", "--client", "shop"]);
    run(&["keys", "create", "--name", "app", "--client", id, "--scopes", "read"]);
    run(&["keys", "create", "--name", "shop"]);
    let mistyped = ["keys", "create", "--name", "x", "--client", &id[1..]];
    let output = command(folder.path(), &mistyped).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty(), "{said}");
    assert!(said.contains("--client: no client has this id or name; `keys list`"), "{said}");
    let listed = clients(&run(&["keys", "list"]));
    assert_eq!(listed.len(), 4, "{listed:?}");
    assert_eq!(listed.iter().filter(|client| **client == first).count(), 3, "{listed:?}");
    let output = command(folder.path(), &["keys", "create", "--name", "x", "--client", "shop"])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(id), "{said}");
}

#[test]
fn keys_create_makes_test_keys_and_keys_that_expire_or_may_send_to_few() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| run(folder.path(), arguments);
    let test = run(&["keys", "create", "--name", "ci", "--kind", "test", "--expires-in", "90d"]);
    assert!(test.starts_with("sms_test_"), "{test}");
    let numbers = "8 925 123-45-67,+79030000001";
    run(&["keys", "create", "--name", "staging", "--allow", numbers]);
    let listed = run(&["keys", "list"]);
    let line = |name: &str| {
        let found = listed.lines().find(|line| line.contains(&format!("\t{name}\t")));
        found.unwrap_or_else(|| panic!("{listed}")).to_owned()
    };
    let (ci, staging) = (line("ci"), line("staging"));
    assert!(ci.contains("\texpires ") && ci.ends_with("\ttest"), "{ci}");
    assert!(staging.ends_with("\tonly to +79251234567,+79030000001"), "{staging}");
    for (wrong, said) in [
        (["--kind", "staging"], "known are live, test"),
        (["--allow", "12"], "--allow"),
        (["--expires-in", "0s"], "must be in the future"),
    ] {
        let arguments = [&["keys", "create", "--name", "x"][..], &wrong].concat();
        let output = command(folder.path(), &arguments).output().expect("runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(said), "{error}");
    }
}
