//! Messages with one provider id for each part.

use sms_core::store::ReceiptEffect::{Applied, Contradicted, Ignored, Parked};
use sms_core::store::{Resolution, Settled};
use sms_core::{
    ErrorKind, EventKind, MessageId, Outcome, Receipt, ReceiptState, Status, StoredMessage,
};

use super::polling::POLLING;
use super::steps::{PROVIDER, accepted, message, otp, receipt, secs, settlement, unknown};
use crate::harness::StoreHarness;

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

fn part_id(id: MessageId, part: usize) -> String {
    format!("{part}-{id}")
}

fn part_ids(id: MessageId) -> [String; 3] {
    [0, 1, 2].map(|part| part_id(id, part))
}

fn accepted_parts(id: MessageId) -> Outcome {
    Outcome::accepted_parts(part_ids(id)).code(100)
}

/// The provider's statement about one part.
fn part(id: MessageId, part: usize, state: ReceiptState) -> Receipt {
    let mut of = receipt(id, state);
    of.provider_id = part_id(id, part);
    of
}

/// A sent message of three parts.
async fn sent(h: &StoreHarness) -> MessageId {
    let id = h.sending(message()).await;
    assert_eq!(h.settle(id, 1, accepted_parts(id)).await, Settled::Now(Status::Sent));
    id
}

/// The states of the parts, in their order.
fn parts_of(stored: Option<StoredMessage>) -> Vec<(String, Status)> {
    let state = stored.expect("a stored message can be read").state;
    let first = state.provider_id.expect("a message with parts has a first id");
    let parts = state.provider_parts.together_with(PROVIDER, &first);
    parts.map(|part| (part.provider_id.clone(), part.status)).collect()
}

pub async fn each_part_is_on_record_under_its_id(h: &StoreHarness) {
    let id = sent(h).await;
    let state = h.state(id).await;
    assert_eq!((state.status, state.provider_id), (Status::Sent, Some(part_id(id, 0))));
    let expected = part_ids(id).map(|id| (id, Status::Sent));
    assert_eq!(parts_of(h.find(id).await), expected);
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.details.provider_ids), (EventKind::Attempt, part_ids(id).into()));
    h.receive(part(id, 1, ReceiptState::Delivered)).await;
    let expected = [Status::Sent, Status::Delivered, Status::Sent];
    assert_eq!(parts_of(h.find(id).await).iter().map(|it| it.1).collect::<Vec<_>>(), expected);
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.status), (EventKind::Receipt, Status::Sent));
    assert_eq!(event.details.provider_id, Some(part_id(id, 1)));
    assert_eq!(event.details.part_status, Some(Status::Delivered));
    assert_eq!(h.state(id).await.code, Some(100), "one part's end is no code of the message");
}

pub async fn a_message_with_one_id_has_no_parts(h: &StoreHarness) {
    let id = h.sending(message()).await;
    let one = Outcome::accepted_parts([part_id(id, 0), part_id(id, 0)]);
    assert_eq!(h.settle(id, 1, one).await, Settled::Now(Status::Sent));
    assert!(h.state(id).await.provider_parts.is_empty());
    assert!(h.last_event(id).await.details.provider_ids.is_empty());
    assert_eq!(h.receive(part(id, 0, ReceiptState::Delivered)).await, Applied(id));
    let event = h.last_event(id).await;
    assert_eq!((event.status, event.details.part_status), (Status::Delivered, None));
}

pub async fn receipts_of_the_parts_have_the_same_end_in_every_order(h: &StoreHarness) {
    use ReceiptState::{Delivered, InTransit, Undelivered};
    for (states, end) in [
        ([Delivered, Delivered, Delivered], Status::Delivered),
        ([Delivered, Undelivered, Delivered], Status::Undelivered),
        ([Delivered, InTransit, Delivered], Status::Sent),
    ] {
        for order in ORDERS {
            // Each in a call of its own, and all in one call.
            let (id, other) = (sent(h).await, sent(h).await);
            for place in order {
                assert_eq!(h.receive(part(id, place, states[place])).await, Applied(id));
            }
            let batch = order.map(|place| part(other, place, states[place]));
            let effects = h.store.apply_receipts(&batch).await.expect("apply_receipts");
            assert_eq!(effects, [Applied(other); 3]);
            for id in [id, other] {
                assert_eq!(h.status(id).await, end, "{states:?} in the order {order:?}");
            }
        }
    }
}

