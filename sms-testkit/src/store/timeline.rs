//! Event log of one message.

use sms_core::store::Resolution;
use sms_core::store::timeline;
use sms_core::{EventKind, MessageId, ReceiptState, Status};

use super::steps::{BACKOFF, accepted, deferred, kinds, message, otp, receipt, secs};
use crate::harness::StoreHarness;

pub async fn a_message_that_waits_has_no_events(h: &StoreHarness) {
    let id = h.queued(message()).await;
    assert_eq!(h.timeline(id).await, []);
    h.begin(id).await;
    assert_eq!(
        h.timeline(id).await,
        [],
        "a running attempt has no event: the message itself shows it"
    );
    assert_eq!(h.timeline(MessageId::new()).await, []);
}

pub async fn each_step_is_there_with_the_state_after_it(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.settle(id, 1, deferred()).await;
    h.advance(BACKOFF + secs(1)).await;
    h.begin(id).await;
    h.settle(id, 2, accepted(id)).await;
    h.receive(receipt(id, ReceiptState::InTransit).code(102, "on its way")).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    let expected = [
        (EventKind::Attempt, Status::Queued),
        (EventKind::Attempt, Status::Sent),
        (EventKind::Receipt, Status::Sent),
        (EventKind::Receipt, Status::Delivered),
    ];
    assert_eq!(kinds(&h.timeline(id).await), expected);
}

pub async fn a_long_history_is_complete(h: &StoreHarness) {
    let id = h.sending(otp()).await;
    h.lease_ends().await;
    h.advance(secs(6)).await;
    h.begin(id).await;
    h.lease_ends().await;
    h.resolve(id, Resolution::Resend).await.expect("an unknown message can be resolved");
    h.cancel(id).await.expect("a queued message can be cancelled");
    h.settle(id, 2, accepted(id)).await;
    let expected = [
        (EventKind::LeaseOver, Status::Queued),
        (EventKind::LeaseOver, Status::Unknown),
        (EventKind::Resolved, Status::Queued),
        (EventKind::Cancelled, Status::Unknown),
        (EventKind::LateOutcome, Status::Sent),
    ];
    assert_eq!(kinds(&h.timeline(id).await), expected);
}

pub async fn an_event_bears_the_time_it_happened(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.advance(secs(3)).await;
    h.settle(id, 1, accepted(id)).await;
    h.advance(secs(4)).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    let times: Vec<_> = h.timeline(id).await.iter().map(|event| event.at).collect();
    assert!(times[1] - times[0] >= secs(4), "each event has its own time");
    assert_eq!(times[1], h.state(id).await.updated_at);
}

pub async fn the_steps_of_a_message_begin_with_its_acceptance(h: &StoreHarness) {
    let id = h.resent(otp()).await;
    h.begin(id).await;
    let stored = h.find(id).await.expect("stored");
    let steps = timeline::steps(&stored, h.timeline(id).await);
    let kinds: Vec<_> = steps.iter().map(|step| (step.kind, step.status)).collect();
    let expected = [
        (EventKind::Accepted, Status::Queued),
        (EventKind::Attempt, Status::Queued),
        (EventKind::Started, Status::Sending),
    ];
    assert_eq!(kinds, expected);
    assert!(steps.is_sorted_by_key(|step| step.at), "oldest first");
}

pub async fn a_timeline_holds_only_its_own_message(h: &StoreHarness) {
    let (first, second) = (h.sent(message()).await, h.sent(message()).await);
    h.receive(receipt(second, ReceiptState::Delivered)).await;
    for (id, length) in [(first, 1), (second, 2)] {
        let events = h.timeline(id).await;
        assert_eq!(events.len(), length);
        assert!(events.iter().all(|event| event.message_id == id), "only events of this message");
    }
}

pub async fn a_long_timeline_holds_its_last_thousand_events(h: &StoreHarness) {
    let id = h.sent(message()).await;
    let on_its_way = |code| receipt(id, ReceiptState::InTransit).code(code, "on its way");
    let receipts: Vec<_> = (1000..2005).map(on_its_way).collect();
    h.store.apply_receipts(&receipts).await.expect("apply_receipts");
    let events = h.timeline(id).await;
    let codes = (events.first(), events.last());
    assert_eq!(events.len(), 1000);
    assert_eq!(codes.0.and_then(|event| event.details.code), Some(1005));
    assert_eq!(codes.1.and_then(|event| event.details.code), Some(2004));
}
