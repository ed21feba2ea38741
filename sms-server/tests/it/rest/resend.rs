//! Sending a message again, as a new one.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::{MessageId, Outcome};
use sms_server::KeyScope;

use crate::app::{App, Reply};

const REASON: &str = r#"{"reason":"the phone was off"}"#;

async fn resend(app: &App, id: impl std::fmt::Display, key: Option<&str>) -> Reply {
    let path = format!("/v1/messages/{id}/resend");
    let mut request = app.request("POST", &path).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    app.call(request.body(REASON.into()).expect("a request")).await
}

async fn rejected(app: &App) -> MessageId {
    app.attempted(Outcome::rejected(207, "no route")).await
}

#[tokio::test]
async fn a_resend_is_a_new_message_that_names_the_earlier_one_and_the_reason() {
    let app = App::new().await;
    let earlier = rejected(&app).await;
    let reply = resend(&app, earlier, None).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    let id = reply.body["id"].as_str().expect("an id");
    assert_eq!(reply.headers["location"], format!("/v1/messages/{id}"));
    assert_eq!(reply.body["resend_of"], earlier.to_string());
    assert_eq!((app.stored().await, app.pushed().await), (2, 1));
    let shown = app.get(&format!("/v1/messages/{id}")).await.body;
    assert_eq!((&shown["status"], &shown["text"]), (&json!("queued"), &json!("hi")));
    let accepted = &shown["timeline"][0];
    assert_eq!(accepted["text"], "the phone was off");
    assert!(accepted["by"].is_string(), "{accepted}");
    let list = app.get(&format!("/v1/messages?resend_of={earlier}")).await.body;
    assert_eq!(list["data"][0]["id"], id, "the earlier one leads to the new one");
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    let shown = app.get(&format!("/v1/messages/{earlier}")).await.body;
    assert_eq!(shown["status"], "failed", "the earlier message does not change");
}

#[tokio::test]
async fn a_repeat_with_the_same_key_is_one_resend() {
    let app = App::new().await;
    let earlier = rejected(&app).await;
    let first = resend(&app, earlier, Some("again-1")).await;
    let second = resend(&app, earlier, Some("again-1")).await;
    assert_eq!(first.body["id"], second.body["id"]);
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!(app.stored().await, 2);
    let other = rejected(&app).await;
    let reused = resend(&app, other, Some("again-1")).await;
    assert_eq!(reused.body["code"], "idempotency_key_reused", "a resend of another message");
}

#[tokio::test]
async fn what_is_going_to_be_sent_or_may_have_been_is_not_sent_again() {
    let app = App::new().await;
    let queued = app.post(r#"{"to":"+79251234567","text":"hi"}"#).await.body["id"].clone();
    let queued = queued.as_str().expect("an id").to_owned();
    let unknown = app.attempted(Outcome::unknown("no answer")).await.to_string();
    let stored = app.stored().await;
    for id in [queued, unknown] {
        let reply = resend(&app, &id, None).await;
        assert_eq!(reply.status, StatusCode::CONFLICT, "{}", reply.body);
        assert_eq!(reply.body["code"], "conflict");
    }
    assert_eq!(app.stored().await, stored);
}

#[tokio::test]
async fn an_accepted_message_may_be_sent_again() {
    let app = App::new().await;
    let sent = app.attempted(Outcome::accepted("7f01")).await;
    assert_eq!(resend(&app, sent, None).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_resend_needs_a_reason() {
    let app = App::new().await;
    let id = rejected(&app).await;
    let path = format!("/v1/messages/{id}/resend");
    for body in [json!({}), json!({"reason": ""}), json!({"reason": "a\nb"}), json!({"reason": 7})]
    {
        let reply = app.post_to(&path, body.to_string()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(reply.body["errors"][0]["pointer"], "/reason", "{body}: {}", reply.body);
    }
    assert_eq!(app.stored().await, 1);
}

#[tokio::test]
async fn a_resend_by_an_operator_stays_with_the_client() {
    let app = App::new().await;
    let id = rejected(&app).await;
    let client_key = app.key.clone();
    let mut app = app.becoming(&[KeyScope::Admin, KeyScope::Send]).await;
    let reply = resend(&app, id, None).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    app.key = client_key;
    let path = format!("/v1/messages/{}", reply.body["id"].as_str().expect("an id"));
    assert_eq!(app.get(&path).await.status, StatusCode::OK);
    let stranger = app.becoming(&[KeyScope::Send]).await;
    assert_eq!(resend(&stranger, id, None).await.body["code"], "not_found");
    assert_eq!(stranger.get(&path).await.body["data"], Value::Null);
}