pub async fn a_message_is_delivered_with_its_last_part(h: &StoreHarness) {
    let id = sent(h).await;
    for place in [2, 0] {
        h.receive(part(id, place, ReceiptState::Delivered)).await;
        assert_eq!(h.status(id).await, Status::Sent, "not all parts have arrived");
    }
    h.receive(part(id, 1, ReceiptState::Delivered)).await;
    let state = h.state(id).await;
    assert_eq!((state.status, state.code), (Status::Delivered, Some(101)));
}

pub async fn one_undelivered_part_ends_the_message_at_once(h: &StoreHarness) {
    let id = sent(h).await;
    h.receive(part(id, 0, ReceiptState::Delivered)).await;
    assert_eq!(h.receive(part(id, 1, ReceiptState::Undelivered)).await, Applied(id));
    let end = h.state(id).await;
    assert_eq!((end.status, end.code), (Status::Undelivered, Some(102)));
    // The last part arrives: that is on record, and changes the message no more.
    assert_eq!(h.receive(part(id, 2, ReceiptState::Delivered)).await, Applied(id));
    let state = h.state(id).await;
    assert_eq!((state.status, state.code, state.reason), (end.status, end.code, end.reason));
    let event = h.last_event(id).await;
    assert_eq!(event.status, Status::Undelivered);
    assert_eq!(event.details.part_status, Some(Status::Delivered));
}

pub async fn a_repeated_receipt_of_a_part_counts_once(h: &StoreHarness) {
    let id = sent(h).await;
    let delivered = part(id, 0, ReceiptState::Delivered);
    assert_eq!(h.receive(delivered.clone()).await, Applied(id));
    let before = (h.find(id).await, h.timeline(id).await);
    for _ in 0..3 {
        assert_eq!(h.receive(delivered.clone()).await, Ignored);
    }
    assert_eq!((h.find(id).await, h.timeline(id).await), before);
}

pub async fn a_part_with_the_opposite_end_leaves_an_event(h: &StoreHarness) {
    let id = sent(h).await;
    let now = h.now().await.replace_nanosecond(0).expect("a time");
    h.receive(part(id, 0, ReceiptState::Delivered).at(now)).await;
    let opposite = part(id, 0, ReceiptState::Undelivered).at(now + secs(5));
    assert_eq!(h.receive(opposite.clone()).await, Contradicted);
    assert_eq!(h.receive(opposite).await, Ignored, "recorded once");
    assert_eq!((h.status(id).await, h.timeline(id).await.len()), (Status::Sent, 3));
    for place in [1, 2] {
        h.receive(part(id, place, ReceiptState::Delivered)).await;
    }
    assert_eq!(h.status(id).await, Status::Delivered, "the first end of a part counts");
}

pub async fn a_receipt_of_a_part_may_come_before_the_outcome(h: &StoreHarness) {
    for place in 0..3 {
        let id = h.sending(message()).await;
        assert_eq!(h.receive(part(id, place, ReceiptState::Delivered)).await, Parked);
        assert_eq!(h.settle(id, 1, accepted_parts(id)).await, Settled::Now(Status::Sent));
        for other in (0..3).filter(|other| *other != place) {
            assert_eq!(h.status(id).await, Status::Sent);
            assert_eq!(h.receive(part(id, other, ReceiptState::Delivered)).await, Applied(id));
        }
        assert_eq!(h.status(id).await, Status::Delivered);
    }
    assert!(h.unmatched().await.is_empty(), "every receipt found its message");
}

pub async fn receipts_of_all_parts_may_come_before_the_outcome(h: &StoreHarness) {
    use ReceiptState::{Delivered, Undelivered};
    for (states, end) in [
        ([Delivered, Delivered, Delivered], Status::Delivered),
        ([Delivered, Delivered, Undelivered], Status::Undelivered),
    ] {
        let ids = [h.sending(message()).await, h.sending(message()).await];
        for (place, state) in states.into_iter().enumerate() {
            assert_eq!(h.receive(part(ids[0], place, state)).await, Parked);
        }
        // In a batch with one that no receipt waits for.
        let outcomes = [accepted_parts(ids[0]), accepted(ids[1])];
        let [first, second] = outcomes;
        let settled =
            h.settle_all(&[settlement(ids[0], 1, first), settlement(ids[1], 1, second)]).await;
        assert_eq!(settled, [Settled::Now(end), Settled::Now(Status::Sent)]);
        assert_eq!(h.status(ids[0]).await, end);
    }
    assert!(h.unmatched().await.is_empty());
}

