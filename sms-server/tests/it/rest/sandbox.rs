//! `/v1/sandbox`: the messages that the sandbox took, and its rules.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use sms_core::store::{BeginRequest, InsertRequest, MessageRequest, Settlement};
use sms_core::{
    Archive as _, Message, MessageId, Outcome, RetryPolicy, Route, SandboxAction, Store as _,
};
use sms_server::KeyScope;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::app::{App, Reply};

const LATEST: &str = "/v1/sandbox/messages/latest";
const NUMBER: &str = "+79251234567";

/// A call with this key.
pub(crate) async fn call(app: &App, key: &str, method: &str, path: &str, body: &Value) -> Reply {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json");
    app.call(request.body(body).expect("a request")).await
}

async fn get(app: &App, key: &str, path: &str) -> Reply {
    call(app, key, "GET", path, &Value::Null).await
}

/// An app with the key of an administrator.
pub(crate) async fn admin() -> App {
    App::with_scopes(&[KeyScope::Admin]).await
}

/// A test key: its id and the key itself.
pub(crate) async fn test_key(app: &App) -> (String, String) {
    let client = app.get("/v1/keys").await.body["data"][0]["client"]["id"].clone();
    let body = json!({"name": "tests", "kind": "test", "client": client});
    let made = app.post_to("/v1/keys", body.to_string()).await.body;
    let text = |name: &str| made[name].as_str().expect("text").to_owned();
    (text("id"), text("secret"))
}

/// Sends a message with this key.
pub(crate) async fn send(app: &App, key: &str, to: &str, text: &str) -> MessageId {
    let body = json!({"to": to, "text": text});
    let reply = call(app, key, "POST", "/v1/messages", &body).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    reply.body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

/// Has the sandbox take a message.
async fn take(app: &App, id: MessageId) {
    settle(app, id, Outcome::accepted(id.to_string())).await;
}

/// Has the sandbox answer for a message.
pub(crate) async fn settle(app: &App, id: MessageId, outcome: Outcome) {
    let (ids, route) = ([id], Route::SANDBOX);
    let lease = Duration::from_mins(1);
    let request = BeginRequest::new(&ids, "w", 1, "sandbox", lease).route(&route);
    let begun = app.store.begin(request).await.expect("begun");
    let policy = RetryPolicy::default();
    let verdict = sms_core::store::decision::decide(begun[0].attempt, &outcome, &policy, 0.5);
    let settlement = Settlement::new(id, 1, "sandbox".to_owned(), outcome, verdict);
    app.store.settle(&[settlement]).await.expect("settled");
}

/// Sends a message that the sandbox takes at once, a moment after the one before.
async fn arrived(app: &App, key: &str, to: &str, text: &str) -> MessageId {
    app.clock.advance(Duration::from_millis(5));
    let id = send(app, key, to, text).await;
    take(app, id).await;
    id
}

fn escaped(text: &str) -> String {
    text.replace('+', "%2B")
}

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let data = reply.body["data"].as_array().expect("a list");
    data.iter().map(|it| it["id"].as_str().expect("an id").to_owned()).collect()
}

