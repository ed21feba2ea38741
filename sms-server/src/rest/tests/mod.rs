//! Replies of every path, against the schemas of their types; and who may call which.

mod document;
mod matrix;

use sms_core::store::RescueRequest;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, request};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sms_core::store::BeginRequest;
use sms_core::store::timeline::Step;
use sms_core::worker::control::{PauseReport, WorkerReport};
use sms_core::{
    EventDetails, EventKind, MemoryQueue, MemoryRegistry, MemoryStore, ProviderControl, Receipt,
    ReceiptState, Sandbox, Sender, Status, Store as _,
};
use time::OffsetDateTime;
use tower::ServiceExt as _;

use super::agreement::assert_described;
use super::clients::{ClientList, ClientView};
use super::events::view::EventList;
use super::imports::errors::RowErrorPage;
use super::imports::list::ImportList;
use super::imports::view::ImportDetails;
use super::info::InfoView;
use super::jobs::list::JobList;
use super::jobs::view::JobView;
use super::keys::{KeyList, KeyView, NewKeyView};
use super::me::MeView;
use super::messages::accepted::AcceptedMessage;
use super::messages::step::StepView;
use super::messages::view::{BatchReply, MessageDetails, MessageOutline, MessagePage, Replay};
use super::provider::ProviderView;
use super::queue::QueueView;
use super::receipts::UnmatchedReceipts;
use super::selections::show::SelectionView;
use super::series::SeriesView;
use super::stats::StatsView;
use super::workers::WorkerList;
use crate::app::App;
use crate::app::metrics::Metrics;
use crate::app::site::{QueueKind, StoreKind};
use crate::http::problem::ProblemDocument;
use crate::keys::{KeyRing, KeyScope};
use crate::ops::health::{LiveView, ReadyView};

struct Site {
    router: Router,
    store: Arc<MemoryStore>,
    registry: Arc<MemoryRegistry>,
    keys: KeyRing,
}

/// A session of the web UI.
struct SignedIn {
    id: String,
    /// `NAME=VALUE`.
    cookie: String,
}

impl SignedIn {
    /// The request as a page makes it.
    fn add_to(&self, request: request::Builder) -> request::Builder {
        request.header("cookie", &self.cookie).header("x-requested-with", "sms-ui")
    }
}

impl Site {
    fn new() -> Self {
        let (store, queue) = (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new()));
        let sender = Sender::builder(store.clone()).queue(queue.clone()).build();
        let registry = Arc::new(MemoryRegistry::new());
        let keys = KeyRing::new(registry.clone(), None);
        let app = App::builder(sender, store.clone(), queue, keys.clone())
            .provider(Sandbox::new(), registry.clone())
            .rollups(store.clone())
            .stop_list(store.clone())
            .erasure(store.clone())
            .worklists(store.clone(), registry.clone())
            .metrics(Metrics::detached())
            .backends(StoreKind::Sqlite, QueueKind::Memory)
            .build();
        Self { router: app.router(), store, registry, keys }
    }

    async fn key(&self, scopes: &[KeyScope]) -> String {
        self.keys.create("test", scopes).await.expect("a key").expose_secret().to_owned()
    }

    /// Signs in to the web UI with a key.
    async fn sign_in(&self, key: &str) -> SignedIn {
        let request = Request::post("/ui/session").header("content-type", "application/json");
        let request = request.body(Body::from(json!({ "key": key }).to_string()));
        let reply = self.router.clone().oneshot(request.expect("a request")).await;
        let (parts, body) = reply.expect("infallible").into_parts();
        let cookie = parts.headers["set-cookie"].to_str().expect("text");
        let cookie = cookie.split(';').next().expect("a cookie").to_owned();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        let session: Value = serde_json::from_slice(&body).expect("JSON");
        SignedIn { id: session["id"].as_str().expect("an id").to_owned(), cookie }
    }

    async fn call(&self, key: &str, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .header("idempotency-key", "k")
            .body(body)
            .expect("a request");
        self.reply(request).await
    }

    async fn batch(&self, key: &str, messages: Value) -> Value {
        let request = Request::post("/v1/messages/batch")
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .body(Body::from(json!({ "messages": messages }).to_string()))
            .expect("a request");
        self.reply(request).await
    }

    /// The id of an import of this file.
    async fn import(&self, key: &str, file: &str) -> String {
        let request = Request::post("/v1/imports?text=hi")
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "text/csv")
            .body(Body::from(file.to_owned()))
            .expect("a request");
        self.reply(request).await["id"].as_str().expect("an id").to_owned()
    }

    async fn reply(&self, request: Request<Body>) -> Value {
        self.answer(request).await.1
    }

    /// The status and the body of a reply; null where it has none.
    async fn answer(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        if body.is_empty() {
            return (status, Value::Null);
        }
        let text = |_| Value::String(String::from_utf8(body.to_vec()).expect("a text"));
        (status, serde_json::from_slice(&body).unwrap_or_else(text))
    }

    /// Has a worker vanish in the middle of an attempt.
    async fn interrupt(&self, id: &str) {
        let ids = [id.parse().expect("an id")];
        let lease = Duration::ZERO;
        let begin = BeginRequest::new(&ids, "w", 1, "sandbox", lease);
        self.store.begin(begin).await.expect("begun");
        self.store.rescue(RescueRequest::new(1)).await.expect("rescued");
    }
}

