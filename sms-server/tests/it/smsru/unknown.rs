//! sms.ru accepts, and nobody hears it.

use std::time::Duration;

use serde_json::json;
use sms_smsru::simulator::{Fault, NumberLimits, SimulatorConfig};
use tokio::time::sleep;

use super::{World, message};

#[tokio::test]
async fn under_hold_nothing_is_sent_twice_and_every_unknown_is_listed_and_can_be_settled() {
    let world = World::new(SimulatorConfig::default(), "timeout_seconds=1").await;
    world.smsru.inject(Fault::SilentAfterAccept);
    let id = world.send(message(1)).await;
    let unknown = world.becomes(&id, "unknown").await;
    assert_eq!(unknown["reason"], "sms.ru did not answer in time");
    sleep(Duration::from_secs(7)).await;
    let listed = world.server.list("unknown").await;
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &json!(id)));
    assert_eq!(world.smsru.accepted_count(), 1, "it was sent again");
    let resolution = json!({"resolution": "sent", "reason": "seen in the panel of sms.ru"});
    let (status, settled) =
        world.server.post_to(&format!("/v1/messages/{id}/resolve"), &resolution).await;
    assert_eq!((status, &settled["status"]), (200, &json!("sent")));
    assert_eq!(world.server.count("unknown").await, 0);
}

#[tokio::test]
async fn under_resend_once_there_is_one_resend_and_it_is_on_record() {
    let world = World::new(SimulatorConfig::default(), "timeout_seconds=1").await;
    world.smsru.inject(Fault::SilentAfterAccept.times(2));
    let id =
        world.send(json!({"to": "+79251234567", "text": "hi", "on_unknown": "resend_once"})).await;
    let unknown = world.becomes(&id, "unknown").await;
    sleep(Duration::from_secs(7)).await;
    assert_eq!(world.smsru.accepted_count(), 2);
    let steps = unknown["timeline"].as_array().expect("a timeline");
    assert_eq!(steps.iter().filter(|step| step["resend"] == true).count(), 1, "{unknown:#}");
    assert_eq!((&unknown["resends"], unknown["timeline"][1]["resend"] == true), (&json!(1), true));
}

#[tokio::test]
async fn a_late_reply_settles_the_message() {
    let world = World::new(SimulatorConfig::default(), "timeout_seconds=1").await;
    world.smsru.inject(Fault::DelayReply(Duration::from_secs(4)));
    let id = world.send(message(1)).await;
    world.becomes(&id, "unknown").await;
    let sent = world.becomes(&id, "sent").await;
    assert_eq!(sent["provider_id"], json!(world.smsru.accepted()[0].sms_id));
    assert_eq!(sent["timeline"][2]["kind"], "late_outcome");
}

#[tokio::test]
async fn a_resend_that_sms_ru_refuses_as_a_repeat_shows_that_the_first_was_accepted() {
    let limits = NumberLimits { identical_per_minute: Some(1), ..NumberLimits::default() };
    let world =
        World::new(SimulatorConfig::default().number_limits(limits), "timeout_seconds=1").await;
    world.smsru.inject(Fault::ResetAfter);
    let id = world.send(json!({"to": "+79251234567", "text": "Код 1234", "class": "otp"})).await;
    let sent = world.becomes(&id, "sent").await;
    assert_eq!(sent["timeline"][2]["evidence"], "repeat_refused", "{sent:#}");
    assert_eq!((&sent["timeline"][2]["code"], world.smsru.accepted_count()), (&json!(231), 1));
}

#[tokio::test]
async fn an_unmatched_receipt_is_shown_with_the_unknown_message_and_settles_it_by_a_request() {
    let world = World::new(SimulatorConfig::default(), "timeout_seconds=1&late_seconds=0").await;
    world.register_callbacks().await;
    world.smsru.inject(Fault::SilentAfterAccept);
    let id = world.send(message(1)).await;
    world.becomes(&id, "unknown").await;
    let sms_id = world.smsru.accepted()[0].sms_id.clone();
    let beside = async || {
        let listed = world.server.get("/v1/messages?status=unknown").await;
        listed["unmatched_receipts"][0]["provider_id"] == json!(sms_id)
    };
    super::eventually("the receipt is shown", super::PATIENCE, beside).await;
    let resolution =
        json!({"resolution": "sent", "reason": "the only one of its time", "provider_id": sms_id});
    let (status, settled) =
        world.server.post_to(&format!("/v1/messages/{id}/resolve"), &resolution).await;
    assert_eq!((status, &settled["status"]), (200, &json!("delivered")), "{settled:#}");
}

#[tokio::test]
async fn whatever_stands_in_for_an_answer_makes_the_message_unknown_and_not_sent_again() {
    let world = World::new(SimulatorConfig::default(), "timeout_seconds=1&late_seconds=0").await;
    let faults = [
        Fault::ResetAfter.into(),
        Fault::Html.after_accept(),
        Fault::Truncated.into(),
        Fault::Broken.into(),
        Fault::Empty.after_accept(),
        Fault::Status(502).after_accept(),
        Fault::Missing(1).into(),
    ];
    for (n, fault) in faults.into_iter().enumerate() {
        world.smsru.inject(fault);
        let (_, accepted) =
            world.server.post(&format!("k{n}"), &message(n)).await.expect("a reply");
        world.becomes(accepted["id"].as_str().expect("an id"), "unknown").await;
    }
    assert_eq!(world.smsru.accepted_count(), 7);
}
