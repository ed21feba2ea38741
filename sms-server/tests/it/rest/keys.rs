//! `/v1/clients` and `/v1/keys`: making, listing, rotating and revoking over the API.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use sms_core::store::ListRequest;
use sms_core::{Archive as _, Clock as _, ManualClock, Outcome, SystemClock};
use sms_server::KeyScope;

use crate::app::{App, Reply};

const MESSAGE: &str = r#"{"to":"+79251234567","text":"hi"}"#;

/// A call with this key.
pub(super) async fn call(app: &App, key: &str, method: &str, path: &str, body: &Value) -> Reply {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json");
    app.call(request.body(body).expect("a request")).await
}

pub(super) async fn admin() -> App {
    App::with_scopes(&[KeyScope::Admin]).await
}

/// Makes a key; its id and the key itself.
async fn create(app: &App, body: &Value) -> (String, String) {
    let reply = call(app, &app.key, "POST", "/v1/keys", body).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    let text = |name: &str| reply.body[name].as_str().expect("text").to_owned();
    (text("id"), text("secret"))
}

/// Sends the usual message with this key.
async fn send(app: &App, key: &str) -> Reply {
    let body = serde_json::from_str(MESSAGE).expect("JSON");
    call(app, key, "POST", "/v1/messages", &body).await
}