fn texts(messages: &[MessageId]) -> Vec<String> {
    messages.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_inbox_of_a_test_key_holds_what_it_sent_and_the_sandbox_took() {
    let app = admin().await;
    let ((first_id, first), (second_id, second)) = (test_key(&app).await, test_key(&app).await);
    send(&app, &first, NUMBER, "not taken yet").await;
    let own = arrived(&app, &first, NUMBER, "Код 4821").await;
    let other = arrived(&app, &second, "+79030000001", "hi").await;
    let live = app.attempted(Outcome::accepted("1")).await;
    let list = get(&app, &first, "/v1/sandbox/messages").await;
    assert_eq!(ids(&list), texts(&[own]));
    let message = &list.body["data"][0];
    let shown = (&message["found_code"], &message["text"], &message["provider"]);
    assert_eq!(shown, (&json!("4821"), &json!("Код 4821"), &json!("sandbox")));
    let of_second = get(&app, &second, "/v1/sandbox/messages").await;
    assert_eq!(ids(&of_second), texts(&[other]));
    assert_eq!(of_second.body["data"][0]["found_code"], Value::Null);

    let all = app.get("/v1/sandbox/messages").await;
    assert_eq!(ids(&all), texts(&[other, own]), "the live message {live} is none of them");
    for (id, expected) in [(&first_id, own), (&second_id, other)] {
        let one = app.get(&format!("/v1/sandbox/messages?key={id}")).await;
        assert_eq!(ids(&one), texts(&[expected]));
    }
    let own_name = format!("/v1/sandbox/messages?key={first_id}");
    assert_eq!(ids(&get(&app, &first, &own_name).await), texts(&[own]));
    let filtered = format!("/v1/sandbox/messages?to={}&q=hi&limit=1", escaped("+79030000001"));
    assert_eq!(ids(&app.get(&filtered).await), texts(&[other]));
    let page = app.get("/v1/sandbox/messages?limit=1").await.body;
    let next = format!("/v1/sandbox/messages?cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(ids(&app.get(&next).await), texts(&[own]));
}

#[tokio::test]
async fn what_belongs_to_another_key_is_not_found() {
    let app = admin().await;
    let ((first_id, _), (_, second)) = (test_key(&app).await, test_key(&app).await);
    let live = app.key_with(&[KeyScope::Read, KeyScope::Send]).await;
    let rules = json!({"rules": []});
    for key in [&second, &live] {
        for key_id in [&*first_id, "nothing"] {
            for path in ["/v1/sandbox/messages", LATEST, "/v1/sandbox/rules"] {
                let reply = get(&app, key, &format!("{path}?key={key_id}")).await;
                assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}: {}", reply.body);
                assert_eq!(reply.body["code"], "not_found", "{path}");
            }
            let path = format!("/v1/sandbox/rules?key={key_id}");
            let reply = call(&app, key, "PUT", &path, &rules).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn the_latest_message_is_the_newest_to_the_number_after_a_message_or_a_time() {
    let app = admin().await;
    let (_, key) = test_key(&app).await;
    let to = escaped(NUMBER);
    let nothing = get(&app, &key, &format!("{LATEST}?to={to}")).await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND, "{}", nothing.body);
    assert_eq!(nothing.body["code"], "nothing_arrived");
    let first = arrived(&app, &key, NUMBER, "Код 1111").await;
    let second = arrived(&app, &key, NUMBER, "Код 2222").await;
    let elsewhere = arrived(&app, &key, "+79030000001", "Код 3333").await;
    let latest = async |query: String| get(&app, &key, &format!("{LATEST}?{query}")).await;
    let found = latest(format!("to={to}")).await.body;
    assert_eq!((&found["id"], &found["found_code"]), (&json!(second), &json!("2222")));
    assert_eq!(latest(String::new()).await.body["id"], json!(elsewhere), "to any number");
    let after_first = latest(format!("to={to}&after={first}")).await.body;
    assert_eq!(after_first["id"], json!(second));
    let created_at = escaped(after_first["created_at"].as_str().expect("a time"));
    for place in [second.to_string(), created_at] {
        let reply = latest(format!("to={to}&after={place}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{place}: {}", reply.body);
    }
    let by_time = latest(format!("to={to}&after={}", escaped(&app.in_minutes(-1)))).await;
    assert_eq!(by_time.body["id"], json!(second));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let app = admin().await;
    for (path, name) in [
        (format!("{LATEST}?wait_seconds=61"), "wait_seconds"),
        (format!("{LATEST}?wait_seconds=-1"), "wait_seconds"),
        (format!("{LATEST}?after=yesterday"), "after"),
        (format!("{LATEST}?after={}", MessageId::new()), "after"),
        (format!("{LATEST}?to=12"), "to"),
        (format!("{LATEST}?limit=1"), "limit"),
        ("/v1/sandbox/messages?status=sent".to_owned(), "status"),
        ("/v1/sandbox/messages?cursor=x".to_owned(), "cursor"),
        ("/v1/sandbox/rules?to=1".to_owned(), "to"),
    ] {
        let reply = app.get(&path).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path}: {}", reply.body);
        assert_eq!(reply.body["errors"][0]["parameter"], name, "{path}");
        assert_eq!(reply.body["code"], "parameter_invalid", "{path}");
    }
}

/// A request that waits for a message to the usual number, as a task.
fn waiting(app: &Arc<App>, key: &str, query: &str) -> JoinHandle<Reply> {
    let (app, key) = (Arc::clone(app), key.to_owned());
    let path = format!("{LATEST}?to={}&wait_seconds=30{query}", escaped(NUMBER));
    tokio::spawn(async move { get(&app, &key, &path).await })
}

/// Lets tasks run until they wait.
async fn settle_down() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_waiting_request_is_answered_as_soon_as_the_message_comes() {
    let app = Arc::new(admin().await);
    let ((_, key), (_, other)) = (test_key(&app).await, test_key(&app).await);
    let first = arrived(&app, &key, NUMBER, "Код 1111").await;
    let start = Instant::now();
    let of_key = waiting(&app, &key, &format!("&after={first}"));
    let of_admin = waiting(&app, &app.key, &format!("&after={first}"));
    settle_down().await;
    arrived(&app, &other, "+79030000001", "Код 2222").await;
    arrived(&app, &key, "+79030000002", "Код 3333").await;
    let queued = send(&app, &key, NUMBER, "Код 4444").await;
    settle_down().await;
    assert!(!of_key.is_finished() && !of_admin.is_finished(), "not taken yet");
    take(&app, queued).await;
    for request in [of_key, of_admin] {
        let reply = request.await.expect("no panic");
        assert_eq!(reply.body["found_code"], "4444", "{}", reply.body);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_wait_ends_at_its_time_and_at_the_shutdown() {
    let app = Arc::new(admin().await);
    let (_, key) = test_key(&app).await;
    let start = Instant::now();
    let short = get(&app, &key, &format!("{LATEST}?wait_seconds=1")).await;
    assert_eq!(short.body["code"], "nothing_arrived", "{}", short.body);
    assert!(start.elapsed() >= Duration::from_secs(1));
    let long = waiting(&app, &key, "");
    settle_down().await;
    assert!(!long.is_finished());
    app.shutdown.cancel();
    let reply = long.await.expect("no panic");
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.body);
    assert_eq!(
        (&reply.body["code"], &reply.headers["retry-after"]),
        (&json!("unavailable"), &"1".parse().unwrap())
    );
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn one_waiting_request_too_many_of_a_client_is_refused() {
    let app = Arc::new(admin().await);
    let (_, key) = test_key(&app).await;
    let requests: Vec<_> = (0..100).map(|_| waiting(&app, &key, "")).collect();
    settle_down().await;
    let refused = get(&app, &key, &format!("{LATEST}?wait_seconds=1")).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.body);
    assert_eq!(refused.body["code"], "streams_too_many");
    let without_wait = get(&app, &key, LATEST).await;
    assert_eq!(without_wait.body["code"], "nothing_arrived", "needs no permit");
    arrived(&app, &key, NUMBER, "hi").await;
    for request in requests {
        assert_eq!(request.await.expect("no panic").status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_waits_no_longer() {
    let app = Arc::new(admin().await);
    let (id, key) = test_key(&app).await;
    let request = waiting(&app, &key, "");
    settle_down().await;
    let revoked = call(&app, &app.key, "DELETE", &format!("/v1/keys/{id}"), &Value::Null).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let owner = format!("{}:test:{id}", client_of(&app, &id).await);
    let message = Message::new(NUMBER, "Код 1234").owner(owner).route("sandbox");
    let messages = [message.prepare().expect("valid")];
    app.store.insert(InsertRequest::new(&messages)).await.expect("inserted");
    take(&app, messages[0].id).await;
    let reply = request.await.expect("no panic");
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.body);
}

async fn client_of(app: &App, key_id: &str) -> String {
    let key = app.get(&format!("/v1/keys/{key_id}")).await.body;
    key["client"]["id"].as_str().expect("an id").to_owned()
}

/// The instruction that a message was stored with.
async fn instruction(app: &App, id: &str) -> Option<SandboxAction> {
    let request = MessageRequest::new(id.parse().expect("an id"));
    app.store.get(&request).await.expect("read").expect("stored").message.options.sandbox
}

#[tokio::test]
async fn rules_are_drawn_when_a_message_is_accepted_or_sent_again() {
    let app = admin().await;
    let ((key_id, key), (_, other)) = (test_key(&app).await, test_key(&app).await);
    let live = app.key_with(&[KeyScope::Send]).await;
    let rules = json!({"rules": [
        {"to": "8 925 123-45-67", "action": "fail", "code": 207},
        {"share": 1.0, "action": "silent"},
    ]});
    let put = call(&app, &key, "PUT", "/v1/sandbox/rules", &rules).await;
    let mut shown = rules.clone();
    shown["rules"][0]["to"] = json!(NUMBER);
    assert_eq!((put.status, &put.body), (StatusCode::OK, &shown));
    assert_eq!(get(&app, &key, "/v1/sandbox/rules").await.body, shown);
    let by_admin = app.get(&format!("/v1/sandbox/rules?key={key_id}")).await;
    assert_eq!(by_admin.body, shown);
    assert_eq!(get(&app, &other, "/v1/sandbox/rules").await.body, json!({"rules": []}));

    let failed = send(&app, &key, NUMBER, "hi").await.to_string();
    let fail = Some(SandboxAction::Fail { code: 207 });
    assert_eq!(instruction(&app, &failed).await, fail);
    let batch = json!({"messages": [{"to": [NUMBER, "+79030000001"], "text": "hi"}]});
    let reply = call(&app, &key, "POST", "/v1/messages/batch", &batch).await.body;
    let recipient = |index: usize| reply["results"][0]["recipients"][index]["id"].as_str();
    assert_eq!(instruction(&app, recipient(0).expect("an id")).await, fail);
    let silent = Some(SandboxAction::Silent);
    assert_eq!(instruction(&app, recipient(1).expect("an id")).await, silent);
    for key in [&other, &live] {
        let id = send(&app, key, NUMBER, "hi").await.to_string();
        assert_eq!(instruction(&app, &id).await, None, "rules of another key");
    }

    let path = format!("/v1/messages/{failed}/cancel");
    call(&app, &key, "POST", &path, &Value::Null).await;
    let rules = json!({"rules": [{"action": "lose"}]});
    let path = format!("/v1/sandbox/rules?key={key_id}");
    assert_eq!(call(&app, &app.key, "PUT", &path, &rules).await.status, StatusCode::OK);
    let path = format!("/v1/messages/{failed}/resend");
    let again = call(&app, &app.key, "POST", &path, &json!({"reason": "a test"})).await.body;
    let id = again["id"].as_str().expect("an id");
    assert_eq!(instruction(&app, id).await, Some(SandboxAction::Lose), "drawn anew");
}

#[tokio::test]
async fn a_repeat_under_an_idempotency_key_is_the_same_message_whatever_the_rules_are_by_now() {
    let app = admin().await;
    let (_, key) = test_key(&app).await;
    let message = json!({"to": NUMBER, "text": "hi", "idempotency_key": "k"});
    let batch = json!({"messages": [message]});
    let first = call(&app, &key, "POST", "/v1/messages/batch", &batch).await.body;
    let rules = json!({"rules": [{"action": "lose"}]});
    call(&app, &key, "PUT", "/v1/sandbox/rules", &rules).await;
    let again = call(&app, &key, "POST", "/v1/messages/batch", &batch).await.body;
    assert_eq!(again["results"][0]["replayed"], true, "{again}");
    assert_eq!(again["results"][0]["id"], first["results"][0]["id"]);
}

#[tokio::test]
async fn wrong_rules_are_named_and_change_nothing() {
    let app = admin().await;
    let good = json!({"rules": [{"action": "lose"}]});
    assert_eq!(call(&app, &app.key, "PUT", "/v1/sandbox/rules", &good).await.status, 200);
    for (rules, status, expected) in [
        (json!({"rules": [{"action": "lose", "code": 1}]}), 422, "rule_invalid"),
        (json!({"rules": [{"action": "explode"}]}), 400, "field_type"),
        (json!({"rules": [{"action": "lose", "to": "1"}]}), 422, "phone_invalid"),
        (json!({"rules": vec![json!({"action": "lose"}); 101]}), 422, "rules_too_many"),
        (json!({}), 400, "field_missing"),
        (json!([]), 400, "json_invalid"),
    ] {
        let reply = call(&app, &app.key, "PUT", "/v1/sandbox/rules", &rules).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["code"]),
            (status, &json!(expected)),
            "{rules}"
        );
    }
    assert_eq!(app.get("/v1/sandbox/rules").await.body, good);
}

#[test]
fn the_numbers_of_the_prose_are_those_of_the_sandbox() {
    const API_MD: &str = include_str!("../../../../docs/API.md");
    for (number, action) in sms_core::Sandbox::ends() {
        let row = API_MD.lines().find(|line| line.contains(&number.to_string()));
        let row = row.unwrap_or_else(|| panic!("API.md does not name {number}"));
        let value = serde_json::to_value(action).expect("JSON");
        let details = ["code", "seconds"].into_iter().filter_map(|name| value[name].as_i64());
        for detail in details.map(|it| it.to_string()) {
            assert!(row.contains(&detail), "{row}: {detail}");
        }
        assert!(row.contains(&format!("`{}`", value["action"].as_str().expect("text"))), "{row}");
    }
}
