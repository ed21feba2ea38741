//! The header `traceparent` of requests that send.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::Status;
use sms_core::Store as _;
use sms_core::store::CancelRequest;

use crate::app::{App, Reply};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn post(app: &App, path: &str, traces: &[&str], body: &Value) -> Reply {
    let request = app.request("POST", path).header("content-type", "application/json");
    let request = traces.iter().fold(request, |request, it| request.header("traceparent", *it));
    app.call(request.body(Body::from(body.to_string())).expect("a request")).await
}

fn message() -> Value {
    json!({"to": "+79251234567", "text": "hi"})
}

#[tokio::test]
async fn the_trace_of_a_request_is_shown_on_its_messages_and_their_events() {
    let app = App::new().await;
    let alone = post(&app, "/v1/messages", &[TRACE], &message()).await.body;
    let batch = json!({"messages": [message(), message()]});
    let batch = post(&app, "/v1/messages/batch", &[TRACE], &batch).await.body;
    for accepted in [&alone, &batch["results"][0], &batch["results"][1]] {
        assert_eq!(accepted["traceparent"], TRACE, "{accepted}");
        let id = accepted["id"].as_str().expect("an id");
        assert_eq!(app.get(&format!("/v1/messages/{id}")).await.body["traceparent"], TRACE);
    }
    let id: sms_core::MessageId = alone["id"].as_str().and_then(|id| id.parse().ok()).expect("id");
    let status = app.store.cancel(CancelRequest::new(id, "op")).await.expect("cancelled");
    assert_eq!(status, Status::Cancelled);
    let path = format!("/v1/messages/{id}/resend");
    let again = post(&app, &path, &[], &json!({"reason": "lost"})).await.body;
    assert!(again["id"].is_string() && again["traceparent"].is_null(), "{again}");
    let events = app.get("/v1/events?after=0-4102444800").await.body;
    assert_eq!(events["data"][0]["traceparent"], TRACE, "{events}");
}

#[tokio::test]
async fn a_malformed_trace_is_ignored() {
    let app = App::new().await;
    for traces in [
        &["nonsense"][..],
        &["ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        &[TRACE, TRACE],
        &[""],
    ] {
        let reply = post(&app, "/v1/messages", traces, &message()).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{traces:?}");
        assert!(reply.body["traceparent"].is_null(), "{traces:?}");
    }
}

#[tokio::test]
async fn the_trace_is_no_part_of_the_content_under_a_key() {
    let app = App::new().await;
    let mut item = message();
    item["idempotency_key"] = json!("k");
    let batch = json!({"messages": [item]});
    let first = post(&app, "/v1/messages/batch", &[TRACE], &batch).await.body;
    let again = post(&app, "/v1/messages/batch", &[], &batch).await.body;
    assert_eq!(again["results"][0]["id"], first["results"][0]["id"], "{again}");
    assert_eq!(again["results"][0]["traceparent"], TRACE, "that of the first");
}
