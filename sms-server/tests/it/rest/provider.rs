//! `/v1/provider`.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::worker::control::{PauseReport, WorkerReport};
use sms_server::KeyScope;

use crate::app::{App, PROVIDER};

async fn admin() -> App {
    App::new().await.becoming(&[KeyScope::Admin]).await
}

async fn report(app: &App, worker: &str, pause: Option<PauseReport>) {
    let started_at = time::OffsetDateTime::UNIX_EPOCH;
    let mut report = WorkerReport::new(PROVIDER, started_at);
    (report.in_flight, report.pause) = (3, pause);
    app.control.report(worker, &report).await.expect("reported");
}

#[tokio::test]
async fn a_pause_and_a_resumption_are_orders_to_every_worker_and_shown() {
    let app = admin().await;
    report(&app, "w1", None).await;
    assert_eq!(app.get("/v1/provider").await.body["state"], "active");
    let reply = app.post_to("/v1/provider/pause", r#"{"reason":"wrong text"}"#).await;
    assert_eq!((reply.status, &reply.body["state"]), (StatusCode::OK, &json!("pausing")));
    report(&app, "w1", Some(PauseReport::new("wrong text"))).await;
    assert_eq!(app.get("/v1/provider").await.body["state"], "paused");
    assert_eq!(reply.body["pause"]["reason"], "wrong text");
    assert!(reply.body["pause"]["by"].is_string() && reply.body["pause"]["since"].is_string());
    let (first, order) = app.control.last_order(PROVIDER).await.expect("read").expect("given");
    assert!(order.paused);
    report(&app, "w1", None).await;
    let reply = app.post_to("/v1/provider/resume", "").await;
    assert_eq!((reply.status, &reply.body["state"]), (StatusCode::OK, &json!("active")));
    let (second, order) = app.control.last_order(PROVIDER).await.expect("read").expect("given");
    assert!(!order.paused && second > first, "a resumption is an order too: try at once");
}

#[tokio::test]
async fn a_provider_that_is_paused_by_itself_says_why_in_plain_words() {
    let app = admin().await;
    let mut pause = PauseReport::new("not enough");
    pause.code = Some(201);
    report(&app, "w1", Some(pause)).await;
    let body = app.get("/v1/provider").await.body;
    assert_eq!((&body["state"], &body["pause"]["code"]), (&json!("paused"), &json!(201)));
    assert_eq!(body["pause"]["meaning"], json!({"en": "no money", "ru": "нет денег"}));
    assert_eq!(
        (&body["pause"]["by"], &body["pause"]["ends_by"]),
        (&Value::Null, &json!("next_message"))
    );
    assert_eq!(body["workers"][0]["in_flight"], 3);
}

#[tokio::test]
async fn a_provider_without_a_worker_is_said_to_have_none() {
    let body = admin().await.get("/v1/provider").await.body;
    assert_eq!((&body["state"], &body["workers"]), (&json!("no_worker"), &json!([])));
}

#[tokio::test]
async fn the_account_is_shown_to_administrators_only() {
    let app = App::new().await;
    assert_eq!(app.get("/v1/provider").await.body["account"], Value::Null);
    let app = app.becoming(&[KeyScope::Admin]).await;
    let account = app.get("/v1/provider").await.body["account"].clone();
    assert_eq!(account["balance"], "4122.56");
    let runway = json!({"spent_today": "0.00", "balance_days": null, "daily_limit_reached": null,
        "daily_limit_at": null});
    assert_eq!(account["runway"], runway, "nothing was spent, and there is no limit");
}

#[tokio::test]
async fn only_administrators_steer() {
    let app = App::new().await;
    for path in ["/v1/provider/pause", "/v1/provider/resume"] {
        assert_eq!(app.post_to(path, "").await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(app.control.last_order(PROVIDER).await.expect("read"), None);
}

#[tokio::test]
async fn a_wrong_order_is_refused_and_gives_none() {
    let app = admin().await;
    for (body, pointer) in [
        (r#"{"reason":7}"#, "/reason"),
        (r#"{"reason":""}"#, "/reason"),
        (r#"{"why":"x"}"#, "/why"),
        (r#"{"reason":"a\u0000b"}"#, "/reason"),
    ] {
        let reply = app.post_to("/v1/provider/pause", body).await;
        assert_eq!(
            (reply.status, &reply.body["errors"][0]["pointer"]),
            (StatusCode::BAD_REQUEST, &json!(pointer))
        );
    }
    assert_eq!(app.control.last_order(PROVIDER).await.expect("read"), None);
}

#[tokio::test]
async fn a_resumed_provider_is_unproven_until_a_message_shows_that_it_serves() {
    let app = admin().await;
    let mut resumed = WorkerReport::new(PROVIDER, time::OffsetDateTime::UNIX_EPOCH);
    (resumed.unproven, resumed.queue_degraded) = (true, true);
    app.control.report("w1", &resumed).await.expect("reported");
    let body = app.get("/v1/provider").await.body;
    assert_eq!((&body["state"], &body["pause"]), (&json!("unproven"), &Value::Null));
    assert_eq!(body["workers"][0]["queue"], "degraded");
    // One of them has shown it.
    report(&app, "w2", None).await;
    assert_eq!(app.get("/v1/provider").await.body["state"], "active");
}

#[tokio::test]
async fn a_worker_is_alive_by_the_stores_clock_however_wrong_that_of_this_machine_is() {
    let clock = sms_core::ManualClock::new(0);
    let app = App::on_clock(clock.clone()).await.becoming(&[KeyScope::Admin]).await;
    report(&app, "w1", None).await;
    assert_eq!(
        app.get("/v1/provider").await.body["state"],
        "active",
        "the store is years behind this machine"
    );
    clock.advance(std::time::Duration::from_secs(21));
    assert_eq!(app.get("/v1/provider").await.body["state"], "no_worker", "it has vanished");
}
