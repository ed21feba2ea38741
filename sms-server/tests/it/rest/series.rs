//! `GET /v1/stats/series`: the source of charts.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::rollups::requests::RollUpRequest;
use sms_core::store::EventsRequest;
use sms_core::{
    Archive, MemoryQueue, MemoryRegistry, MemoryStore, Outcome, Rollups as _, Sender, Store,
};
use sms_server::{App as Server, KeyRing, KeyScope};
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

use crate::app::App;
use crate::kept::Kept;
use crate::rest::bad_input::assert_problem;

const PATH: &str = "/v1/stats/series";
const GOOD: &str = r#"{"to":"+79251234567","text":"hi"}"#;

async fn roll_up(app: &App) {
    app.store.roll_up(RollUpRequest::new(1000)).await.expect("rolled up");
}

/// The sum of all points.
fn total(series: &Value, counter: &str) -> u64 {
    let points = series["points"].as_array().expect("points");
    points.iter().map(|point| point[counter].as_u64().expect("a number")).sum()
}

#[tokio::test]
async fn a_series_has_every_point_and_totals_by_class_and_code() {
    let app = App::new().await;
    roll_up(&app).await;
    app.post(GOOD).await;
    app.post(r#"{"to":"+79251234567","text":"hi","class":"otp"}"#).await;
    app.attempted(Outcome::accepted("1")).await;
    app.attempted(Outcome::rejected(202, "bad number")).await;
    app.attempted(Outcome::rejected(201, "no money")).await;
    roll_up(&app).await;
    let series = app.get(&format!("{PATH}?step_seconds=300")).await.body;
    let points = series["points"].as_array().expect("points");
    assert!((12..=14).contains(&points.len()), "an hour: {series}");
    assert_eq!(series["step_seconds"], 300);
    assert_eq!(series["points"][0]["at"], series["from_time"]);
    let totals = ["accepted", "sent", "failed", "delivered"].map(|name| total(&series, name));
    assert_eq!(totals, [5, 1, 2, 0], "{series}");
    let latencies = points.iter().filter(|point| point["latency_ms"]["p50"].is_u64());
    assert_eq!(latencies.count(), 1, "{series}");
    assert_eq!(series["by_class"]["otp"]["accepted"], 1, "{series}");
    assert_eq!(series["by_class"]["service"]["accepted"], 4, "{series}");
    assert_eq!(series["by_class"]["marketing"]["accepted"], 0, "{series}");
    // The provider of the tests explains one of the codes.
    let by_code = json!([
        {
            "code": 201, "meaning": {"en": "no money", "ru": "нет денег"},
            "undelivered": 0, "failed": 1,
        },
        {"code": 202, "undelivered": 0, "failed": 1},
    ]);
    assert_eq!(series["by_code"], by_code, "{series}");
}

#[tokio::test]
async fn a_key_without_admin_counts_its_own_messages() {
    let app = App::new().await;
    roll_up(&app).await;
    app.post(GOOD).await;
    roll_up(&app).await;
    assert_eq!(total(&app.get(PATH).await.body, "accepted"), 1);
    let app = app.becoming(&[KeyScope::Read]).await;
    assert_eq!(total(&app.get(PATH).await.body, "accepted"), 0);
    let app = app.becoming(&[KeyScope::Admin]).await;
    assert_eq!(total(&app.get(PATH).await.body, "accepted"), 1);
    let app = app.becoming(&[KeyScope::Send]).await;
    assert_problem(&app.get(PATH).await, StatusCode::FORBIDDEN, "scope_missing", "series");
}

#[tokio::test]
async fn the_shortest_step_that_fits_is_chosen() {
    let app = App::new().await;
    for (hours, step) in [(1, 60), (24, 60), (48, 300), (71, 300), (73, 3600), (1440, 3600)] {
        let from = app.in_minutes(-60 * hours);
        let series = app.get(&format!("{PATH}?from_time={from}")).await.body;
        assert_eq!(series["step_seconds"], step, "{hours} hours");
        assert!(series["points"].as_array().expect("points").len() <= 1500, "{hours} hours");
    }
    let from = app.in_minutes(-60 * 24 * 89);
    let series = app.get(&format!("{PATH}?from_time={from}")).await.body;
    assert_eq!(series["step_seconds"], 86_400);
}

#[tokio::test]
async fn every_wrong_parameter_is_named() {
    let app = App::new().await;
    let [old, older, recent] = [-60 * 73, -60 * 24 * 91, -60 * 70].map(|min| app.in_minutes(min));
    for (query, name) in [
        ("from_time=yesterday".to_owned(), "from_time"),
        ("to_time=".to_owned(), "to_time"),
        ("step_seconds=61".to_owned(), "step_seconds"),
        ("step_seconds=minute".to_owned(), "step_seconds"),
        ("from=2020-01-01T00:00:00Z".to_owned(), "from"),
        ("from_time=2030-01-02T00:00:00Z&to_time=2030-01-01T00:00:00Z".to_owned(), "from_time"),
        // Older than what is kept.
        (format!("from_time={old}&step_seconds=300"), "from_time"),
        (format!("from_time={older}"), "from_time"),
        // More points than a series may have.
        (format!("from_time={recent}&step_seconds=60"), "step_seconds"),
        (format!("from_time={recent}&to_time=9000-01-01T00:00:00Z"), "to_time"),
    ] {
        let reply = app.get(&format!("{PATH}?{query}")).await;
        assert_problem(&reply, StatusCode::BAD_REQUEST, "parameter_invalid", &query);
        assert_eq!(reply.body["errors"][0]["parameter"], name, "{query}");
    }
}

#[tokio::test]
async fn an_app_without_counts_does_not_have_the_path() {
    use secrecy::ExposeSecret as _;
    let (store, queue) = (std::sync::Arc::new(MemoryStore::new()), MemoryQueue::new());
    let keys = KeyRing::new(std::sync::Arc::new(MemoryRegistry::new()), None);
    let key = keys.create("test", &[KeyScope::Read]).await.expect("a key");
    let sender = Sender::builder(store.clone()).build();
    let router = Server::new(sender, store, queue, keys).router();
    let request = axum::http::Request::get(PATH)
        .header("authorization", format!("Bearer {}", key.expose_secret()))
        .body(axum::body::Body::empty())
        .expect("a request");
    let reply = router.oneshot(request).await.expect("infallible");
    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
}

/// Kills of the program while it counts.
const KILLS: u64 = 8;
/// Messages between two kills.
const MESSAGES: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_after_kills_and_at_most_seconds_behind() {
    counts_are_exact(&Kept::sqlite()).await;
}

#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_after_kills_and_at_most_seconds_behind_on_postgresql() {
    counts_are_exact(&Kept::postgres().await).await;
}

