use std::time::Duration;

use sms_core::SystemClock;
use sms_smsru::simulator::Delivery;

use super::rig::{OTHER, PHONE, Rig, config, until};

#[tokio::test]
async fn a_message_goes_through_every_state_at_its_time() {
    let rig = Rig::with(config().delays([1, 10, 100].map(Duration::from_secs))).await;
    let id = rig.accepted(&[]).await;
    let mut seen = vec![rig.status(&id).await];
    for seconds in [1, 9, 1, 99, 1, 1000] {
        rig.sim.advance(Duration::from_secs(seconds));
        seen.push(rig.status(&id).await);
    }
    assert_eq!(seen, [100, 101, 101, 102, 102, 103, 103]);
    assert_eq!(rig.sim.accepted()[0].status, 103);
}

#[tokio::test]
async fn by_the_machines_clock_a_message_is_delivered_in_a_moment() {
    let rig = Rig::with(config().clock(std::sync::Arc::new(SystemClock))).await;
    let id = rig.accepted(&[]).await;
    until("delivered", async || rig.status(&id).await == 103).await;
}

#[tokio::test]
async fn each_number_can_have_a_fate_of_its_own() {
    let rig = Rig::new().await;
    rig.sim.deliver(Delivery::Failed(106));
    rig.sim.deliver_to(OTHER, Delivery::Steps(vec![102, 104, 103]));
    rig.sim.deliver_to("79250000001", Delivery::Stuck);
    rig.send("79255070602,74993221627,79250000001", "hi").await;
    let statuses = || rig.sim.accepted().iter().map(|message| message.status).collect::<Vec<_>>();
    let mut seen = Vec::new();
    for _ in 0..4 {
        rig.sim.advance(Duration::from_millis(100));
        seen.push(statuses());
    }
    assert_eq!(seen, [[101, 102, 101], [102, 104, 102], [106, 103, 102], [106, 103, 102]]);
}

#[tokio::test]
async fn luck_repeats_with_its_seed() {
    let fates = async |seed| {
        let rig = Rig::with(
            config().seed(seed).delivery(Delivery::FailedSometimes { percent: 30, code: 107 }),
        )
        .await;
        let numbers: Vec<String> = (0..200).map(|n| (79_250_000_000_u64 + n).to_string()).collect();
        rig.send(&numbers.join(","), "hi").await;
        rig.sim.advance(Duration::from_secs(1));
        rig.sim.accepted().iter().map(|message| message.status).collect::<Vec<_>>()
    };
    let first = fates(7).await;
    let failed = first.iter().filter(|status| **status == 107).count();
    assert!((30..90).contains(&failed), "{failed} of 200");
    assert_eq!(first, fates(7).await);
    assert_ne!(first, fates(8).await);
}

#[tokio::test]
async fn several_statuses_come_in_one_reply_and_under_the_ids_asked_for() {
    let rig = Rig::new().await;
    let (a, b) = (rig.accepted(&[]).await, rig.accepted(&[("to", PHONE)]).await);
    let ids = format!("{b},1-1,{a}");
    assert_eq!(rig.codes("sms/status", &[("sms_id", &ids)]).await, [100, 100, -1, 100]);
    // The number alone is not the id.
    assert_eq!(rig.status("000000-1000000").await, -1);
}