fn message(more: &Value) -> Value {
    let mut message = json!({"to": "+79251234567", "text": "hi"});
    message.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    message
}

#[tokio::test]
async fn messages_are_shown_as_their_schemas_say() {
    let site = Site::new();
    let admin = site.key(&KeyScope::ALL).await;
    let sender = site.key(&[KeyScope::Send]).await;
    let body = message(&json!({
        "from": "Acme", "reference": "r", "metadata": {"a": [1]}, "translit": true,
        "daytime": true, "pass_deadline": true, "end_user_ip": "192.0.2.7", "on_unknown": "hold",
    }));
    let first = site.call(&admin, "POST", "/v1/messages", body.clone()).await;
    assert_described::<AcceptedMessage<'_>>(&first);
    let path = format!("/v1/messages/{}", first["id"].as_str().expect("an id"));
    assert_described::<Replay<'_>>(&site.call(&admin, "POST", "/v1/messages", body.clone()).await);

    site.interrupt(first["id"].as_str().expect("an id")).await;
    let receipt = Receipt::new("sandbox", "nobody's", ReceiptState::Delivered);
    site.store.apply_receipts(&[receipt]).await.expect("applied");
    let details = site.call(&admin, "GET", &path, Value::Null).await;
    assert_eq!(
        (&details["status"], details["timeline"].as_array().map(Vec::len)),
        (&json!("unknown"), Some(2))
    );
    assert!(details["unmatched_receipts"].is_array(), "{details}");
    assert_described::<MessageDetails<'_>>(&details);
    let events = site.call(&admin, "GET", "/v1/events?after=0-4102444800", Value::Null).await;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1), "{events}");
    assert_described::<EventList>(&events);
    let page = site.call(&admin, "GET", "/v1/messages?status=unknown", Value::Null).await;
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1), "{page}");
    assert_described::<MessagePage<'_>>(&page);
    let unmatched = site.call(&admin, "GET", "/v1/receipts/unmatched", Value::Null).await;
    assert_eq!(unmatched["data"].as_array().map(Vec::len), Some(1), "{unmatched}");
    assert_described::<UnmatchedReceipts>(&unmatched);

    let own = site.call(&sender, "POST", "/v1/messages", body).await;
    let path = format!("/v1/messages/{}/cancel", own["id"].as_str().expect("an id"));
    assert_described::<MessageOutline>(&site.call(&sender, "POST", &path, Value::Null).await);
}