async fn counts_are_exact(kept: &Kept) {
    let mut server = kept.start(&[]);
    let address = server.address.to_string();
    let mut accepted = 0;
    for kill in 0..KILLS {
        for n in 0..MESSAGES {
            let body = json!({"to": format!("+7925{:07}", kill * MESSAGES + n), "text": "hi"});
            let key = format!("k{kill}-{n}");
            let (status, reply) = server.post(&key, &body).await.expect("a reply");
            assert_eq!(status, 202, "{reply}");
            accepted += 1;
        }
        // At another point of a round each time.
        sleep(Duration::from_millis(300 * kill)).await;
        server.signal("KILL");
        server.kill();
        server = kept.start(&[("SMS_LISTEN", address.as_str())]);
    }
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let stats = server.get("/v1/stats").await;
        let ended = ["sent", "delivered", "unknown"].map(|name| stats["counts"][name].clone());
        let ended: u64 = ended.iter().filter_map(Value::as_u64).sum();
        if ended == accepted {
            break;
        }
        assert!(Instant::now() < deadline, "not at its end: {stats}");
        sleep(Duration::from_millis(200)).await;
    }
    let store = &*kept.open().await;
    // The counts may be 5 s behind; a machine that is busy with other tests has some more.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let series = server.get(PATH).await;
        let logged = entered_by_log(store).await;
        let counted = logged.map(|(name, _)| (name, total(&series, name)));
        for ((name, counted), (_, logged)) in counted.into_iter().zip(logged) {
            assert!(counted <= logged, "{name} is counted twice: {series}");
        }
        if counted == logged && total(&series, "accepted") == accepted {
            break;
        }
        assert!(Instant::now() < deadline, "{accepted} accepted, {logged:?}: {series}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// The numbers of messages that entered a state, as the log of events has them.
async fn entered_by_log(store: &dyn Store) -> [(&'static str, u64); 3] {
    let (mut entered, mut after) = (HashSet::new(), 0);
    loop {
        let page = Archive::events(store, &EventsRequest::new(after, 5000)).await.expect("events");
        entered.extend(page.events.iter().map(|event| (event.message_id, event.status.as_str())));
        if page.read_to == after {
            break;
        }
        after = page.read_to;
    }
    ["sent", "delivered", "unknown"]
        .map(|name| (name, entered.iter().filter(|(_, status)| *status == name).count() as u64))
}
