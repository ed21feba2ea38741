//! Messages of unknown outcome: listed with their reason, settled by a person, shown beside
//! receipts that may be theirs.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::PerLane;
use sms_core::store::DueRequest;
use sms_core::{MessageId, Outcome, Receipt, ReceiptState, Store};
use sms_server::KeyScope;

use crate::app::{App, PROVIDER};

async fn unknown(app: &App) -> MessageId {
    app.attempted(Outcome::unknown("no answer in time")).await
}

fn resolve_path(id: MessageId) -> String {
    format!("/v1/messages/{id}/resolve")
}

async fn stray(app: &App, id: &str) {
    let receipt = Receipt::new(PROVIDER, id, ReceiptState::Delivered).code(201, "words");
    app.store.apply_receipts(&[receipt]).await.expect("applied");
}

#[tokio::test]
async fn every_unknown_is_listed_with_its_reason() {
    let app = App::new().await;
    let id = unknown(&app).await;
    let listed = app.get("/v1/messages?status=unknown").await.body;
    assert_eq!(listed["data"][0]["id"], id.to_string());
    assert_eq!(listed["data"][0]["reason"], "no answer in time");
    assert!(listed["data"][0]["unknown_since"].is_string());
}

#[tokio::test]
async fn a_person_can_say_what_became_of_it() {
    for (resolution, status) in [("sent", "sent"), ("failed", "failed"), ("resend", "queued")] {
        let app = App::new().await;
        let id = unknown(&app).await;
        let body = json!({"resolution": resolution, "reason": "asked the customer"}).to_string();
        let reply = app.post_to(&resolve_path(id), body).await;
        assert_eq!((reply.status, &reply.body["status"]), (StatusCode::OK, &json!(status)));
        let last = reply.body["timeline"]
            .as_array()
            .and_then(|steps| steps.last())
            .expect("a timeline")
            .clone();
        assert_eq!(
            (&last["kind"], &last["text"]),
            (&json!("resolved"), &json!("asked the customer"))
        );
        assert!(last["by"].is_string());
    }
}

