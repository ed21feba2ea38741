//! What messages cost: asked for after their end, many at a time, and shown everywhere.

use std::time::Duration;

use serde_json::{Value, json};
use sms_core::clock::datetime_from_ms;
use sms_core::{Clock as _, Money, SystemClock};
use sms_smsru::simulator::{Delivery, Fault, SimulatorConfig};
use tokio::time::sleep;

use super::{World, eventually, message};
use crate::process::ADMIN_KEY;

/// Enough for the rest of the period, the interval of the caretaker, and a slow machine.
const COST_PATIENCE: Duration = Duration::from_secs(40);
/// No status query is made for the receipts of these messages: callbacks bring them.
const CALLBACKS_ONLY: &str = "poll_first_seconds=3600";

fn config() -> SimulatorConfig {
    SimulatorConfig::default().price(Money::parse("3.45").expect("money"))
}

impl World {
    async fn text(&self, path: &str) -> String {
        let request = reqwest::Client::new().get(self.server.url(path)).bearer_auth(ADMIN_KEY);
        request.send().await.expect("a reply").text().await.expect("a body")
    }

    /// Messages with a known cost, from the file for spreadsheets.
    async fn costs(&self) -> Vec<String> {
        let file = self.text("/v1/messages.csv?separator=comma").await;
        let file = file.trim_start_matches('\u{feff}').as_bytes();
        let mut rows = csv::ReaderBuilder::new().from_reader(file);
        let head = rows.headers().expect("a head").clone();
        let column = head.iter().position(|name| name == "cost").expect("a column");
        let costs = rows.records().map(|row| row.expect("a row")[column].to_owned());
        costs.filter(|cost| !cost.is_empty()).collect()
    }

