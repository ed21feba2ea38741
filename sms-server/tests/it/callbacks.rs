//! The door for providers' own reports.

use axum::http::StatusCode;
use sms_core::store::{Archive, MessageRequest};
use sms_core::{Outcome, Status};

use crate::app::App;

#[tokio::test]
async fn a_callback_is_answered_as_the_provider_expects_when_its_receipts_are_applied() {
    let app = App::new().await;
    let id = app.attempted(Outcome::accepted("a")).await;
    assert_eq!(app.callback("genuine\na\n").await, (StatusCode::OK, "100".to_owned()));
    let stored = app.store.get(&MessageRequest::new(id)).await.expect("read").expect("stored");
    assert_eq!(stored.state.status, Status::Delivered);
    assert_eq!(
        app.callback("genuine\na\n").await,
        (StatusCode::OK, "100".to_owned()),
        "a replay is taken"
    );
    assert_eq!(
        app.store.timeline(&MessageRequest::new(id)).await.expect("read").len(),
        2,
        "and changes nothing"
    );
}

#[tokio::test]
async fn a_forged_callback_changes_nothing_and_is_not_answered_as_taken() {
    let app = App::new().await;
    let id = app.attempted(Outcome::accepted("a")).await;
    let (status, body) = app.callback("a\n").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains("callback_refused") && body != "100");
    assert_eq!(app.store.timeline(&MessageRequest::new(id)).await.expect("read").len(), 1);
}

#[tokio::test]
async fn an_unreadable_callback_changes_nothing_and_is_told_apart_from_a_forged_one() {
    let app = App::new().await;
    let id = app.attempted(Outcome::accepted("a")).await;
    let (status, body) = app.callback(&b"genuine\n\xff\n"[..]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let problem: serde_json::Value = serde_json::from_str(&body).expect("a problem");
    assert_eq!(problem["code"], "callback_unreadable", "{problem}");
    assert_eq!(app.store.timeline(&MessageRequest::new(id)).await.expect("read").len(), 1);
}

#[tokio::test]
async fn without_the_secret_part_of_the_address_there_is_nothing() {
    let app = App::new().await;
    let id = app.attempted(Outcome::accepted("a")).await;
    for path in
        ["/callbacks/line/", "/callbacks/line/0000", "/callbacks/other/0000", "/callbacks/line"]
    {
        let (status, _) = app.callback_at(path, "genuine\na\n").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(app.store.timeline(&MessageRequest::new(id)).await.expect("read").len(), 1);
}

#[tokio::test]
async fn an_oversized_callback_is_refused() {
    let app = App::new().await;
    let (status, _) = app.callback("x".repeat(65 * 1024)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}
