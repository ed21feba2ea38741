use std::time::Duration;

use sms_smsru::simulator::Delivery;

use super::rig::{NOON_MS, PHONE, Rig, config, config_at};

const HOUR_MS: i64 = 3_600_000;

fn seconds(ms: i64) -> String {
    (ms / 1000).to_string()
}

#[tokio::test]
async fn a_time_ahead_holds_the_message_until_then() {
    let rig = Rig::new().await;
    let id = rig.accepted(&[("time", &seconds(NOON_MS + HOUR_MS))]).await;
    rig.sim.advance(Duration::from_hours(1));
    assert_eq!(rig.status(&id).await, 100);
    rig.sim.advance(Duration::from_millis(300));
    assert_eq!(rig.status(&id).await, 103);
    assert_eq!(rig.sim.accepted()[0].send_at_ms, NOON_MS + HOUR_MS);
}

#[tokio::test]
async fn a_time_in_the_past_sends_at_once() {
    let rig = Rig::new().await;
    for time in ["0", "1", &seconds(NOON_MS - HOUR_MS), ""] {
        rig.accepted(&[("time", time)]).await;
    }
    assert!(rig.sim.accepted().iter().all(|message| message.send_at_ms == NOON_MS));
}

#[tokio::test]
async fn a_time_that_is_none_or_too_far_ahead_refuses_the_request() {
    let rig = Rig::new().await;
    let far = seconds(NOON_MS + 63 * 24 * HOUR_MS);
    let near = seconds(NOON_MS + 60 * 24 * HOUR_MS);
    for (time, expected) in
        [("tomorrow", &[208][..]), ("1e9", &[208]), (&far, &[208]), (&near, &[100, 100])]
    {
        let fields = [("to", PHONE), ("msg", "hi"), ("time", time)];
        assert_eq!(rig.codes("sms/send", &fields).await, expected, "{time}");
    }
    assert_eq!(rig.sim.accepted_count(), 1);
}

#[tokio::test]
async fn by_night_a_daytime_message_waits_for_ten_in_the_morning() {
    // Moscow is three hours ahead: 15:00 is day, 19:59 is day, 20:00 and 09:59 are night.
    for (utc_minutes, waits_until) in [
        (0, 0),
        (5 * 60 - 1, 5 * 60 - 1),
        (5 * 60, 19 * 60),
        (19 * 60 - 1, 19 * 60),
        (19 * 60, 19 * 60),
    ] {
        let at = |minutes: i64| NOON_MS + minutes * 60_000;
        let rig = Rig::with(config_at(at(utc_minutes))).await;
        rig.accepted(&[("daytime", "1")]).await;
        assert_eq!(rig.sim.accepted()[0].send_at_ms, at(waits_until), "{utc_minutes}");
    }
}

#[tokio::test]
async fn daytime_overrides_the_time_and_knows_other_zones() {
    let rig = Rig::with(config().utc_offset_hours(10)).await;
    // 22:00 in Vladivostok.
    rig.accepted(&[("daytime", "1"), ("time", "nonsense")]).await;
    assert_eq!(rig.sim.accepted()[0].send_at_ms, NOON_MS + 12 * HOUR_MS);
}

#[tokio::test]
async fn a_message_whose_ttl_is_over_fails_with_104_and_stays_so() {
    let rig = Rig::new().await;
    rig.sim.deliver(Delivery::Stuck);
    let id = rig.accepted(&[("ttl", "2")]).await;
    rig.sim.advance(Duration::from_millis(119_999));
    assert_eq!(rig.status(&id).await, 102);
    rig.sim.advance(Duration::from_millis(1));
    assert_eq!(rig.status(&id).await, 104);
    let forever = rig.accepted(&[("ttl", "1441")]).await;
    rig.sim.advance(Duration::from_hours(48));
    assert_eq!((rig.status(&id).await, rig.status(&forever).await), (104, 102));
}

#[tokio::test]
async fn a_ttl_begins_when_the_message_leaves() {
    let rig = Rig::new().await;
    rig.sim.deliver(Delivery::Stuck);
    let id = rig.accepted(&[("ttl", "1"), ("time", &seconds(NOON_MS + HOUR_MS))]).await;
    rig.sim.advance(Duration::from_secs(3659));
    assert_eq!(rig.status(&id).await, 102);
    rig.sim.advance(Duration::from_secs(1));
    assert_eq!(rig.status(&id).await, 104);
}

#[tokio::test]
async fn a_delivery_slower_than_the_ttl_does_not_come_after_it() {
    let hours = Duration::from_hours(1);
    let rig = Rig::with(config().delays([hours; 3])).await;
    let id = rig.accepted(&[("ttl", "90")]).await;
    rig.sim.advance(Duration::from_hours(5));
    assert_eq!(rig.status(&id).await, 104);
}
