//! `POST /v1/messages/batch`: each message has its own answer, and none spoils the others.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::store::StatsRequest;
use sms_core::{Archive, Status};
use sms_server::KeyScope;

use crate::app::{App, Reply};
use crate::rest::bad_input::{assert_problem, assert_untouched};

const PATH: &str = "/v1/messages/batch";

async fn post(app: &App, body: &Value) -> Reply {
    app.post_to(PATH, body.to_string()).await
}

/// The results of a batch that was taken.
async fn results(app: &App, messages: Value) -> Vec<Value> {
    let reply = post(app, &json!({ "messages": messages })).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    reply.body["results"].as_array().expect("results").clone()
}

fn message(text: &str) -> Value {
    json!({"to": "8 (925) 123-45-67", "text": text})
}

#[tokio::test]
async fn each_message_is_answered_in_order_as_if_sent_alone() {
    let app = App::new().await;
    let wanted = json!({"to": "+79261234567", "text": "Код 1234", "class": "otp", "reference": "r",
        "from": "Acme", "metadata": {"a": [1, null]}, "max_attempts": 2,
        "deadline_seconds": 60, "translit": true});
    let results = results(&app, json!([message("first"), wanted])).await;
    let mut alone = app.post(wanted.to_string()).await.body;
    for name in ["id", "created_at", "due_at"] {
        alone[name] = results[1][name].clone();
    }
    assert_eq!(results[1], alone);
    assert_eq!((results.len(), &results[0]["to"]), (2, &json!("+79251234567")));
    for (result, text) in results.iter().zip(["first", "Код 1234"]) {
        let id = result["id"].as_str().expect("an id");
        assert_eq!(app.get(&format!("/v1/messages/{id}")).await.body["text"], text);
    }
    assert_eq!((app.stored().await, app.pushed().await), (3, 3));
}