pub async fn a_repeated_settlement_forgets_no_receipt_of_a_part(h: &StoreHarness) {
    let id = sent(h).await;
    h.receive(part(id, 1, ReceiptState::Delivered)).await;
    let before = (h.find(id).await, h.timeline(id).await);
    // The first settlement lost its answer, and the receipt came before the repeat.
    assert_eq!(h.settle(id, 1, accepted_parts(id)).await, Settled::Known(Status::Sent));
    assert_eq!((h.find(id).await, h.timeline(id).await), before);
    for place in [0, 2] {
        h.receive(part(id, place, ReceiptState::Delivered)).await;
    }
    assert_eq!(h.status(id).await, Status::Delivered);
}

pub async fn a_late_acceptance_has_its_parts(h: &StoreHarness) {
    let id = h.sending(message()).await;
    assert_eq!(h.receive(part(id, 2, ReceiptState::Delivered)).await, Parked);
    // Its worker crashes before it has recorded the outcome, and another one hears of it late.
    assert_eq!(h.lease_ends().await, [id]);
    assert_eq!(h.settle(id, 1, accepted_parts(id)).await, Settled::Late(Status::Sent));
    h.receive(part(id, 0, ReceiptState::Delivered)).await;
    assert_eq!(h.status(id).await, Status::Sent);
    h.receive(part(id, 1, ReceiptState::Delivered)).await;
    assert_eq!(h.status(id).await, Status::Delivered);
}

pub async fn parts_of_two_attempts_do_not_add_up(h: &StoreHarness) {
    let id = h.resent(otp()).await;
    h.begin(id).await;
    h.settle(id, 2, Outcome::accepted_parts([format!("x-{id}"), format!("y-{id}")])).await;
    assert_eq!(h.settle(id, 1, accepted_parts(id)).await, Settled::Late(Status::Sent));
    let second = |name: &str| {
        let mut receipt = receipt(id, ReceiptState::Delivered);
        receipt.provider_id = format!("{name}-{id}");
        receipt
    };
    for receipt in
        [part(id, 0, ReceiptState::Delivered), part(id, 1, ReceiptState::Delivered), second("x")]
    {
        assert_eq!(h.receive(receipt).await, Applied(id));
        assert_eq!(h.status(id).await, Status::Sent, "neither text is whole");
    }
    assert_eq!(h.receive(second("y")).await, Applied(id));
    assert_eq!(h.status(id).await, Status::Delivered);
}

pub async fn each_part_without_an_end_is_asked_about(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.settle_one(settlement(id, 1, accepted_parts(id)).poll_after(POLLING.first)).await;
    h.advance(POLLING.first + secs(1)).await;
    assert_eq!(h.awaiting(&POLLING).await, part_ids(id));
    h.receive(part(id, 0, ReceiptState::Delivered)).await;
    h.receive(part(id, 1, ReceiptState::InTransit).code(102, "on its way")).await;
    h.advance(POLLING.first + secs(1)).await;
    assert_eq!(h.awaiting(&POLLING).await, [part_id(id, 1), part_id(id, 2)]);
    h.receive(part(id, 2, ReceiptState::Undelivered)).await;
    h.advance(POLLING.max + secs(1)).await;
    assert!(h.awaiting(&POLLING).await.is_empty(), "the message has ended");
}

pub async fn the_id_of_any_part_is_taken(h: &StoreHarness) {
    let id = sent(h).await;
    let other = h.sending(message()).await;
    h.settle(other, 1, unknown()).await;
    for part_id in part_ids(id) {
        let resolution = Resolution::Sent { provider_id: Some(part_id) };
        let refused = h.resolve(other, resolution).await.expect_err("another message's id");
        assert_eq!(refused.kind(), ErrorKind::Conflict);
    }
    assert_eq!(h.status(other).await, Status::Unknown);
}