#[tokio::test]
async fn what_is_to_be_sent_again_is_due_at_once() {
    let app = App::new().await;
    let id = unknown(&app).await;
    app.post_to(&resolve_path(id), r#"{"resolution":"resend","reason":"r"}"#).await;
    let request = DueRequest::new(PerLane::all(1), std::time::Duration::from_secs(20));
    assert_eq!(app.store.due(request).await.expect("read")[0].id, id);
}

#[tokio::test]
async fn a_person_can_name_the_providers_id_and_the_receipts_under_it_count() {
    let app = App::new().await.becoming(&[KeyScope::Admin]).await;
    let id = unknown(&app).await;
    stray(&app, "202647-7").await;
    let body = r#"{"resolution":"sent","reason":"seen in the panel","provider_id":"202647-7"}"#;
    let reply = app.post_to(&resolve_path(id), body).await;
    assert_eq!((reply.status, &reply.body["status"]), (StatusCode::OK, &json!("delivered")));
    assert_eq!(app.get("/v1/receipts/unmatched").await.body["data"], json!([]));
}

#[tokio::test]
async fn a_message_that_is_not_unknown_cannot_be_resolved() {
    let app = App::new().await;
    let id = app.attempted(Outcome::accepted("1")).await;
    let reply = app.post_to(&resolve_path(id), r#"{"resolution":"failed","reason":"r"}"#).await;
    assert_eq!((reply.status, &reply.body["code"]), (StatusCode::CONFLICT, &json!("conflict")));
}

#[tokio::test]
async fn somebody_elses_unknown_is_not_there() {
    let app = App::new().await;
    let id = unknown(&app).await;
    let app = app.becoming(&[KeyScope::Send, KeyScope::Read]).await;
    let reply = app.post_to(&resolve_path(id), r#"{"resolution":"failed","reason":"r"}"#).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_resolution_is_refused_by_the_field_and_changes_nothing() {
    let app = App::new().await;
    let id = unknown(&app).await;
    for (body, pointer) in [
        (json!({"reason": "r"}), "/resolution"),
        (json!({"resolution": "failed"}), "/reason"),
        (json!({"resolution": null, "reason": "r"}), "/resolution"),
        (json!({"resolution": "lost", "reason": "r"}), "/resolution"),
        (json!({"resolution": "failed", "reason": " "}), "/reason"),
        (json!({"resolution": "failed", "reason": "r", "provider_id": "1"}), "/provider_id"),
        (json!({"resolution": "sent", "reason": "r", "provider_id": ""}), "/provider_id"),
        (json!({"resolution": "sent", "reason": "r", "more": 1}), "/more"),
    ] {
        let reply = app.post_to(&resolve_path(id), body.to_string()).await;
        let problem = (reply.status, &reply.body["errors"][0]["pointer"]);
        assert_eq!(problem, (StatusCode::BAD_REQUEST, &json!(pointer)), "{body}");
    }
    assert_eq!(app.get(&format!("/v1/messages/{id}")).await.body["status"], "unknown");
    assert_eq!(
        app.post_to("/v1/messages/nonsense/resolve", r#"{"resolution":"sent","reason":"r"}"#)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn receipts_under_unknown_ids_are_shown_beside_the_unknown_messages_of_their_time() {
    let app = App::new().await.becoming(&[KeyScope::Admin]).await;
    let id = unknown(&app).await;
    stray(&app, "202647-7").await;
    for path in [format!("/v1/messages/{id}"), "/v1/messages?status=unknown".to_owned()] {
        let shown = app.get(&path).await.body;
        assert_eq!(shown["unmatched_receipts"][0]["provider_id"], "202647-7", "{path}");
    }
    let listed = app.get("/v1/receipts/unmatched").await.body;
    assert_eq!(
        (&listed["data"][0]["state"], &listed["data"][0]["code"]),
        (&json!("delivered"), &json!(201))
    );
    assert_eq!(listed["data"][0]["meaning"]["ru"], "нет денег");
    let later = "/v1/receipts/unmatched?from_time=2100-01-01T00:00:00Z";
    assert_eq!(app.get(later).await.body["data"], json!([]));
}

#[tokio::test]
async fn receipts_under_unknown_ids_are_shown_to_administrators_only() {
    let app = App::new().await;
    let id = unknown(&app).await;
    stray(&app, "202647-7").await;
    assert_eq!(
        app.get(&format!("/v1/messages/{id}")).await.body["unmatched_receipts"],
        Value::Null
    );
    assert_eq!(app.get("/v1/receipts/unmatched").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn wrong_parameters_of_the_list_are_named() {
    let app = App::new().await.becoming(&[KeyScope::Admin]).await;
    for parameter in ["from_time=yesterday", "limit=0", "limit=1&limit=2", "status=unknown"] {
        let reply = app.get(&format!("/v1/receipts/unmatched?{parameter}")).await;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (StatusCode::BAD_REQUEST, &json!("parameter_invalid"))
        );
    }
}

#[tokio::test]
async fn a_waiting_message_can_be_called_back_and_a_sent_one_cannot() {
    let app = App::new().await;
    let accepted = app.post(r#"{"to":"+79251234567","text":"hi"}"#).await.body;
    let waiting = accepted["id"].as_str().expect("an id").to_owned();
    let reply = app.post_to(&format!("/v1/messages/{waiting}/cancel"), "").await;
    assert_eq!((reply.status, &reply.body["status"]), (StatusCode::OK, &json!("cancelled")));
    let sent = app.attempted(Outcome::accepted("1")).await;
    assert_eq!(
        app.post_to(&format!("/v1/messages/{sent}/cancel"), "").await.status,
        StatusCode::CONFLICT
    );
}
