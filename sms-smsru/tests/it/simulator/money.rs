use std::time::Duration;

use sms_smsru::simulator::{Delivery, RefusalLevel};

use super::rig::{PHONE, Rig, config, rub};

const THREE: &str = "79250000001,79250000002,79250000003";

#[tokio::test]
async fn a_message_costs_its_parts() {
    let rig = Rig::with(config().price(rub("8.50"))).await;
    rig.send(PHONE, &"я".repeat(71)).await;
    assert_eq!(rig.sim.balance(), rub("983"));
    assert_eq!(rig.sim.accepted()[0].cost, rub("17"));
}

#[tokio::test]
async fn money_that_does_not_suffice_lets_a_part_of_the_batch_pass() {
    let rig = Rig::with(config().balance(rub("1.20"))).await;
    assert_eq!(rig.send(THREE, "hi").await, [100, 100, 100, 201]);
    assert_eq!(rig.sim.balance(), rub("0.20"));
    // The longer message was too expensive, the shorter one is not.
    rig.sim.set_balance(rub("0.50"));
    let mixed = [("to[79250000001]", "я".repeat(71)), ("to[79250000002]", "hi".to_owned())];
    let mixed: Vec<_> = mixed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(rig.codes("sms/send", &mixed).await, [100, 201, 100]);
}

#[tokio::test]
async fn without_any_money_the_whole_request_is_refused() {
    let rig = Rig::with(config().balance(rub("0"))).await;
    assert_eq!(rig.send(THREE, "hi").await, [201]);
    rig.sim.add_money(rub("0.5"));
    assert_eq!(rig.send(THREE, "hi").await, [100, 100, 201, 201]);
}

#[tokio::test]
async fn money_can_be_asked_for_the_whole_request_at_once() {
    let rig = Rig::with(config().balance(rub("1.20")).money_level(RefusalLevel::Request)).await;
    assert_eq!(rig.send(THREE, "hi").await, [201]);
    assert_eq!(rig.sim.accepted(), []);
    // A recipient that is refused anyway costs nothing.
    assert_eq!(rig.send("79250000001,123,79250000002", "hi").await, [100, 100, 202, 100]);
}

#[tokio::test]
async fn the_daily_limit_counts_messages_and_ends_with_moscows_day() {
    let rig = Rig::with(config().daily_limit(Some(2))).await;
    assert_eq!(rig.send(THREE, "hi").await, [100, 100, 100, 206]);
    assert_eq!(rig.send(PHONE, "hi").await, [206]);
    assert_eq!(rig.json("my/limit", &[]).await["used_today"], 2);
    // It is 15:00 in Moscow.
    rig.sim.advance(Duration::from_mins(9 * 60 - 1));
    assert_eq!(rig.send(PHONE, "hi").await, [206]);
    rig.sim.advance(Duration::from_mins(1));
    assert_eq!(rig.json("my/limit", &[]).await["used_today"], 0);
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
    rig.sim.set_daily_limit(None);
    assert_eq!(rig.send(THREE, "hi").await, [100, 100, 100, 100]);
}

#[tokio::test]
async fn the_daily_limit_can_refuse_the_whole_request_at_once() {
    let rig = Rig::with(config().daily_limit(Some(2)).limit_level(RefusalLevel::Request)).await;
    assert_eq!(rig.send(THREE, "hi").await, [206]);
    assert_eq!(rig.send("79250000001,79250000002", "hi").await, [100, 100, 100]);
}

#[tokio::test]
async fn an_undelivered_message_is_paid_back_once_unless_it_had_a_ttl() {
    let rig = Rig::new().await;
    rig.sim.deliver(Delivery::Steps(vec![101, 105, 107]));
    rig.accepted(&[]).await;
    assert_eq!(rig.sim.balance(), rub("999.50"));
    rig.sim.advance(Duration::from_secs(1));
    assert_eq!(rig.sim.balance(), rub("1000"));
    rig.accepted(&[("ttl", "5")]).await;
    rig.sim.advance(Duration::from_secs(1));
    assert_eq!(rig.sim.balance(), rub("999.50"));
}

#[tokio::test]
async fn the_accounts_own_phone_gets_five_free_messages_a_day() {
    let rig = Rig::with(config().login(PHONE, "secret")).await;
    for _ in 0..6 {
        rig.send(PHONE, "hi").await;
    }
    assert_eq!(rig.sim.balance(), rub("999.50"));
    assert_eq!(rig.json("my/free", &[]).await["used_today"], 5);
    assert_eq!(rig.plain("my/free", &[]).await, "100\n5\n5");
}
