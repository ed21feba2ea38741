//! The promise of an idempotency key: a repeat is the first message, and the caller's data comes
//! back as sent.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{App, Reply};
use crate::rest::bad_input::{assert_problem, assert_untouched};

fn with_metadata(metadata: &str) -> String {
    format!(r#"{{"to":"+79251234567","text":"hi","metadata":{metadata}}}"#)
}

/// The body of a reply as it went over the wire, for values that a JSON library would read and
/// write again.
fn wire(reply: &Reply) -> &str {
    std::str::from_utf8(&reply.raw).expect("UTF-8")
}

async fn assert_replayed(app: &App, key: &str, first: &str, again: &str) {
    let first = app.post_with_key(key, first).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
    let reply = app.post_with_key(key, again).await;
    assert_eq!(
        (reply.status, &reply.body["id"]),
        (StatusCode::ACCEPTED, &first.body["id"]),
        "{}",
        reply.body
    );
    assert_eq!(reply.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn a_default_that_is_stated_is_the_same_as_one_left_out() {
    let app = App::new().await;
    let bare = r#"{"to":"+79251234567","text":"hi"}"#;
    for (number, stated) in [
        json!({"max_attempts": 5}),
        json!({"on_unknown": "hold", "deadline_seconds": 86400}),
        json!({"class": "service", "daytime": false, "translit": false, "pass_deadline": false}),
        json!({"metadata": {}}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = json!({"to": "+79251234567", "text": "hi"});
        body.as_object_mut()
            .expect("an object")
            .extend(stated.as_object().expect("an object").clone());
        assert_replayed(&app, &format!("k-{number}"), bare, &body.to_string()).await;
    }
}

#[tokio::test]
async fn metadata_comes_back_as_it_was_sent() {
    const AS_SENT: &[&str] = &[
        r#"{"account":40817810099910004312,"iccid":89701234567890123456789}"#,
        r#"{"price":1.10,"mass":1e3,"small":-0.0,"big":1E+400}"#,
        r#"{"z":1,"a":{"y":[2.50,null,true],"b":"ё \"q\" \u0000 \n"}}"#,
    ];
    for metadata in AS_SENT {
        let app = App::new().await;
        let sent = app.post(with_metadata(metadata)).await;
        assert_eq!(sent.status, StatusCode::ACCEPTED, "{metadata}: {}", sent.body);
        assert!(wire(&sent).contains(metadata), "{metadata}: {}", wire(&sent));
        // Not from the body: no number of a machine is as large as one of these.
        let shown = app.get(sent.headers["location"].to_str().expect("a path")).await;
        assert!(wire(&shown).contains(metadata), "{metadata}: {}", wire(&shown));
        let list = app.get("/v1/messages").await;
        assert!(wire(&list).contains(metadata), "{metadata}: {}", wire(&list));
        let item = with_metadata(metadata).replacen('{', r#"{"idempotency_key":"k","#, 1);
        for _ in 0..2 {
            let batch =
                app.post_to("/v1/messages/batch", format!(r#"{{"messages":[{item}]}}"#)).await;
            assert!(wire(&batch).contains(metadata), "{metadata}: {}", wire(&batch));
        }
    }
}

#[tokio::test]
async fn metadata_that_differs_in_a_digit_is_other_content() {
    let app = App::new().await;
    for (number, (first, other)) in [
        (r#"{"account":40817810099910004312}"#, r#"{"account":40817810099910004313}"#),
        (r#"{"a":0.1}"#, r#"{"a":0.10000000000000000001}"#),
        (r#"{"a":1}"#, r#"{"a":"1"}"#),
        (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("k-{number}");
        app.post_with_key(&key, &with_metadata(first)).await;
        let reply = app.post_with_key(&key, &with_metadata(other)).await;
        assert_problem(&reply, StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", other);
    }
}

#[tokio::test]
async fn metadata_in_another_order_or_spelling_is_the_same_content() {
    let app = App::new().await;
    let first = r#"{"b": {"y": 1, "x": "\u0451\u002f"}, "a": [ {"d":1,"c":2} ]}"#;
    let again = r#"{"a":[{"c":2,"d":1}],"b":{"x":"ё/","y":1}}"#;
    assert_replayed(&app, "k", &with_metadata(first), &with_metadata(again)).await;
}

#[tokio::test]
async fn a_key_that_metadata_holds_twice_is_named_with_its_place() {
    let app = App::new().await;
    for (metadata, pointer) in [
        (r#"{"a":1,"a":1}"#, "/metadata/a"),
        (r#"{"a":1,"\u0061":2}"#, "/metadata/a"),
        (r#"{"x":[0,{"a/b":1,"a/b":2}]}"#, "/metadata/x/1/a~1b"),
    ] {
        let reply = app.post(with_metadata(metadata)).await;
        assert_problem(&reply, StatusCode::BAD_REQUEST, "json_invalid", metadata);
        assert_eq!(reply.body["errors"][0]["pointer"], pointer);
        let batch = app.post_to(
            "/v1/messages/batch",
            format!(r#"{{"messages":[{}]}}"#, with_metadata(metadata)),
        );
        let error = batch.await.body["results"][0]["error"].clone();
        assert_eq!(error["errors"][0]["pointer"], format!("/messages/0{pointer}"));
    }
    assert_untouched(&app, "twice").await;
}

#[tokio::test]
async fn metadata_that_nests_too_deep_or_holds_half_a_pair_is_refused() {
    let app = App::new().await;
    let nested =
        |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(app.post(with_metadata(&nested(32))).await.status, StatusCode::ACCEPTED);
    let app = App::new().await;
    for metadata in
        [nested(33), nested(5000), r#"{"a":"\ud800"}"#.to_owned(), r#"{"\ud800":1}"#.to_owned()]
    {
        let reply = app.post(with_metadata(&metadata)).await;
        assert_problem(&reply, StatusCode::BAD_REQUEST, "json_invalid", &metadata[..10]);
    }
    assert_untouched(&app, "deep").await;
}

#[tokio::test]
async fn the_answer_has_the_times_of_the_message_and_a_repeat_those_of_the_first() {
    let app = App::new().await;
    let later = json!({"to": "+79251234567", "text": "hi", "send_at": app.in_minutes(5)});
    for (key, body) in [("k-1", json!({"to": "+79251234567", "text": "hi"})), ("k-2", later)] {
        let first = app.post_with_key(key, &body.to_string()).await;
        let shown = app.get(first.headers["location"].to_str().expect("a path")).await;
        let mut item = body.clone();
        item["idempotency_key"] = json!(format!("{key}-batch"));
        let batch = json!({"messages": [item]}).to_string();
        app.clock.advance(std::time::Duration::from_mins(1));
        let again = app.post_with_key(key, &body.to_string()).await;
        for name in ["created_at", "due_at"] {
            assert!(first.body[name].is_string(), "{}", first.body);
            assert_eq!(first.body[name], shown.body[name]);
            assert_eq!(first.body[name], again.body[name]);
        }
        for _ in 0..2 {
            let reply = app.post_to("/v1/messages/batch", batch.clone()).await;
            let result = &reply.body["results"][0];
            let path = format!("/v1/messages/{}", result["id"].as_str().expect("an id"));
            let shown = app.get(&path).await.body;
            for name in ["created_at", "due_at"] {
                assert!(result[name].is_string() && result[name] == shown[name], "{result}");
            }
        }
    }
}

#[tokio::test]
async fn a_repeat_is_the_first_message_although_its_time_is_past() {
    let app = App::new().await;
    let body =
        json!({"to": "+79251234567", "text": "hi", "send_at": app.in_minutes(5)}).to_string();
    let first = app.post_with_key("k", &body).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
    app.clock.advance(std::time::Duration::from_hours(1));
    let again = app.post_with_key("k", &body).await;
    assert_eq!(
        (again.status, &again.body["id"]),
        (StatusCode::ACCEPTED, &first.body["id"]),
        "{}",
        again.body
    );
    let item: Value =
        serde_json::from_str(&body.replacen('{', r#"{"idempotency_key":"k","#, 1)).expect("JSON");
    let batch =
        app.post_to("/v1/messages/batch", json!({"messages": [item, item]}).to_string()).await;
    for result in batch.body["results"].as_array().expect("results") {
        assert_eq!(
            (&result["id"], &result["replayed"]),
            (&first.body["id"], &json!(true)),
            "{result}"
        );
    }
    // New content under the key, and the same under another, are refused, each for its own reason.
    let other = app.post_with_key("k", &body.replace("hi", "ho")).await;
    assert_problem(
        &other,
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key_reused",
        "other content",
    );
    let late = app.post_with_key("l", &body).await;
    assert_problem(&late, StatusCode::UNPROCESSABLE_ENTITY, "send_at_invalid", "another key");
    let late = app.post(body).await;
    assert_problem(&late, StatusCode::UNPROCESSABLE_ENTITY, "send_at_invalid", "no key");
    assert_eq!(app.stored().await, 1);
}
