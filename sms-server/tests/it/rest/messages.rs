//! What the API does with good requests.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::{Outcome, Receipt, ReceiptState, Store};
use sms_server::KeyScope;

use crate::app::{App, PROVIDER};

const GOOD: &str = r#"{"to":"8 (925) 123-45-67","text":"Код 1234"}"#;

#[tokio::test]
async fn a_message_is_accepted_with_its_parts_and_its_address() {
    let app = App::new().await;
    let reply = app.post(GOOD).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    let id = reply.body["id"].as_str().expect("an id");
    assert_eq!(reply.headers["location"], format!("/v1/messages/{id}"));
    assert_eq!(reply.body["status"], "queued");
    assert_eq!(reply.body["to"], "+79251234567");
    assert_eq!((&reply.body["parts"], &reply.body["encoding"]), (&json!(1), &json!("ucs2")));
    assert_eq!((app.stored().await, app.pushed().await), (1, 1));
}

#[tokio::test]
async fn every_optional_field_is_kept() {
    let app = App::new().await;
    let body = json!({
        "to": "+79251234567", "text": "hi", "from": "Acme", "class": "marketing",
        "send_at": app.in_minutes(90), "deadline_seconds": 600, "reference": "order-7",
        "metadata": {"a": [1, null]}, "translit": true, "daytime": false,
        "end_user_ip": "192.0.2.7", "on_unknown": "resend_once", "max_attempts": 2,
    });
    let id = app.post(body.to_string()).await.body["id"].as_str().expect("an id").to_owned();
    let shown = app.get(&format!("/v1/messages/{id}")).await.body;
    for field in [
        "from",
        "class",
        "reference",
        "metadata",
        "translit",
        "end_user_ip",
        "on_unknown",
        "max_attempts",
    ] {
        assert_eq!(shown[field], body[field], "{field}");
    }
    assert_eq!(shown["daytime"], Value::Null, "false is the default and not shown");
    assert_eq!(shown["timeline"][0]["kind"], "accepted");
}

#[tokio::test]
async fn the_same_key_and_content_is_the_same_message() {
    let app = App::new().await;
    let first = app.post_with_key("order-7", GOOD).await;
    let again = app.post_with_key("order-7", r#"{"text":"Код 1234","to":"+79251234567"}"#).await;
    assert_eq!((first.status, again.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert_eq!(first.body["id"], again.body["id"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(app.stored().await, 1);
}

#[tokio::test]
async fn the_same_key_with_other_content_is_refused() {
    let app = App::new().await;
    app.post_with_key("order-7", GOOD).await;
    let other = app.post_with_key("order-7", r#"{"to":"+79251234567","text":"Код 9999"}"#).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.body["code"], "idempotency_key_reused");
    assert_eq!(app.stored().await, 1);
}

#[tokio::test]
async fn a_hundred_requests_at_once_with_one_key_are_one_message() {
    let app = App::new().await;
    let calls = (0..100).map(|_| app.post_with_key("order-7", GOOD));
    let mut ids = Vec::new();
    for reply in futures_join(calls).await {
        ids.push(reply.body["id"].clone());
    }
    ids.dedup();
    assert_eq!((ids.len(), app.stored().await), (1, 1));
}

#[tokio::test]
async fn pages_cover_every_message_once_newest_first() {
    let app = App::new().await;
    let mut sent = Vec::new();
    for n in 0..7 {
        let reply =
            app.post(json!({"to": "+79251234567", "text": format!("n{n}")}).to_string()).await;
        sent.insert(0, reply.body["id"].clone());
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/v1/messages?limit=3{cursor}")).await.body;
        seen.extend(
            page["data"].as_array().expect("data").iter().map(|message| message["id"].clone()),
        );
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let app = App::new().await;
    app.post(r#"{"to":"+79251234567","text":"alpha","class":"otp"}"#).await;
    app.post(r#"{"to":"+79261111111","text":"beta","reference":"r1"}"#).await;
    let cases = [
        ("status=queued,sent", 2),
        ("status=sent", 0),
        ("to=89251234567", 1),
        ("q=bet", 1),
        ("q=926111", 1),
        ("class=otp", 1),
        ("reference=r1", 1),
        ("from_time=2020-01-01T00:00:00Z", 2),
        ("to_time=2020-01-01T00:00:00Z", 0),
    ];
    for (query, count) in cases {
        let reply = app.get(&format!("/v1/messages?{query}")).await;
        assert_eq!(
            reply.body["data"].as_array().map(Vec::len),
            Some(count),
            "{query}: {}",
            reply.body
        );
    }
}

#[tokio::test]
async fn a_key_without_admin_sees_only_its_own_messages() {
    let mut app = App::new().await;
    let id = app.post(GOOD).await.body["id"].as_str().expect("an id").to_owned();
    app.key = app.key_with(&[KeyScope::Send, KeyScope::Read]).await;
    assert_eq!(app.get(&format!("/v1/messages/{id}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get("/v1/messages").await.body["data"], json!([]));
    app.key = app.key_with(&[KeyScope::Admin]).await;
    assert_eq!(app.get(&format!("/v1/messages/{id}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn health_needs_no_key() {
    let app = App::new().await;
    for path in ["/livez", "/readyz"] {
        let request = axum::http::Request::get(path).body(Body::empty()).expect("a request");
        assert_eq!(app.call(request).await.status, StatusCode::OK, "{path}");
    }
}

async fn futures_join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in pending.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_message_shows_its_parts_where_each_has_an_id_of_the_provider() {
    let app = App::new().await;
    let id = app.attempted(Outcome::accepted_parts(["7f01", "7f02"])).await;
    let delivered = |part| {
        let receipt = Receipt::new(PROVIDER, part, ReceiptState::Delivered);
        receipt.code(103, "delivered")
    };
    app.store.apply_receipts(&[delivered("7f02")]).await.expect("applied");
    let shown = app.get(&format!("/v1/messages/{id}")).await.body;
    assert_eq!((&shown["status"], &shown["provider_id"]), (&json!("sent"), &json!("7f01")));
    let parts = json!([
        {"provider_id": "7f01", "status": "sent"},
        {"provider_id": "7f02", "status": "delivered", "code": 103},
    ]);
    assert_eq!(shown["provider_parts"], parts);
    assert_eq!(shown["timeline"][1]["provider_ids"], json!(["7f01", "7f02"]));
    let receipt = &shown["timeline"][2];
    assert_eq!((&receipt["kind"], &receipt["status"]), (&json!("receipt"), &json!("sent")));
    assert_eq!(receipt["provider_id"], "7f02");
    assert_eq!(receipt["part_status"], "delivered");
    app.store.apply_receipts(&[delivered("7f01")]).await.expect("applied");
    let shown = app.get(&format!("/v1/messages/{id}")).await.body;
    assert_eq!(shown["status"], "delivered");
}

#[tokio::test]
async fn a_message_with_one_id_of_the_provider_shows_no_parts() {
    let app = App::new().await;
    let id = app.attempted(Outcome::accepted("7f01")).await;
    let shown = app.get(&format!("/v1/messages/{id}")).await.body;
    assert_eq!(shown["provider_id"], "7f01");
    assert_eq!(shown["provider_parts"], Value::Null);
    assert_eq!(shown["timeline"][1]["provider_ids"], Value::Null);
}
