//! `sent → delivered | undelivered`.

use sms_core::store::ReceiptEffect::{Applied, Contradicted, Ignored, Parked};
use sms_core::store::Settled;
use sms_core::{EventKind, MessageId, Outcome, ReceiptState, Status};

use super::steps::{PROVIDER, accepted, message, otp, provider_id, receipt, secs};
use crate::harness::StoreHarness;

async fn expect_end(h: &StoreHarness, state: ReceiptState, to: Status) {
    let id = h.sent(message()).await;
    h.advance(secs(3)).await;
    let receipt = receipt(id, state);
    assert_eq!(h.receive(receipt.clone()).await, Applied(id));
    let state = h.state(id).await;
    assert_eq!((state.status, state.code, state.reason), (to, receipt.code, receipt.text.clone()));
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.status, event.at), (EventKind::Receipt, to, state.updated_at));
    assert_eq!(event.details.provider.as_deref(), Some(PROVIDER));
    assert_eq!(event.details.provider_id, Some(provider_id(id)));
    assert_eq!((event.details.code, event.details.text), (receipt.code, receipt.text));
}

pub async fn a_message_can_be_delivered(h: &StoreHarness) {
    expect_end(h, ReceiptState::Delivered, Status::Delivered).await;
}

pub async fn a_message_can_be_undelivered(h: &StoreHarness) {
    expect_end(h, ReceiptState::Undelivered, Status::Undelivered).await;
}

pub async fn on_its_way_is_news_only_once(h: &StoreHarness) {
    let id = h.sent(message()).await;
    let on_its_way = receipt(id, ReceiptState::InTransit).code(102, "on its way");
    assert_eq!(h.receive(on_its_way.clone()).await, Applied(id));
    let state = h.state(id).await;
    assert_eq!((state.status, state.code), (Status::Sent, Some(102)));
    assert_eq!(h.receive(on_its_way).await, Ignored);
    let receipts =
        h.timeline(id).await.iter().filter(|event| event.kind == EventKind::Receipt).count();
    assert_eq!(receipts, 1, "an ignored receipt writes no event");
}

pub async fn on_its_way_with_the_known_code_is_no_news(h: &StoreHarness) {
    let id = h.sent(message()).await;
    let before = (h.find(id).await, h.timeline(id).await);
    h.advance(secs(1)).await;
    assert_eq!(
        h.receive(receipt(id, ReceiptState::InTransit).code(100, "on its way")).await,
        Ignored
    );
    assert_eq!((h.find(id).await, h.timeline(id).await), before);
}

pub async fn a_final_state_never_goes_back(h: &StoreHarness) {
    for (first, status) in [
        (ReceiptState::Delivered, Status::Delivered),
        (ReceiptState::Undelivered, Status::Undelivered),
    ] {
        let id = h.sent(message()).await;
        assert_eq!(h.receive(receipt(id, first)).await, Applied(id));
        let before = (h.find(id).await, h.timeline(id).await);
        for then in [ReceiptState::InTransit, first] {
            assert_eq!(h.receive(receipt(id, then)).await, Ignored, "{then:?} after {first:?}");
        }
        assert_eq!((h.find(id).await, h.timeline(id).await), before);
        assert_eq!(h.status(id).await, status);
    }
}

pub async fn a_receipt_of_the_opposite_end_leaves_an_event_and_changes_nothing(h: &StoreHarness) {
    let (delivered, undelivered) = (ReceiptState::Delivered, ReceiptState::Undelivered);
    for (first, then) in [(undelivered, delivered), (delivered, undelivered)] {
        let id = h.sent(message()).await;
        let now = h.now().await.replace_nanosecond(0).expect("a time");
        let made = |state: ReceiptState, code: i32, after: u64| {
            let receipt = receipt(id, state).code(code, "the end");
            receipt.at(Some(now + secs(after)))
        };
        assert_eq!(h.receive(made(first, 104, 1)).await, Applied(id));
        h.advance(secs(5)).await;
        let before = h.find(id).await;
        // A receipt made later, and one made earlier that arrives late. Each is recorded once, even
        // if it arrives several times.
        for (count, opposite) in [made(then, 103, 2), made(then, 105, 0)].into_iter().enumerate() {
            assert_eq!(h.receive(opposite.clone()).await, Contradicted);
            assert_eq!(h.receive(opposite.clone()).await, Ignored, "recorded once");
            assert_eq!(h.find(id).await, before, "the recorded end stays");
            let events = h.timeline(id).await;
            assert_eq!(events.len(), 3 + count, "attempt, end, and its contradictions");
            let event = events.last().expect("an event");
            assert_eq!(
                (event.kind, Some(event.status)),
                (EventKind::Receipt, before.as_ref().map(|it| it.state.status))
            );
            assert_eq!(
                (event.details.code, event.details.provider_at),
                (opposite.code, opposite.at)
            );
        }
    }
}

