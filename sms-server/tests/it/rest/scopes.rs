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

#[tokio::test]
async fn a_list_of_one_client_is_for_keys_that_see_all_and_for_its_own() {
    let app = App::new().await;
    let id = app.post(GOOD).await.body["id"].clone();
    let own = app.get("/v1/me").await.body["client"]["id"].as_str().expect("an id").to_owned();
    let file_of = async |app: &App, query: &str| {
        let file = app.get(&format!("/v1/messages.csv{query}")).await.raw;
        String::from_utf8(file).expect("text").lines().count() - 1
    };
    let ids = async |app: &App, query: &str| {
        let list = app.get(&format!("/v1/messages{query}")).await.body;
        let data = list["data"].as_array().expect("a list").iter();
        data.map(|message| message["id"].clone()).collect::<Vec<_>>()
    };
    let of_own = format!("?client={own}");
    assert_eq!(ids(&app, &of_own).await, std::slice::from_ref(&id));
    let app = app.becoming(&[KeyScope::Send, KeyScope::Read]).await;
    let other = app.post(GOOD).await.body["id"].clone();
    let filter = json!({"filter": {"client": own}}).to_string();
    for path in ["/v1/messages", "/v1/messages/count", "/v1/messages.csv"] {
        let refused = app.get(&format!("{path}{of_own}")).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}: {}", refused.body);
        assert_eq!(refused.body["code"], "not_found", "{path}");
    }
    let refused = app.post_to("/v1/selections", filter.clone()).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );

    let app = app.becoming(&[KeyScope::Admin]).await;
    assert_eq!(ids(&app, "").await, [other, id.clone()]);
    assert_eq!(ids(&app, &of_own).await, std::slice::from_ref(&id));
    assert_eq!(ids(&app, &format!("{of_own}&q=CANARY&status=queued")).await, [id]);
    assert_eq!(ids(&app, &format!("{of_own}&status=sent")).await, [] as [Value; 0]);
    assert_eq!(ids(&app, "?client=nobody").await, [] as [Value; 0]);
    let count = app.get(&format!("/v1/messages/count{of_own}")).await.body;
    assert_eq!(count["count"], 1, "{count}");
    assert_eq!((file_of(&app, "").await, file_of(&app, &of_own).await), (2, 1));
    let selection = app.post_to("/v1/selections", filter.clone()).await.body;
    assert_eq!((&selection["count"], &selection["filter"]["client"]), (&json!(1), &json!(own)));
}