#[test]
fn a_step_shows_every_detail_of_its_event() {
    let details = json!({
        "attempt": 1, "outcome": "unknown", "provider": "line", "provider_id": "7",
        "provider_ids": ["7", "8"], "part_status": "delivered", "code": 220, "text": "busy",
        "cost": "3.45",
        "provider_at": "2026-01-01T00:00:00.000Z", "evidence": "repeat_refused",
        "took_ms": 5, "retry_in_ms": 6, "resend": true, "by": "w", "job": "j",
    });
    let names: BTreeSet<_> = details.as_object().expect("an object").keys().collect();
    let known: BTreeSet<_> = EventDetails::FIELDS.map(str::to_owned).into();
    assert_eq!(names, known.iter().collect(), "this test does not know every detail");
    let mut step = details.clone();
    let rest = json!({"at": "2026-01-02T00:00:00.000Z", "kind": "attempt", "status": "unknown"});
    step.as_object_mut().expect("an object").extend(rest.as_object().expect("one").clone());
    let view = StepView::from(Step {
        at: time::macros::datetime!(2026-01-02 0:00 UTC),
        kind: EventKind::Attempt,
        status: Status::Unknown,
        details: serde_json::from_value(details).expect("details"),
    });
    assert_eq!(serde_json::to_value(view).expect("JSON"), step);
}

#[tokio::test]
async fn results_of_a_batch_are_shown_as_their_schema_says() {
    let site = Site::new();
    let admin = site.key(&KeyScope::ALL).await;
    let messages = json!([
        message(&json!({"idempotency_key": "a"})),
        message(&json!({"idempotency_key": "a"})),
        {"text": 7},
        7,
    ]);
    let reply = site.batch(&admin, messages).await;
    assert!(reply["results"][1]["replayed"].is_boolean(), "{reply}");
    assert!(reply["results"][2]["error"]["errors"].is_array(), "{reply}");
    assert_described::<BatchReply<'_>>(&reply);
}

#[tokio::test]
async fn figures_and_states_are_shown_as_their_schemas_say() {
    let site = Site::new();
    let admin = site.key(&KeyScope::ALL).await;
    site.call(&admin, "POST", "/v1/messages", message(&json!({}))).await;
    let get = async |path: &str| site.call(&admin, "GET", path, Value::Null).await;
    assert_described::<StatsView>(&get("/v1/stats?to_time=2030-01-01T00:00:00Z").await);
    assert_described::<SeriesView>(&get("/v1/stats/series").await);
    assert_described::<QueueView>(&get("/v1/queue").await);
    assert_described::<LiveView>(&get("/livez").await);
    assert_described::<ReadyView>(&get("/readyz").await);
    assert_described::<ProblemDocument<'_>>(&get("/nowhere").await);
    assert_described::<ProblemDocument<'_>>(&get("/v1/stats?a=1&b=2").await);

    assert_described::<ProviderView>(&get("/v1/provider").await);
    let mut report = WorkerReport::new("sandbox", OffsetDateTime::UNIX_EPOCH);
    report.pause = Some(PauseReport::new("no answer"));
    let control = ProviderControl::new(site.registry.clone());
    control.report("w", &report).await.expect("reported");
    let paused = get("/v1/provider").await;
    assert_eq!(
        (&paused["state"], &paused["workers"][0]["paused"]),
        (&json!("paused"), &json!(true))
    );
    assert_described::<ProviderView>(&paused);
    let workers = get("/v1/workers").await;
    assert_eq!(workers["data"][0]["routes"][0]["paused"], true, "{workers}");
    assert_described::<WorkerList>(&workers);
    assert_described::<ProviderView>(
        &site.call(&admin, "POST", "/v1/provider/pause", json!({"reason": "work"})).await,
    );
}