#[tokio::test]
async fn one_bad_message_spoils_no_other_and_its_fields_are_named_from_the_top_of_the_body() {
    const CASES: &[(&str, u16, &str, &str)] = &[
        (r#"{"to":"nobody","text":"hi"}"#, 422, "phone_invalid", "/to"),
        (r#"{"text":"hi"}"#, 400, "field_missing", "/to"),
        (r#"{"to":"+79251234567","text":"hi","txt":1}"#, 400, "field_unknown", "/txt"),
        (r#"{"to":"+79251234567","text":"hi","a/b":1}"#, 400, "field_unknown", "/a~1b"),
        (r#"{"to":"+79251234567","text":5}"#, 400, "field_type", "/text"),
        (r#"{"to":"+79251234567","text":"hi","text":"ho"}"#, 400, "json_invalid", "/text"),
        (r#"{"to":"+79251234567","text":"hi","te\u0078t":"ho"}"#, 400, "json_invalid", "/text"),
        (r#"{"to":"+79251234567","text":"\ud800"}"#, 400, "json_invalid", "/text"),
        (
            r#"{"to":"+79251234567","text":"hi","deadline_seconds":1e400}"#,
            400,
            "json_invalid",
            "/deadline_seconds",
        ),
        (
            r#"{"to":"+79251234567","text":"hi","idempotency_key":""}"#,
            400,
            "idempotency_key_invalid",
            "/idempotency_key",
        ),
        (
            r#"{"to":"+79251234567","text":"hi","idempotency_key":7}"#,
            400,
            "field_type",
            "/idempotency_key",
        ),
        ("null", 400, "field_type", ""),
        ("[]", 400, "field_type", ""),
        (r#""text""#, 400, "field_type", ""),
    ];
    let app = App::new().await;
    for (bad, status, code, pointer) in CASES {
        let body = format!(r#"{{"messages":[{good},{bad},{good}]}}"#, good = message("hi"));
        let before = app.stored().await;
        let reply = app.post_to(PATH, body).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{bad}: {}", reply.body);
        let results = &reply.body["results"];
        assert!(results[0]["id"].is_string() && results[2]["id"].is_string(), "{bad}: {results}");
        let error = &results[1]["error"];
        assert_eq!(
            (&error["status"], &error["code"]),
            (&json!(status), &json!(code)),
            "{bad}: {error}"
        );
        assert_eq!(error["errors"][0]["pointer"], format!("/messages/1{pointer}"), "{bad}");
        assert_eq!(app.stored().await, before + 2, "{bad}");
    }
}

#[tokio::test]
async fn what_is_hidden_deep_or_in_great_number_harms_one_message_only() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let wide = format!("{{\"a\":[{}0]}}", "0,".repeat(40_000));
    let many: Vec<String> = (0..10_000).map(|n| format!("\"f{n}\":1")).collect();
    let app = App::new().await;
    for (extra, code, pointer) in [
        (format!("\"metadata\":{{\"a\":{deep}}}"), "json_invalid", "/messages/0/metadata"),
        (format!("\"metadata\":{wide}"), "field_too_large", "/messages/0/metadata"),
        (many.join(","), "invalid_request", "/messages/0"),
    ] {
        let body = format!(
            r#"{{"messages":[{{"to":"+79251234567","text":"hi",{extra}}},{}]}}"#,
            message("hi")
        );
        let reply = app.post_to(PATH, body).await;
        let error = &reply.body["results"][0]["error"];
        assert_eq!(
            (&error["code"], &error["errors"][0]["pointer"]),
            (&json!(code), &json!(pointer))
        );
        assert!(
            error["errors"].as_array().expect("errors").len() < 100,
            "{pointer}: an answer without end"
        );
        assert!(reply.body["results"][1]["id"].is_string());
    }
}

#[tokio::test]
async fn a_batch_of_nothing_but_bad_messages_stores_nothing() {
    let app = App::new().await;
    let results = results(&app, json!([{}, 1])).await;
    assert_eq!((&results[0]["error"]["code"], results.len()), (&json!("invalid_request"), 2));
    assert_untouched(&app, "all bad").await;
}

#[tokio::test]
async fn a_repeated_key_is_the_first_message_and_other_content_is_refused() {
    let app = App::new().await;
    let keyed =
        |key: &str, text: &str| json!({"to": "+79251234567", "text": text, "idempotency_key": key});
    let first =
        results(&app, json!([keyed("a", "one"), keyed("a", "one"), keyed("a", "two")])).await;
    assert_eq!(
        (&first[0]["id"], &first[1]["replayed"]),
        (&first[1]["id"], &json!(true)),
        "in one batch"
    );
    assert_eq!(first[0].get("replayed"), None);
    assert_eq!(first[2]["error"]["code"], "idempotency_key_reused");

    let again =
        results(&app, json!([keyed("b", "new"), keyed("a", "one"), keyed("a", "two"), {}])).await;
    assert_eq!((&again[1]["id"], &again[1]["replayed"]), (&first[0]["id"], &json!(true)));
    assert_eq!((&again[1]["status"], &again[1]["text"]), (&json!("queued"), &json!("one")));
    assert_eq!(again[2]["error"]["status"], 422);
    assert_eq!(again[0].get("replayed"), None);
    assert_eq!(again[3]["error"]["errors"][0]["pointer"], "/messages/3/to");
    assert_eq!(app.stored().await, 2);
}

#[tokio::test]
async fn a_key_means_the_same_alone_and_in_a_batch() {
    let app = App::new().await;
    let alone = app.post_with_key("a", &message("hi").to_string()).await;
    let mut keyed = message("hi");
    keyed["idempotency_key"] = json!("a");
    assert_eq!(results(&app, json!([keyed])).await[0]["id"], alone.body["id"]);
    let reply = app.post(keyed.to_string()).await;
    assert_problem(&reply, StatusCode::BAD_REQUEST, "field_unknown", "alone, the key is a header");
}

#[tokio::test]
async fn a_key_for_the_whole_batch_is_refused() {
    let app = App::new().await;
    let request = app.request("POST", PATH).header("content-type", "application/json");
    let body = json!({"messages": [message("hi")]}).to_string();
    let reply = app
        .call(request.header("idempotency-key", "k").body(body.into()).expect("a request"))
        .await;
    assert_problem(&reply, StatusCode::BAD_REQUEST, "idempotency_key_invalid", "header");
    assert_eq!(reply.body["errors"][0]["parameter"], "Idempotency-Key");
    assert_untouched(&app, "a key for all").await;
}

#[tokio::test]
async fn none_too_many_and_what_is_no_batch_are_refused_whole() {
    let app = App::new().await;
    let many = |count: usize| json!({"messages": vec![message("hi"); count]}).to_string();
    let cases = [
        (r#"{"messages":[]}"#.to_owned(), 422, "messages_empty"),
        (r#"{"messages":null}"#.to_owned(), 422, "messages_empty"),
        (many(1001), 422, "messages_too_many"),
        (many(5000), 422, "messages_too_many"),
        ("{}".to_owned(), 400, "field_missing"),
        (r#"{"messages":{}}"#.to_owned(), 400, "field_type"),
        (r#"{"messages":[{}],"extra":1}"#.to_owned(), 400, "field_unknown"),
        (r#"{"messages":[{}],"messages":[{}]}"#.to_owned(), 400, "json_invalid"),
        (format!("[{}]", message("hi")), 400, "json_invalid"),
        (r#"{"messages":[{"to":"+79251234567","text":"hi"},]}"#.to_owned(), 400, "json_invalid"),
        (r#"{"messages":[{"to":"+79251234567","#.to_owned(), 400, "json_invalid"),
    ];
    for (body, status, code) in cases {
        let what = &body[..body.len().min(60)];
        let reply = app.post_to(PATH, body.clone()).await;
        assert_problem(&reply, StatusCode::from_u16(status).expect("a status"), code, what);
        assert_untouched(&app, what).await;
    }
    assert_eq!(app.post_to(PATH, many(1000)).await.status, StatusCode::ACCEPTED);
    assert_eq!(app.stored().await, 1000);
}

#[tokio::test]
async fn a_thousand_of_the_largest_messages_fit_and_more_is_refused() {
    // As a client writes them that escapes every letter beyond ASCII.
    let escaped = |letters: usize| "\\u044f".repeat(letters);
    let largest = format!(
        concat!(
            r#"{{"to":"+79251234567","text":"{}","reference":"{}","metadata":{{"a":"{}"}},"#,
            r#""idempotency_key":"#
        ),
        escaped(8 * 67),
        "\\ud83d\\ude00".repeat(255),
        escaped(2044)
    );
    let messages: Vec<String> =
        (0..1000).map(|n| format!("{largest}\"{n:0>255}\",\"translit\":false}}")).collect();
    let app = App::new().await;
    let reply = app.post_to(PATH, format!("{{\"messages\":[{}]}}", messages.join(","))).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    let stored = app.store.stats(&StatsRequest::default()).await.expect("stats");
    assert_eq!(stored.count(Status::Queued), 1000);

    let huge = format!("{{\"messages\":[{}]}}", " ".repeat(20 << 20));
    assert_problem(
        &app.post_to(PATH, huge).await,
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "20 MiB",
    );
}

#[tokio::test]
async fn a_batch_needs_the_scope_send() {
    let app = App::new().await.becoming(&[KeyScope::Read]).await;
    let reply = post(&app, &json!({"messages": [message("hi")]})).await;
    assert_problem(&reply, StatusCode::FORBIDDEN, "scope_missing", "read");
    assert_untouched(&app, "scope").await;
}
