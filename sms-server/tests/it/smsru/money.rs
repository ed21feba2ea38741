//! An account that refuses, under a backlog.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use sms_core::Money;
use sms_smsru::simulator::{Fault, SimulatorConfig};

use super::{PATIENCE, World, eventually, message};

const BACKLOG: usize = 10_000;

fn roubles(roubles: i64) -> Money {
    Money::from_micros(roubles * 1_000_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_money_a_backlog_of_ten_thousand_waits_and_goes_out_once_when_there_is_some() {
    let config = SimulatorConfig::default().balance(Money::default()).price(roubles(1));
    let world = World::new(config, "").await;
    world.register_callbacks().await;
    world.smsru.shuffle_callbacks(true);
    world.smsru.duplicate_callbacks(true);
    world.server.post_many(BACKLOG, message).await;
    let provider = world.paused_by(201).await;
    assert_eq!(provider["pause"]["meaning"]["ru"], "Не хватает средств на счету");
    assert_eq!(provider["account"]["balance"], "0.00");
    world.probes(2).await;
    let calls = world.smsru.calls_of("sms/send");
    assert!(calls <= 2, "{calls} calls that were bound to be refused");
    assert!(world.smsru.calls_of("my/balance") >= 2, "the account is looked at instead");
    let waiting = world.server.list("queued").await;
    assert_eq!(waiting.len(), BACKLOG);
    assert!(waiting.iter().all(|message| message["attempts"] == 0), "an attempt was burnt");

    world.smsru.add_money(roubles(20_000));
    let delivered = async || world.server.count("delivered").await == BACKLOG;
    eventually("all are delivered", Duration::from_mins(2), delivered).await;
    let texts: Vec<_> = world.smsru.accepted().into_iter().map(|accepted| accepted.text).collect();
    let distinct: HashSet<_> = texts.iter().collect();
    assert_eq!((texts.len(), distinct.len()), (BACKLOG, BACKLOG), "each was accepted, and once");
    world.provider_becomes("active").await;
}

#[tokio::test]
async fn a_price_above_the_balance_is_not_tried_again_and_again() {
    // Money enough for no message, but not none: only the price can tell.
    let config = SimulatorConfig::default().balance(roubles(3)).price(roubles(5));
    let world = World::new(config, "").await;
    let id = world.send(message(1)).await;
    world.paused_by(201).await;
    world.probes(2).await;
    assert_eq!(world.smsru.calls_of("sms/send"), 1);
    world.smsru.add_money(roubles(2));
    let sent = world.server.wait_for(&id, "sent", Duration::from_secs(30)).await;
    assert_eq!(sent["attempts"], 1);
}

#[tokio::test]
async fn a_daily_limit_and_a_wrong_key_pause_and_resume_by_themselves() {
    let world = World::new(SimulatorConfig::default().daily_limit(Some(0)), "").await;
    let id = world.send(message(1)).await;
    world.paused_by(206).await;
    world.probes(1).await;
    assert_eq!(world.smsru.calls_of("sms/send"), 1);
    world.smsru.set_daily_limit(Some(10));
    world.becomes(&id, "sent").await;

    world.smsru.inject(Fault::Refuse(301));
    world.smsru.inject(Fault::Refuse(301).on("auth/check").times(1));
    let id = world.send(json!({"to": "+79250000002", "text": "another"})).await;
    world.paused_by(301).await;
    let sent = world.becomes(&id, "sent").await;
    assert_eq!(sent["attempts"], 1, "{sent:#}");
}

#[tokio::test]
async fn a_person_can_have_a_paused_provider_tried_at_once() {
    let world = World::new(SimulatorConfig::default().balance(Money::default()), "").await;
    let id = world.send(message(1)).await;
    world.provider_becomes("paused").await;
    // Until the pauses have grown long.
    world.probes(2).await;
    world.smsru.add_money(roubles(100));
    world.order("resume").await;
    world.server.wait_for(&id, "sent", Duration::from_secs(7)).await;
}

#[tokio::test]
async fn a_service_that_is_unavailable_pauses_the_provider_and_not_a_message_is_lost() {
    let world = World::new(SimulatorConfig::default(), "").await;
    world.order("pause").await;
    world.provider_becomes("paused").await;
    world.server.post_many(500, message).await;
    world.smsru.inject(Fault::Refuse(220).forever());
    world.order("resume").await;
    world.paused_by(220).await;
    assert!(world.smsru.calls_of("sms/send") <= 2);
    world.smsru.clear_faults();
    let sent = async || world.server.count("sent,delivered").await == 500;
    eventually("all are sent", 3 * PATIENCE, sent).await;
    assert_eq!(world.smsru.accepted_count(), 500);
}

/// A message that was refused for want of money and is called back: nothing is left that could
/// prove anything.
async fn refused_and_called_back() -> World {
    let world = World::new(SimulatorConfig::default().balance(Money::default()), "").await;
    let id = world.send(message(1)).await;
    world.paused_by(201).await;
    let (status, body) =
        world.server.post_to(&format!("/v1/messages/{id}/cancel"), &json!({})).await;
    assert_eq!(status, 200, "{body}");
    world
}

#[tokio::test]
async fn a_pause_for_want_of_money_ends_when_there_is_some_although_nothing_is_left_to_send() {
    let world = refused_and_called_back().await;
    let provider = world.provider_with("/pause/ends_by", &json!("account_check")).await;
    assert_eq!(provider["pause"]["code"], 201, "{provider}");
    world.smsru.add_money(roubles(100));
    let calls = world.smsru.calls_of("sms/send");
    let provider = world.provider_becomes("active").await;
    assert_eq!(provider.get("pause"), None, "{provider}");
    assert_eq!(world.smsru.calls_of("sms/send"), calls);
}

#[tokio::test]
async fn a_persons_resume_ends_the_shown_pause_at_once_although_nothing_is_left_to_send() {
    let world = refused_and_called_back().await;
    world.order("resume").await;
    let provider = world.provider_becomes("unproven").await;
    assert_eq!(provider.get("pause"), None, "{provider}");
}
