//! Receipts that arrive before their message is known to be sent.

use sms_core::store::ReceiptEffect::Parked;
use sms_core::store::Settled;
use sms_core::{EventKind, MessageId, ReceiptState, Status};

use super::steps::{accepted, kinds, message, receipt, rejected, secs};
use crate::harness::StoreHarness;

/// A message that is sending, with this receipt parked under its provider id.
async fn sending_with(h: &StoreHarness, state: ReceiptState) -> MessageId {
    let id = h.sending(message()).await;
    assert_eq!(h.receive(receipt(id, state)).await, Parked);
    id
}

pub async fn a_parked_receipt_is_joined_by_the_settlement(h: &StoreHarness) {
    for (state, status) in [
        (ReceiptState::Delivered, Status::Delivered),
        (ReceiptState::Undelivered, Status::Undelivered),
    ] {
        let id = sending_with(h, state).await;
        assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Now(status));
        assert_eq!(h.status(id).await, status);
        let expected = [(EventKind::Attempt, Status::Sent), (EventKind::Receipt, status)];
        assert_eq!(kinds(&h.timeline(id).await), expected);
    }
}

pub async fn a_parked_receipt_is_joined_by_a_late_acceptance(h: &StoreHarness) {
    let id = sending_with(h, ReceiptState::Delivered).await;
    assert_eq!(h.lease_ends().await, [id]);
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Late(Status::Delivered));
    assert_eq!(h.status(id).await, Status::Delivered);
}

pub async fn a_parked_receipt_on_its_way_leaves_the_message_sent(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.receive(receipt(id, ReceiptState::InTransit).code(102, "on its way")).await;
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Now(Status::Sent));
    assert_eq!(h.state(id).await.code, Some(102), "the code of the receipt is joined");
}

pub async fn parked_receipts_are_joined_in_the_order_they_came(h: &StoreHarness) {
    let id = sending_with(h, ReceiptState::Undelivered).await;
    h.advance(secs(1)).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Now(Status::Undelivered));
}

pub async fn a_parked_receipt_is_joined_once(h: &StoreHarness) {
    let id = sending_with(h, ReceiptState::Delivered).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    h.settle(id, 1, accepted(id)).await;
    let before = h.timeline(id).await;
    assert_eq!(before.len(), 2, "one attempt, one receipt");
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Known(Status::Delivered));
    assert_eq!(h.timeline(id).await, before);
}

pub async fn each_message_of_a_batch_joins_its_own_receipt(h: &StoreHarness) {
    let first = sending_with(h, ReceiptState::Delivered).await;
    let second = h.sending(message()).await;
    let third = sending_with(h, ReceiptState::Undelivered).await;
    let batch = [first, second, third].map(|id| super::steps::settlement(id, 1, accepted(id)));
    let expected = [Status::Delivered, Status::Sent, Status::Undelivered].map(Settled::Now);
    assert_eq!(h.settle_all(&batch).await, expected);
}

pub async fn a_parked_receipt_of_another_provider_is_not_joined(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.receive(receipt(id, ReceiptState::Delivered).provider("other".to_owned())).await;
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Now(Status::Sent));
}

pub async fn a_parked_receipt_moves_nothing_without_an_acceptance(h: &StoreHarness) {
    let id = sending_with(h, ReceiptState::Delivered).await;
    assert_eq!(h.settle(id, 1, rejected()).await, Settled::Now(Status::Failed));
}

pub async fn a_parked_receipt_waits_for_72_hours(h: &StoreHarness) {
    let id = sending_with(h, ReceiptState::Delivered).await;
    h.advance(secs(72 * 3600 - 2)).await;
    h.purge(secs(72 * 3600)).await;
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Now(Status::Delivered));
}