pub async fn a_receipt_of_the_opposite_end_without_a_time_is_recorded_once(h: &StoreHarness) {
    let id = h.sent(message()).await;
    assert_eq!(h.receive(receipt(id, ReceiptState::Undelivered)).await, Applied(id));
    assert_eq!(h.receive(receipt(id, ReceiptState::Delivered)).await, Contradicted);
    assert_eq!(h.receive(receipt(id, ReceiptState::Delivered)).await, Ignored);
    assert_eq!((h.status(id).await, h.timeline(id).await.len()), (Status::Undelivered, 3));
}

pub async fn a_doubled_receipt_is_ignored(h: &StoreHarness) {
    let id = h.sent(message()).await;
    let delivered = receipt(id, ReceiptState::Delivered);
    let effects = h
        .store
        .apply_receipts(&[delivered.clone(), delivered.clone()])
        .await
        .expect("apply_receipts");
    assert_eq!(effects, [Applied(id), Ignored]);
    assert_eq!(h.receive(delivered).await, Ignored);
    assert_eq!(h.timeline(id).await.len(), 2, "one attempt, one receipt");
}

pub async fn a_receipt_of_another_provider_is_not_the_messages(h: &StoreHarness) {
    let id = h.sent(message()).await;
    let foreign = receipt(id, ReceiptState::Delivered).provider("other".to_owned());
    assert_eq!(h.receive(foreign).await, Parked);
    assert_eq!(h.status(id).await, Status::Sent);
}

pub async fn a_receipt_that_fits_no_message_is_parked(h: &StoreHarness) {
    let stray = receipt(MessageId::new(), ReceiptState::Delivered);
    assert_eq!(h.receive(stray.clone()).await, Parked);
    assert_eq!(h.receive(stray).await, Parked);
    assert_eq!(h.log().await, []);
}

pub async fn each_receipt_of_a_batch_is_independent(h: &StoreHarness) {
    let ids = [h.sent(message()).await, h.sent(message()).await, h.sent(message()).await];
    let batch = [
        receipt(ids[0], ReceiptState::Delivered),
        receipt(MessageId::new(), ReceiptState::Delivered),
        receipt(ids[1], ReceiptState::InTransit).code(102, "on its way"),
        receipt(ids[0], ReceiptState::Undelivered),
        receipt(ids[2], ReceiptState::Undelivered),
        receipt(ids[1], ReceiptState::Delivered),
    ];
    let effects = h.store.apply_receipts(&batch).await.expect("apply_receipts");
    let [first, second, third] = ids.map(Applied);
    assert_eq!(effects, [first, Parked, second, Contradicted, third, second]);
    for (id, status) in
        ids.into_iter().zip([Status::Delivered, Status::Delivered, Status::Undelivered])
    {
        assert_eq!(h.status(id).await, status);
    }
    assert_eq!(h.store.apply_receipts(&[]).await.expect("apply_receipts"), []);
}

pub async fn a_receipt_of_either_accepted_attempt_reaches_the_message(h: &StoreHarness) {
    let id = h.resent(otp()).await;
    h.begin(id).await;
    h.settle(id, 2, Outcome::accepted(format!("second-{id}"))).await;
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Late(Status::Sent));
    assert_eq!(
        h.receive(receipt(id, ReceiptState::Delivered)).await,
        Applied(id),
        "a receipt of either attempt counts"
    );
    assert_eq!(h.status(id).await, Status::Delivered);
}

pub async fn a_receipt_reaches_a_message_that_was_sent_late(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    h.settle(id, 1, accepted(id)).await;
    assert_eq!(h.receive(receipt(id, ReceiptState::Delivered)).await, Applied(id));
    assert_eq!(h.status(id).await, Status::Delivered);
}

pub async fn a_replayed_receipt_puts_no_earlier_code_back(h: &StoreHarness) {
    let id = h.sent(message()).await;
    let now = h.now().await;
    let at = |code: i32, after: u64| {
        let on_its_way = receipt(id, ReceiptState::InTransit).code(code, "on its way");
        on_its_way.at(Some(now + secs(after)))
    };
    let receipts = [at(101, 1), at(102, 2), at(103, 2)];
    assert_eq!(h.store.apply_receipts(&receipts).await.expect("apply_receipts"), [Applied(id); 3]);
    let before = (h.find(id).await, h.timeline(id).await);
    for receipt in receipts {
        assert_eq!(h.receive(receipt).await, Ignored);
    }
    assert_eq!((h.find(id).await, h.timeline(id).await), before);
}

pub async fn a_receipt_is_on_record_with_the_time_it_was_made(h: &StoreHarness) {
    let id = h.sent(message()).await;
    let at = h.now().await.replace_nanosecond(0).ok();
    h.receive(receipt(id, ReceiptState::Delivered).at(at)).await;
    assert_eq!(h.last_event(id).await.details.provider_at, at);
    let parked = h.sending(message()).await;
    h.receive(receipt(parked, ReceiptState::Delivered).at(at)).await;
    h.settle(parked, 1, accepted(parked)).await;
    assert_eq!(h.last_event(parked).await.details.provider_at, at, "the same for a parked receipt");
}