    async fn series_cost(&self) -> Value {
        let series = self.server.get("/v1/stats/series?step_seconds=3600").await;
        let cost =
            |of: &Value| of["cost"].as_str().and_then(Money::parse).expect("a cost").micros();
        let points = series["points"].as_array().expect("points").iter().map(cost).sum();
        let by_class = series["by_class"].as_object().expect("classes").values().map(cost).sum();
        assert_eq!(Money::from_micros(points), Money::from_micros(by_class));
        json!(Money::from_micros(points).to_string())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_that_callbacks_end_are_asked_about_in_few_calls_and_then_never_again() {
    const MESSAGES: usize = 120;
    let world = World::new(config(), CALLBACKS_ONLY).await;
    world.register_callbacks().await;
    world.server.post_many(MESSAGES, message).await;
    let known = async || world.costs().await.len() == MESSAGES;
    eventually("every cost is known", COST_PATIENCE, known).await;
    // Two calls for a hundred each; two more if the ends lie in two periods.
    let calls = world.smsru.calls_of("sms/status");
    assert!((2..=4).contains(&calls), "{calls} calls");
    assert!(world.costs().await.iter().all(|cost| cost == "3.45"));
    let counted = async || world.series_cost().await == "414.00";
    eventually("the series has all", COST_PATIENCE, counted).await;
    sleep(Duration::from_secs(12)).await;
    assert_eq!(world.smsru.calls_of("sms/status"), calls, "an idle system asks nothing");
    assert_eq!(world.series_cost().await, "414.00", "and counts nothing twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cost_is_shown_with_the_message_its_step_and_its_event() {
    let world = World::new(config(), CALLBACKS_ONLY).await;
    world.register_callbacks().await;
    let start = world.server.get("/v1/events").await["next"].clone();
    let text = "я".repeat(100);
    let id = world.send(json!({"to": "+79251234567", "text": text})).await;
    let delivered = world.becomes(&id, "delivered").await;
    assert_eq!((&delivered["cost"], &delivered["charged"]), (&Value::Null, &json!("yes")));
    let path = format!("/v1/messages/{id}");
    let known = async || world.server.get(&path).await["cost"] == "6.90";
    eventually("the cost of two parts is known", COST_PATIENCE, known).await;
    let after = world.server.get(&path).await;
    assert_eq!(after["updated_at"], delivered["updated_at"], "the time of the end");
    let step = after["timeline"].as_array().and_then(|steps| steps.last()).expect("a step").clone();
    assert_eq!((&step["kind"], &step["status"]), (&json!("receipt"), &json!("delivered")));
    assert_eq!((&step["cost"], &step["code"]), (&json!("6.90"), &json!(103)));
    let start = start.as_str().expect("a cursor");
    let events = world.server.get(&format!("/v1/events?after={start}&kinds=receipt")).await;
    let costs = events["data"]
        .as_array()
        .expect("events")
        .iter()
        .filter(|event| event["cost"] == "6.90" && event["message_id"] == json!(id));
    assert_eq!(costs.count(), 1, "{events:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_query_brings_the_cost_without_another_call() {
    let world = World::new(config(), "poll_first_seconds=1").await;
    let id = world.send(message(1)).await;
    let delivered = world.becomes(&id, "delivered").await;
    assert_eq!(delivered["cost"], "3.45", "{delivered:#}");
    let calls = world.smsru.calls_of("sms/status");
    sleep(Duration::from_secs(12)).await;
    assert_eq!(world.smsru.calls_of("sms/status"), calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_nobody_asks() {
    let world = World::new(config(), "poll_first_seconds=3600&costs=0").await;
    world.register_callbacks().await;
    let id = world.send(message(1)).await;
    world.becomes(&id, "delivered").await;
    sleep(Duration::from_secs(13)).await;
    assert_eq!(world.smsru.calls_of("sms/status"), 0);
    assert_eq!(world.costs().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_the_call_loses_no_cost() {
    let world = World::new(config().delivery(Delivery::Failed(104)), CALLBACKS_ONLY).await;
    world.register_callbacks().await;
    world.smsru.inject(Fault::SilentAfterAccept.on("sms/status"));
    let id = world.send(message(1)).await;
    world.becomes(&id, "undelivered").await;
    let asked = async || world.smsru.calls_of("sms/status") == 1;
    eventually("somebody asks", COST_PATIENCE, asked).await;
    let world = world.restart();
    let path = format!("/v1/messages/{id}");
    let known = async || world.server.get(&path).await["cost"] == "3.45";
    eventually("the cost is asked for again", COST_PATIENCE, known).await;
    let message = world.server.get(&path).await;
    assert_eq!(
        (&message["status"], &message["charged"]),
        (&json!("undelivered"), &json!("depends"))
    );
    assert_eq!(world.smsru.calls_of("sms/status"), 2);
    let counted = async || world.series_cost().await == "3.45";
    eventually("it is counted once", COST_PATIENCE, counted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_estimate_has_the_price_of_sms_ru_and_asks_it_once() {
    let world = World::new(config(), "").await;
    world.smsru.refuse("79251234568", 207);
    let estimate = async |text: &str| {
        let body = json!({"texts": [text], "to": ["+79251234567", "+79251234568"]});
        let (status, reply) = world.server.post_to("/v1/estimate", &body).await;
        assert_eq!(status, 200, "{reply}");
        reply["cost"].clone()
    };
    let cost = estimate(&"я".repeat(100)).await;
    assert_eq!((&cost["total"], &cost["unknown"]), (&json!("6.90"), &Value::Null), "{cost:#}");
    assert_eq!(cost["recipients"][0], json!({"to": "+79251234567", "cost": "6.90", "parts": 2}));
    let refused = &cost["recipients"][1];
    assert_eq!((&refused["cost"], &refused["code"]), (&Value::Null, &json!(207)), "{cost:#}");
    assert!(refused["meaning"]["ru"].is_string(), "{cost:#}");
    assert_eq!(estimate(&"я".repeat(100)).await, cost);
    assert_eq!(world.smsru.calls_of("sms/cost"), 1, "the second time it is known");

    world.order("pause").await;
    assert_eq!(estimate("a").await, json!({"total": null, "unknown": "paused", "recipients": []}));
    assert_eq!(world.smsru.calls_of("sms/cost"), 1);
    world.order("resume").await;
    world.smsru.inject(Fault::Html.on("sms/cost"));
    let cost = estimate("abc").await;
    assert_eq!((&cost["total"], &cost["unknown"]), (&Value::Null, &json!("no_answer")));
    assert_eq!(world.smsru.accepted_count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_runway_follows_from_the_cost_of_today_and_the_limit() {
    let config = config().daily_limit(Some(2)).free_per_day(0);
    let world = World::new(config, "poll_first_seconds=1").await;
    let runway = world.server.get("/v1/provider").await["account"]["runway"].clone();
    assert_eq!(runway["daily_limit_reached"], false, "{runway:#}");
    assert_eq!((&runway["spent_today"], &runway["balance_days"]), (&json!("0.00"), &Value::Null));
    for n in [1, 10] {
        let id = world.send(message(n)).await;
        world.becomes(&id, "delivered").await;
    }
    let pointer = "/account/runway/spent_today";
    let provider = world.provider_with_patience(pointer, &json!("6.90"), COST_PATIENCE).await;
    let spent = provider["account"]["runway"].clone();
    assert!(spent["balance_days"].is_number() || is_early(), "{provider:#}");
    let pointer = "/account/runway/daily_limit_reached";
    let provider = world.provider_with_patience(pointer, &json!(true), COST_PATIENCE).await;
    assert_eq!(provider["account"]["runway"]["daily_limit_at"], Value::Null, "{provider:#}");
}

/// True in the first minutes of a day in Moscow, when nobody knows its pace.
fn is_early() -> bool {
    let moscow = time::UtcOffset::from_hms(3, 0, 0).expect("valid");
    let now = datetime_from_ms(SystemClock.now_ms()).to_offset(moscow);
    now.hour() == 0 && now.minute() < 10
}
