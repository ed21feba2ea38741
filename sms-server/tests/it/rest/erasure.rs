//! Erasure of numbers and of selections.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::Outcome;
use sms_server::KeyScope;
use tokio::time::{Instant, sleep};

use crate::app::{App, Reply};

const ERASE: &str = "/v1/numbers/erase";

async fn admin() -> App {
    App::with_scopes(&[KeyScope::Admin]).await
}

async fn erase(app: &App, to: &str) -> Reply {
    app.post_to(ERASE, json!({"to": to, "reason": "asked for it"}).to_string()).await
}

async fn shown(app: &App, id: impl std::fmt::Display) -> Value {
    app.get(&format!("/v1/messages/{id}")).await.body
}

#[tokio::test]
async fn an_erased_message_shows_the_fact_alone() {
    let app = admin().await;
    let id = app.attempted(Outcome::rejected(207, "no route to +79251234567")).await;
    let before = shown(&app, id).await;
    assert_eq!((&before["to"], &before["text"]), (&json!("+79251234567"), &json!("hi")));
    let reply = erase(&app, "8 (925) 123-45-67").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(
        reply.body,
        json!({"messages": 1, "receipts": 0, "items": 0, "selections": 0, "remaining": 0,
               "has_more": false})
    );
    let after = shown(&app, id).await;
    assert_eq!(
        (&after["erased"], &after["to"], &after["text"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    assert!(after.as_object().is_some_and(|it| it.contains_key("to") && it.contains_key("text")));
    for kept in ["id", "status", "code", "created_at", "updated_at", "attempts", "provider"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert!(!after.to_string().contains("9251234567"), "{after}");
    for query in ["to=79251234567", "q=hi", "q=79251234567"] {
        let list = app.get(&format!("/v1/messages?{query}")).await.body;
        assert_eq!(list["data"], json!([]), "{query}");
    }
    let file = String::from_utf8(app.get("/v1/messages.csv").await.raw).expect("UTF-8");
    assert!(file.contains(&id.to_string()) && !file.contains("9251234567"), "{file}");
    let again = app.post_to(&format!("/v1/messages/{id}/resend"), r#"{"reason":"x"}"#).await;
    assert_eq!((again.status, &again.body["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert_eq!(erase(&app, "+79251234567").await.body["messages"], 0, "it can be repeated");
}

#[tokio::test]
async fn a_message_that_may_still_be_sent_keeps_its_number() {
    let app = admin().await;
    let body = json!({"to": "+79251234567", "text": "hi"}).to_string();
    let queued = app.post(body).await.body;
    let id = queued["id"].as_str().expect("an id");
    let unknown = app.attempted(Outcome::unknown("no answer in time")).await;
    let reply = erase(&app, "+79251234567").await.body;
    assert_eq!((&reply["messages"], &reply["remaining"]), (&json!(0), &json!(2)));
    assert_eq!(shown(&app, id).await["to"], "+79251234567");
    app.post_to(&format!("/v1/messages/{id}/cancel"), "").await;
    let settle = r#"{"resolution":"failed","reason":"asked them"}"#;
    app.post_to(&format!("/v1/messages/{unknown}/resolve"), settle).await;
    let reply = erase(&app, "+79251234567").await.body;
    assert_eq!((&reply["messages"], &reply["remaining"]), (&json!(2), &json!(0)));
    assert_eq!(shown(&app, id).await["erased"], true);
}

#[tokio::test]
async fn a_selection_is_erased_by_a_job() {
    let app = admin().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(app.attempted(Outcome::rejected(207, "no route")).await);
    }
    let unknown = app.attempted(Outcome::unknown("no answer in time")).await;
    let filter = json!({"filter": {"to": "8 (925) 123-45-67"}}).to_string();
    let selection = app.post_to("/v1/selections", filter).await.body;
    let path = format!("/v1/selections/{}/erase", selection["id"].as_str().expect("an id"));
    let job = app.post_to(&path, r#"{"reason":"asked for it"}"#).await;
    assert_eq!((job.status, &job.body["action"]), (StatusCode::ACCEPTED, &json!("erase")));
    app.run_jobs();
    let deadline = Instant::now() + Duration::from_mins(1);
    let job = format!("/v1/jobs/{}", job.body["id"].as_str().expect("an id"));
    let ended = loop {
        let ended = app.get(&job).await.body;
        if ended["state"] != "running" {
            break ended;
        }
        assert!(Instant::now() < deadline, "{ended}");
        sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((&ended["done"], &ended["failed"]), (&json!(3), &json!(1)), "{ended}");
    for id in ids {
        assert_eq!(shown(&app, id).await["erased"], true);
    }
    assert!(shown(&app, unknown).await["erased"].is_null());
    // The filter of the selection names the number, too.
    assert_eq!(erase(&app, "+79251234567").await.body["selections"], 1);
    let id = selection["id"].as_str().expect("an id");
    assert_eq!(app.get(&format!("/v1/selections/{id}")).await.body["filter"], json!({}));
}

#[tokio::test]
async fn erasing_needs_a_number_and_a_reason() {
    let app = admin().await;
    for (body, status, code) in [
        (r#"{"to":"nobody","reason":"x"}"#, 422, "phone_invalid"),
        (r#"{"to":"+79251234567"}"#, 400, "field_missing"),
        (r#"{"to":"+79251234567","reason":""}"#, 400, "field_type"),
    ] {
        let reply = app.post_to(ERASE, body).await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (status, &json!(code)), "{body}");
    }
}
