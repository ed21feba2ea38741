//! What a key sees, by its scopes.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::Outcome;
use sms_server::KeyScope;

use crate::app::App;

const GOOD: &str = r#"{"to":"+79251234567","text":"CANARY-TEXT","metadata":{"order":7}}"#;

/// The names of the fields of an object.
fn fields(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_key_that_only_sends_reads_no_text_and_no_timeline_through_cancel() {
    let app = App::new().await.becoming(&[KeyScope::Send]).await;
    let id = app.post(GOOD).await.body["id"].as_str().expect("an id").to_owned();
    let reply = app.post_to(&format!("/v1/messages/{id}/cancel"), "").await;
    assert_eq!(
        (reply.status, &reply.body),
        (StatusCode::OK, &json!({"id": id, "status": "cancelled"}))
    );
}

#[tokio::test]
async fn a_key_that_only_sends_reads_no_text_and_no_timeline_through_resolve() {
    let app = App::with_scopes(&[KeyScope::Send]).await;
    let id = app.attempted(Outcome::unknown("no answer in time")).await;
    let body = r#"{"resolution":"failed","reason":"asked the customer"}"#;
    let reply = app.post_to(&format!("/v1/messages/{id}/resolve"), body).await;
    assert_eq!(
        (reply.status, &reply.body),
        (StatusCode::OK, &json!({"id": id, "status": "failed"}))
    );
}

#[tokio::test]
async fn a_key_that_only_sends_is_answered_a_repeat_as_the_first_time() {
    let app = App::new().await.becoming(&[KeyScope::Send]).await;
    let first = app.post_with_key("order-7", GOOD).await;
    let again = app.post_with_key("order-7", GOOD).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.body, first.body, "and nothing about what became of it but its status");
}

#[tokio::test]
async fn a_key_that_only_sends_is_answered_a_repeated_batch_as_the_first_time() {
    let app = App::new().await.becoming(&[KeyScope::Send]).await;
    let batch =
        r#"{"messages":[{"to":"+79251234567","text":"CANARY-TEXT","idempotency_key":"a"}]}"#;
    let first = app.post_to("/v1/messages/batch", batch).await.body["results"][0].take();
    let mut again = app.post_to("/v1/messages/batch", batch).await.body["results"][0].take();
    assert_eq!(again.as_object_mut().and_then(|again| again.remove("replayed")), Some(json!(true)));
    assert_eq!(again, first);
}

#[tokio::test]
async fn a_key_that_reads_sees_the_whole_message_in_the_same_answers() {
    let app = App::new().await;
    let id =
        app.post_with_key("order-7", GOOD).await.body["id"].as_str().expect("an id").to_owned();
    let again = app.post_with_key("order-7", GOOD).await.body;
    assert!(fields(&again).contains(&"text"), "{again}");
    let cancelled = app.post_to(&format!("/v1/messages/{id}/cancel"), "").await.body;
    assert!(fields(&cancelled).contains(&"timeline"), "{cancelled}");
}

#[tokio::test]
async fn a_key_that_only_sends_opens_no_path_that_reads() {
    let app = App::new().await.becoming(&[KeyScope::Send]).await;
    let id = app.post(GOOD).await.body["id"].as_str().expect("an id").to_owned();
    let message = format!("/v1/messages/{id}");
    for path in [
        "/v1/messages",
        &message,
        "/v1/stats",
        "/v1/provider",
        "/v1/queue",
        "/v1/receipts/unmatched",
    ] {
        let reply = app.get(path).await;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (StatusCode::FORBIDDEN, &json!("scope_missing")),
            "{path}"
        );
    }
}
