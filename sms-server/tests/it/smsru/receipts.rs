//! Reports of delivery, by callback and by asking.

use axum::http::StatusCode;
use serde_json::json;
use sms_smsru::simulator::{Delivery, SimulatorConfig};

use super::{World, message};

#[tokio::test]
async fn the_command_registers_and_removes_the_address_and_sms_ru_reports_there() {
    // Asking would come much later.
    let world = World::new(SimulatorConfig::default(), "poll_first_seconds=3600").await;
    let url = world.register_callbacks().await;
    assert!(url.starts_with(&world.server.url("/callbacks/smsru/")), "{url}");
    assert_eq!(world.run(&["callback", "list"]).await.trim(), url);
    let id = world.send(message(1)).await;
    let delivered = world.becomes(&id, "delivered").await;
    let last = delivered["timeline"]
        .as_array()
        .and_then(|steps| steps.last())
        .expect("a timeline")
        .clone();
    assert_eq!((&last["kind"], &last["code"]), (&json!("receipt"), &json!(103)));
    assert!(last["provider_at"].is_string(), "{last}");
    assert_eq!(world.run(&["callback", "remove", &world.server.url("/")]).await.trim(), "");
    assert_eq!(world.run(&["callback", "list"]).await.trim(), "");
    let log = world.server.log_so_far().await;
    let token = url.rsplit('/').next().expect("a token");
    assert!(!log.contains(token), "the secret part of the address is in the log");
}

#[tokio::test]
async fn a_message_that_is_not_delivered_says_why_in_plain_words() {
    let config = SimulatorConfig::default().delivery(Delivery::Failed(104));
    let world = World::new(config, "poll_first_seconds=1").await;
    let id = world.send(message(1)).await;
    let undelivered = world.becomes(&id, "undelivered").await;
    assert_eq!(undelivered["code"], 104);
    assert_eq!(undelivered["meaning"]["en"], "not delivered: its lifetime is over");
}

#[tokio::test]
async fn a_forged_callback_and_a_replay_change_nothing() {
    use sha2::{Digest, Sha256};
    let world = World::new(
        SimulatorConfig::default().delivery(Delivery::Stuck),
        "poll_first_seconds=3600&costs=0",
    )
    .await;
    let url = world.register_callbacks().await;
    let id = world.send(message(1)).await;
    let sent = world.becomes(&id, "sent").await;
    let sms_id = sent["provider_id"].as_str().expect("an id");
    let client = reqwest::Client::new();
    let post = async |fields: &[(&str, &str)]| {
        let response = client.post(&url).form(fields).send().await.expect("a reply");
        (response.status(), response.text().await.expect("a body"))
    };
    let record = format!("sms_status\n{sms_id}\n103\n1795000000");
    let hash =
        |api_id: &str, data: &str| format!("{:x}", Sha256::digest(format!("{api_id}{data}")));
    let foreign = hash("somebody else's", &record);
    for fields in [
        vec![("data[0]", record.as_str())],
        vec![("data[0]", record.as_str()), ("hash", "")],
        vec![("data[0]", record.as_str()), ("hash", foreign.as_str())],
    ] {
        let (status, body) = post(&fields).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    }
    assert_eq!(world.server.get(&format!("/v1/messages/{id}")).await["status"], "sent");

    let genuine = hash(world.smsru.api_id(), &record);
    let fields = [("data[0]", record.as_str()), ("hash", genuine.as_str())];
    assert_eq!(post(&fields).await, (StatusCode::OK, "100".to_owned()));
    let delivered = world.server.get(&format!("/v1/messages/{id}")).await;
    assert_eq!(delivered["status"], "delivered");
    assert_eq!(post(&fields).await, (StatusCode::OK, "100".to_owned()));
    assert_eq!(world.server.get(&format!("/v1/messages/{id}")).await, delivered);
}