#[tokio::test]
async fn selections_and_jobs_are_shown_as_their_schemas_say() {
    let site = Site::new();
    let admin = site.key(&KeyScope::ALL).await;
    let call = async |method, path: &str, body| site.call(&admin, method, path, body).await;
    call("POST", "/v1/messages", message(&json!({}))).await;
    for (action, body) in [
        ("cancel", Value::Null),
        ("resend", json!({"reason": "r"})),
        ("resolve", json!({"resolution": "sent", "reason": "r"})),
    ] {
        let filter = json!({"filter": {"status": "queued", "q": "hi"}});
        let selection = call("POST", "/v1/selections", filter).await;
        assert_eq!(selection["by_status"], json!({"queued": 1}));
        assert_described::<SelectionView>(&selection);
        let id = selection["id"].as_str().expect("an id");
        let job = call("POST", &format!("/v1/selections/{id}/{action}"), body).await;
        assert_described::<JobView>(&job);
        let stopped = call("POST", &format!("/v1/jobs/{id}/stop"), Value::Null).await;
        assert!(stopped["ended_at"].is_string(), "{stopped}");
        assert_described::<JobView>(&stopped);
    }
    let jobs = call("GET", "/v1/jobs", Value::Null).await;
    assert_eq!(jobs["data"].as_array().map(Vec::len), Some(3));
    assert_described::<JobList>(&jobs);
}

#[tokio::test]
async fn imports_are_shown_as_their_schemas_say() {
    let site = Site::new();
    let admin = site.key(&KeyScope::ALL).await;
    let call = async |method, path: &str| site.call(&admin, method, path, Value::Null).await;
    let file = "79251234567;Anna\n79251234567;Anna\nnobody;x\n;\n79251234568\n";
    let id = site.import(&admin, file).await;
    let path = format!("/v1/imports/{id}");
    let import = call("GET", &path).await;
    assert_eq!(
        (&import["rows"], &import["valid"], &import["repeated"]),
        (&json!(4), &json!(2), &json!(1))
    );
    assert_described::<ImportDetails>(&import);
    assert_described::<RowErrorPage>(&call("GET", &format!("{path}/errors?limit=1")).await);
    let job = call("POST", &format!("{path}/send")).await;
    assert_eq!((&job["action"], &job["skipped"]), (&json!("send"), &json!(2)));
    assert_described::<JobView>(&job);
    let again = site.import(&admin, file).await;
    let again = call("GET", &format!("/v1/imports/{again}")).await;
    assert_eq!(again["same_file"]["import"], json!(id));
    assert_described::<ImportDetails>(&again);
    let list = call("GET", "/v1/imports").await;
    assert!(list["data"][1]["sent_at"].is_string(), "{list}");
    assert_described::<ImportList>(&list);
}

#[tokio::test]
async fn clients_and_keys_are_shown_as_their_schemas_say() {
    let site = Site::new();
    let admin = site.key(&KeyScope::ALL).await;
    let call = async |method, path: &str, body| site.call(&admin, method, path, body).await;
    let client = call("POST", "/v1/clients", json!({"name": "shop"})).await;
    assert_described::<ClientView>(&client);
    assert_described::<ClientList>(&call("GET", "/v1/clients", Value::Null).await);
    let body = json!({
        "name": "till", "client": client["id"], "scopes": ["send"],
        "allowed_numbers": ["+79251234567"], "expires_at": "2099-01-01T00:00:00Z",
    });
    let key = call("POST", "/v1/keys", body).await;
    assert_described::<NewKeyView>(&key);
    site.call(key["secret"].as_str().expect("one"), "GET", "/v1/me", Value::Null).await;
    tokio::task::yield_now().await;
    let path = format!("/v1/keys/{}", key["id"].as_str().expect("an id"));
    call("DELETE", &path, Value::Null).await;
    let key = call("GET", &path, Value::Null).await;
    assert!(key["last_used_at"].is_string() && key["revoked_at"].is_string(), "{key}");
    assert_described::<KeyView>(&key);
    assert_described::<KeyList>(&call("GET", "/v1/keys", Value::Null).await);
    assert_described::<MeView>(&call("GET", "/v1/me", Value::Null).await);
    assert_described::<InfoView>(&call("GET", "/v1/info", Value::Null).await);
}