#[tokio::test]
async fn a_key_is_shown_once_and_opens_what_it_was_made_for() {
    let app = admin().await;
    let body = json!({"name": "till", "scopes": ["send", "send"]});
    let made = call(&app, &app.key, "POST", "/v1/keys", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let secret = made.body["secret"].as_str().expect("a key").to_owned();
    assert!(secret.starts_with("sms_live_"), "{}", made.body);
    let place = made.headers["location"].to_str().expect("text");
    assert_eq!(place, format!("/v1/keys/{}", made.body["id"].as_str().expect("an id")));
    let shown = app.get(place).await;
    let mut without = made.body.clone();
    without.as_object_mut().expect("an object").remove("secret");
    assert_eq!(shown.body, without, "the same without the key");
    let listed = app.get("/v1/keys").await;
    let keys = listed.body["data"].as_array().expect("keys");
    assert!(keys.contains(&without), "{}", listed.body);
    let times: Vec<_> =
        keys.iter().map(|key| key["created_at"].as_str().expect("a time")).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "newest first: {times:?}");
    assert!(!String::from_utf8_lossy(&listed.raw).contains(&secret[19..]));
    assert_eq!(send(&app, &secret).await.status, StatusCode::ACCEPTED);
    assert_eq!(call(&app, &secret, "GET", "/v1/messages", &Value::Null).await.status, 403);
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_stays_in_the_list() {
    let app = admin().await;
    let (id, key) = create(&app, &json!({"name": "till"})).await;
    assert_eq!(send(&app, &key).await.status, StatusCode::ACCEPTED);
    let path = format!("/v1/keys/{id}");
    for _ in 0..2 {
        let reply = call(&app, &app.key, "DELETE", &path, &Value::Null).await;
        assert_eq!((reply.status, reply.raw.len()), (StatusCode::NO_CONTENT, 0));
        assert_eq!(send(&app, &key).await.status, StatusCode::UNAUTHORIZED);
    }
    assert!(app.get(&path).await.body["revoked_at"].is_string());
    let rotated = call(&app, &app.key, "POST", &format!("{path}/rotate"), &Value::Null).await;
    assert_eq!((rotated.status, &rotated.body["code"]), (StatusCode::CONFLICT, &json!("conflict")));
}

#[tokio::test]
async fn a_rotated_key_has_a_successor_that_is_like_it() {
    let app = admin().await;
    let body = json!({"name": "till", "scopes": ["send"], "allowed_numbers": ["8 925 123-45-67"],
        "expires_at": app.in_minutes(60)});
    let (id, old) = create(&app, &body).await;
    let rotate = format!("/v1/keys/{id}/rotate");
    let reply = call(&app, &app.key, "POST", &rotate, &json!({"overlap_seconds": 0})).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    let new = reply.body["secret"].as_str().expect("a key");
    assert_eq!(send(&app, &old).await.status, StatusCode::UNAUTHORIZED, "no overlap");
    assert_eq!(send(&app, new).await.status, StatusCode::ACCEPTED);
    let place = reply.headers["location"].to_str().expect("text");
    let (old, new) = (app.get(&format!("/v1/keys/{id}")).await.body, app.get(place).await.body);
    for field in ["name", "client", "kind", "scopes", "allowed_numbers"] {
        assert_eq!(old[field], new[field], "{field}");
    }
    assert_eq!(new["allowed_numbers"], json!(["+79251234567"]));
    assert!(new["expires_at"].as_str() > old["expires_at"].as_str(), "{old} {new}");
    // A second rotation is of a key that has ended.
    let again = call(&app, &app.key, "POST", &rotate, &Value::Null).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_key_is_refused_from_its_expiry_on_and_its_successor_lives_as_long() {
    let clock = ManualClock::new(SystemClock.now_ms());
    let app = App::on_clock(clock.clone()).await.becoming(&[KeyScope::Admin]).await;
    let body = json!({"name": "till", "expires_at": app.in_minutes(60)});
    let (id, key) = create(&app, &body).await;
    // The default overlap is a day: the old key ends at its own expiry.
    let rotate = format!("/v1/keys/{id}/rotate");
    let reply = call(&app, &app.key, "POST", &rotate, &Value::Null).await;
    let end = app.get(&format!("/v1/keys/{id}")).await.body["expires_at"].clone();
    assert!(reply.body["expires_at"].is_string(), "{}", reply.body);
    clock.advance(std::time::Duration::from_mins(61));
    assert_eq!(send(&app, &key).await.status, StatusCode::UNAUTHORIZED, "{end}");
    let new = reply.body["secret"].as_str().expect("a key");
    assert_eq!(send(&app, new).await.status, StatusCode::UNAUTHORIZED, "it lives as long");
}

#[tokio::test]
async fn messages_of_a_test_key_take_the_route_sandbox_and_are_apart_from_those_of_live_keys() {
    let app = admin().await;
    let (_, live) = create(&app, &json!({"name": "live"})).await;
    let client = app.get("/v1/keys").await.body["data"][0]["client"]["id"].clone();
    let (_, test) = create(&app, &json!({"name": "test", "kind": "test", "client": client})).await;
    assert!(test.starts_with("sms_test_"), "{test}");
    let batch = json!({"messages": [{"to": "+79251234567", "text": "hi"}]});
    let one = send(&app, &test).await;
    assert_eq!(one.body["route"], "sandbox", "{}", one.body);
    let many = call(&app, &test, "POST", "/v1/messages/batch", &batch).await;
    assert_eq!(many.body["results"][0]["route"], "sandbox", "{}", many.body);
    assert_eq!(send(&app, &live).await.body["route"], Value::Null);
    let stored = app.store.list(&ListRequest::new(10)).await.expect("a list").messages;
    let routes: Vec<_> = stored.iter().map(|it| it.message.route.as_str()).collect();
    assert_eq!(routes, ["default", "sandbox", "sandbox"]);
    for (key, count) in [(&live, 1), (&test, 2)] {
        let list = call(&app, key, "GET", "/v1/messages", &Value::Null).await.body;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(count), "{list}");
        assert_eq!(list["data"][0]["route"].is_null(), count == 1, "{list}");
    }
}

#[tokio::test]
async fn an_idempotency_key_of_a_test_key_is_not_that_of_a_live_key() {
    let app = admin().await;
    let (_, live) = create(&app, &json!({"name": "live"})).await;
    let client = app.get("/v1/keys").await.body["data"][0]["client"]["id"].clone();
    let (_, test) = create(&app, &json!({"name": "test", "kind": "test", "client": client})).await;
    let message = json!({"to": "+79251234567", "text": "hi", "idempotency_key": "order-7"});
    let batch = json!({"messages": [message]});
    let mut ids = Vec::new();
    for key in [&live, &test] {
        let reply = call(&app, key, "POST", "/v1/messages/batch", &batch).await.body;
        assert!(reply["results"][0]["replayed"].is_null(), "{reply}");
        assert!(reply["results"][0]["id"].is_string(), "{reply}");
        ids.push(reply["results"][0]["id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_key_with_a_list_of_numbers_sends_to_no_other() {
    let app = admin().await;
    let body = json!({"name": "staging", "allowed_numbers": ["+79030000001", "8 903 000-00-02"]});
    let (_, key) = create(&app, &body).await;
    let refused = send(&app, &key).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["code"], "recipient_not_allowed");
    assert_eq!(refused.body["errors"][0]["pointer"], "/to");
    let message = |to: &str| json!({"to": to, "text": "hi"});
    let batch = json!({"messages": [message("89030000001"), message("+79251234567")]});
    let reply = call(&app, &key, "POST", "/v1/messages/batch", &batch).await.body;
    assert!(reply["results"][0]["id"].is_string(), "{reply}");
    let error = &reply["results"][1]["error"];
    assert_eq!(error["code"], "recipient_not_allowed", "{reply}");
    assert_eq!(error["errors"][0]["pointer"], "/messages/1/to", "{reply}");
    assert_eq!(app.stored().await, 1);
}

#[tokio::test]
async fn a_key_with_a_list_of_numbers_sends_nothing_again_to_another() {
    let app = admin().await;
    let id = app.attempted(Outcome::unknown("no answer in time")).await;
    let client = app.get("/v1/keys").await.body["data"][0]["client"]["id"].clone();
    let allowed =
        |number: &str| json!({"name": "staging", "client": client, "allowed_numbers": [number]});
    let (_, other) = create(&app, &allowed("+79030000001")).await;
    let (_, own) = create(&app, &allowed("+79251234567")).await;
    let path = format!("/v1/messages/{id}/resolve");
    let body = json!({"resolution": "resend", "reason": "asked them"});
    let refused = call(&app, &other, "POST", &path, &body).await;
    assert_eq!(refused.body["code"], "recipient_not_allowed", "{}", refused.body);
    assert_eq!(call(&app, &own, "POST", &path, &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_wrong_field_of_a_key_is_named() {
    let app = admin().await;
    let many = vec!["+79251234567"; 101];
    for (more, status, expected) in [
        (json!({"name": ""}), 400, "/name field_type"),
        (json!({"scopes": []}), 422, "/scopes scopes_empty"),
        (json!({"scopes": ["read", "write"]}), 400, "/scopes field_type"),
        (json!({"scopes": ["admin"], "kind": "test"}), 422, "/scopes scopes_invalid"),
        (json!({"kind": "staging"}), 400, "/kind field_type"),
        (json!({"client": "nobody"}), 422, "/client client_unknown"),
        (json!({"allowed_numbers": []}), 422, "/allowed_numbers allowed_numbers_invalid"),
        (json!({"allowed_numbers": many}), 422, "/allowed_numbers allowed_numbers_invalid"),
        (
            json!({"allowed_numbers": ["+79251234567", "1"]}),
            422,
            "/allowed_numbers/1 phone_invalid",
        ),
        (
            json!({"allowed_numbers": ["+79251234567"], "kind": "test"}),
            422,
            "/allowed_numbers allowed_numbers_invalid",
        ),
        (json!({"expires_at": "2020-01-01T00:00:00Z"}), 422, "/expires_at expires_at_invalid"),
        (json!({"expires_at": "tomorrow"}), 400, "/expires_at field_type"),
        (json!({"secret": "mine"}), 400, "/secret field_unknown"),
    ] {
        let mut body = json!({"name": "till"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        let reply = call(&app, &app.key, "POST", "/v1/keys", &body).await;
        let error = &reply.body["errors"][0];
        let found = format!(
            "{} {}",
            error["pointer"].as_str().unwrap_or_default(),
            error["code"].as_str().unwrap_or_default()
        );
        assert_eq!((reply.status.as_u16(), &*found), (status, expected), "{more}");
    }
    let keys = app.get("/v1/keys").await.body;
    assert_eq!(keys["data"].as_array().map(Vec::len), Some(1), "none was made: {keys}");
    let id = keys["data"][0]["id"].as_str().expect("an id");
    let too_long = json!({"overlap_seconds": 7_776_001});
    let reply = call(&app, &app.key, "POST", &format!("/v1/keys/{id}/rotate"), &too_long).await;
    assert_eq!(reply.body["code"], "overlap_invalid", "{}", reply.body);
}

#[tokio::test]
async fn a_client_is_made_renamed_and_found_with_its_keys() {
    let app = admin().await;
    let made = app.post_to("/v1/clients", r#"{"name":"shop"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let place = made.headers["location"].to_str().expect("text").to_owned();
    assert_eq!(app.get(&place).await.body, made.body);
    let id = made.body["id"].as_str().expect("an id");
    let (key, _) = create(&app, &json!({"name": "till", "client": id})).await;
    let renamed = call(&app, &app.key, "PATCH", &place, &json!({"name": "store"})).await;
    assert_eq!((renamed.status, &renamed.body["name"]), (StatusCode::OK, &json!("store")));
    let clients = app.get("/v1/clients").await.body;
    let clients = clients["data"].as_array().expect("clients");
    assert!(clients.contains(&renamed.body), "{clients:?}");
    let keys = app.get(&format!("/v1/keys?client={id}")).await.body;
    assert_eq!(keys["data"].as_array().map(Vec::len), Some(1), "{keys}");
    assert_eq!(keys["data"][0]["id"], json!(key));
    assert_eq!(keys["data"][0]["client"], json!({"id": id, "name": "store"}));
    let wrong = app.post_to("/v1/clients", r#"{"name":" "}"#).await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["code"]), (400, &json!("field_type")));
}

#[tokio::test]
async fn a_key_is_told_who_it_is() {
    let app = admin().await;
    let body = json!({"name": "staging", "scopes": ["read"], "allowed_numbers": ["+79251234567"],
        "expires_at": "2099-01-01T00:00:00Z"});
    let (id, key) = create(&app, &body).await;
    let client = app.get(&format!("/v1/keys/{id}")).await.body["client"].clone();
    let me = call(&app, &key, "GET", "/v1/me", &Value::Null).await.body;
    let expected = json!({
        "client": client, "key": {"id": id, "name": "staging"}, "kind": "live", "scopes": ["read"],
        "allowed_numbers": ["+79251234567"], "expires_at": "2099-01-01T00:00:00.000Z",
    });
    assert_eq!(me, expected);
}

#[tokio::test]
async fn the_server_tells_what_it_is() {
    let app = App::new().await;
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"), "features": ["provider", "callbacks"],
        "time_zone": "Europe/Moscow", "mask_numbers": true,
    });
    assert_eq!(app.get("/v1/info").await.body, expected);
}
