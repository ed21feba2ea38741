//! `GET /v1/stats` and `GET /v1/queue`: the numbers of a dashboard.

use axum::http::StatusCode;
use serde_json::json;
use sms_server::KeyScope;

use crate::app::App;
use crate::rest::bad_input::assert_problem;

const GOOD: &str = r#"{"to":"+79251234567","text":"hi"}"#;

#[tokio::test]
async fn every_state_is_counted_and_all_of_them_are_named() {
    let app = App::new().await;
    app.post(GOOD).await;
    let id = app.post(GOOD).await.body["id"].as_str().expect("an id").to_owned();
    app.post_to(&format!("/v1/messages/{id}/cancel"), "").await;
    let stats = app.get("/v1/stats").await.body;
    assert_eq!(stats["total"], 2, "{stats}");
    let counts = json!({"queued": 1, "cancelled": 1, "sending": 0, "sent": 0, "delivered": 0,
        "undelivered": 0, "failed": 0, "unknown": 0, "expired": 0});
    assert_eq!(stats["counts"], counts);
}

#[tokio::test]
async fn a_range_is_the_last_day_before_its_end_unless_it_says_otherwise() {
    let app = App::new().await;
    app.post(GOOD).await;
    for (query, total) in [
        ("", 1),
        ("?from_time=2020-01-01T00:00:00Z", 1),
        ("?to_time=2020-01-02T00:00:00Z", 0),
        ("?from_time=9000-01-01T00:00:00Z", 0),
        ("?to_time=9000-01-01T00:00:00Z", 0),
        ("?from_time=2020-01-01T00:00:00Z&to_time=9000-01-01T00:00:00%2B03:00", 1),
    ] {
        assert_eq!(app.get(&format!("/v1/stats{query}")).await.body["total"], total, "{query}");
    }
    let day = app.get("/v1/stats?to_time=2020-01-02T00:00:00Z").await.body;
    assert_eq!(day["from_time"], "2020-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn a_key_without_admin_counts_its_own_messages() {
    let app = App::new().await;
    app.post(GOOD).await;
    let app = app.becoming(&[KeyScope::Read]).await;
    assert_eq!(app.get("/v1/stats").await.body["total"], 0);
    let app = app.becoming(&[KeyScope::Admin]).await;
    assert_eq!(app.get("/v1/stats").await.body["total"], 1);
}

#[tokio::test]
async fn the_queue_is_shown_by_lane() {
    let app = App::new().await;
    app.post(GOOD).await;
    app.post(r#"{"to":"+79251234567","text":"hi","class":"otp"}"#).await;
    app.post(r#"{"to":"+79251234567","text":"hi","class":"otp"}"#).await;
    let app = app.becoming(&[KeyScope::Admin]).await;
    let queue = app.get("/v1/queue").await.body;
    let lanes = &queue["lanes"];
    let ready = ["urgent", "normal", "bulk"].map(|lane| &lanes[lane]["ready"]);
    assert_eq!(ready, [&json!(2), &json!(1), &json!(0)], "{queue}");
    assert_eq!(
        (&lanes["urgent"]["leased"], &lanes["bulk"]["oldest_age_ms"]),
        (&json!(0), &json!(null))
    );
    assert!(queue["capacity"].is_u64(), "{queue}");
}

#[tokio::test]
async fn wrong_parameters_and_missing_scopes_are_refused() {
    let app = App::new().await;
    assert_problem(&app.get("/v1/queue").await, StatusCode::FORBIDDEN, "scope_missing", "queue");
    for query in ["from_time=yesterday", "to_time=", "from=2020-01-01T00:00:00Z", "limit=1"] {
        let reply = app.get(&format!("/v1/stats?{query}")).await;
        assert_problem(&reply, StatusCode::BAD_REQUEST, "parameter_invalid", query);
    }
    let app = app.becoming(&[KeyScope::Send]).await;
    assert_problem(&app.get("/v1/stats").await, StatusCode::FORBIDDEN, "scope_missing", "stats");
}
