use std::time::Duration;

use sms_smsru::simulator::NumberLimits;

use super::rig::{OTHER, PHONE, Rig, config};

async fn rig(limits: NumberLimits) -> Rig {
    Rig::with(config().number_limits(limits)).await
}

#[tokio::test]
async fn no_number_is_limited_unless_asked_for() {
    let rig = Rig::new().await;
    for _ in 0..5 {
        assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
    }
}

#[tokio::test]
async fn an_identical_message_within_a_minute_is_refused() {
    let rig = rig(NumberLimits { identical_per_minute: Some(1), ..NumberLimits::default() }).await;
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
    assert_eq!(rig.send(PHONE, "hi").await, [100, 231]);
    assert_eq!(rig.send("89255070602", "hi").await, [100, 231]);
    assert_eq!(rig.send(PHONE, "hello").await, [100, 100]);
    assert_eq!(rig.send(OTHER, "hi").await, [100, 100]);
    rig.sim.advance(Duration::from_millis(59_999));
    assert_eq!(rig.send(PHONE, "hi").await, [100, 231]);
    rig.sim.advance(Duration::from_millis(1));
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
}

#[tokio::test]
async fn a_minute_across_midnight_is_still_a_minute() {
    let limits = NumberLimits {
        identical_per_minute: Some(1),
        identical_per_day: Some(1),
        per_day: Some(1),
    };
    let rig = rig(limits).await;
    rig.sim.advance(Duration::from_secs(9 * 3600 - 10));
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
    rig.sim.advance(Duration::from_secs(20));
    assert_eq!(rig.send(PHONE, "hi").await, [100, 231]);
    rig.sim.advance(Duration::from_secs(40));
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
}

#[tokio::test]
async fn a_new_day_does_not_make_a_number_forget_the_minute() {
    let rig = rig(NumberLimits { identical_per_minute: Some(1), ..NumberLimits::default() }).await;
    rig.sim.advance(Duration::from_secs(9 * 3600 - 10));
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
    rig.sim.advance(Duration::from_secs(20));
    assert_eq!(rig.send(PHONE, "hello").await, [100, 100]);
    assert_eq!(rig.send(PHONE, "hi").await, [100, 231]);
}

#[tokio::test]
async fn identical_messages_of_a_day_are_limited_until_midnight() {
    let rig = rig(NumberLimits { identical_per_day: Some(2), ..NumberLimits::default() }).await;
    for expected in [100, 100, 232] {
        assert_eq!(rig.send(PHONE, "hi").await, [100, expected]);
        rig.sim.advance(Duration::from_mins(5));
    }
    assert_eq!(rig.send(PHONE, "hello").await, [100, 100]);
    rig.sim.advance(Duration::from_hours(9));
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
}

#[tokio::test]
async fn messages_of_a_day_are_limited_until_midnight() {
    let rig = rig(NumberLimits { per_day: Some(2), ..NumberLimits::default() }).await;
    for (text, expected) in [("a", 100), ("b", 100), ("c", 230)] {
        assert_eq!(rig.send(PHONE, text).await, [100, expected]);
    }
    assert_eq!(rig.send(OTHER, "a").await, [100, 100]);
    rig.sim.advance(Duration::from_hours(9));
    assert_eq!(rig.send(PHONE, "c").await, [100, 100]);
    rig.sim.set_number_limits(NumberLimits::default());
    assert_eq!(rig.send(PHONE, "c").await, [100, 100]);
}

#[tokio::test]
async fn a_refused_message_and_a_test_do_not_count() {
    let rig = rig(NumberLimits { per_day: Some(1), ..NumberLimits::default() }).await;
    rig.codes("sms/send", &[("to", PHONE), ("msg", "hi"), ("test", "1")]).await;
    rig.sim.refuse(PHONE, 207);
    rig.send(PHONE, "hi").await;
    rig.sim.allow(PHONE);
    assert_eq!(rig.send(PHONE, "hi").await, [100, 100]);
}
