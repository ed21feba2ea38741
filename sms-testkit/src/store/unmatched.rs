//! Receipts with unknown provider ids: they are kept, listed, and assigned to an unknown message if
//! no other receipt and no other message fits.

use sms_core::store::ReceiptEffect::Applied;
use sms_core::store::{InferRequest, Settled, UnmatchedRequest};
use sms_core::{Archive, EventKind, Evidence, MessageId, Outcome, Receipt, ReceiptState, Status};

use super::steps::{ALL, INFER_AFTER, PROVIDER, accepted, kinds, message, otp, secs};
use crate::harness::StoreHarness;

fn stray(provider_id: &str, state: ReceiptState) -> Receipt {
    Receipt::new(PROVIDER, provider_id, state).code(100 + state as i32, "as the provider says")
}

fn delivered(provider_id: &str) -> Receipt {
    stray(provider_id, ReceiptState::Delivered)
}

async fn listed(h: &StoreHarness) -> Vec<String> {
    h.unmatched().await.into_iter().map(|id| id.provider_id).collect()
}

async fn expect_left_to_an_operator(h: &StoreHarness, ids: &[MessageId]) {
    assert_eq!(h.infer().await, []);
    for id in ids {
        assert_eq!(h.status(*id).await, Status::Unknown);
    }
}

pub async fn a_receipt_of_no_message_is_listed(h: &StoreHarness) {
    let before = h.now().await;
    h.advance(secs(5)).await;
    h.receive(delivered("stray")).await;
    let [found] = &h.unmatched().await[..] else { panic!("one id") };
    assert_eq!((found.provider.as_str(), found.provider_id.as_str()), (PROVIDER, "stray"));
    assert_eq!(found.last, delivered("stray"));
    assert!(found.received_at > before && found.made_at == found.received_at);
}

pub async fn the_receipts_of_one_id_are_one_entry_with_the_last_state(h: &StoreHarness) {
    h.receive(stray("a", ReceiptState::InTransit)).await;
    h.advance(secs(5)).await;
    h.receive(delivered("b")).await;
    h.advance(secs(5)).await;
    h.receive(delivered("a")).await;
    let found = h.unmatched().await;
    let named: Vec<_> = found.iter().map(|id| (id.provider_id.as_str(), id.last.state)).collect();
    assert_eq!(named, [("b", ReceiptState::Delivered), ("a", ReceiptState::Delivered)]);
}

pub async fn the_list_is_that_of_a_provider_and_a_time(h: &StoreHarness) {
    let mut times = Vec::new();
    for (provider, name) in [(PROVIDER, "a"), ("other", "b"), (PROVIDER, "c")] {
        times.push(h.now().await);
        h.receive(delivered(name).provider(provider.to_owned())).await;
        h.advance(secs(60)).await;
    }
    let all = UnmatchedRequest::new(ALL);
    let (own, late) = (Some(PROVIDER.to_owned()), Some(times[1] - secs(10)));
    for (request, expected) in [
        (all.clone().provider(own), vec!["c", "a"]),
        (all.clone().from_time(late), vec!["c", "b"]),
        (all.clone().to_time(late), vec!["a"]),
        (UnmatchedRequest::new(1), vec!["c"]),
    ] {
        let found = h.store.unmatched(&request).await.expect("unmatched");
        let named: Vec<_> = found.iter().map(|id| id.provider_id.as_str()).collect();
        assert_eq!(named, expected, "{request:?}");
    }
}

pub async fn an_id_is_not_listed_once_its_message_is_known(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.receive(delivered("late")).await;
    assert_eq!(listed(h).await, ["late"]);
    assert_eq!(h.settle(id, 1, Outcome::accepted("late")).await, Settled::Now(Status::Delivered));
    assert_eq!(listed(h).await, [""; 0]);
}

pub async fn an_unknown_message_takes_the_only_id_that_fits(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    h.receive(delivered("stray")).await;
    assert_eq!(h.infer().await, [id]);
    let state = h.state(id).await;
    assert_eq!((state.status, state.provider_id.as_deref()), (Status::Delivered, Some("stray")));
    let events = h.timeline(id).await;
    let expected = [(EventKind::Inferred, Status::Sent), (EventKind::Receipt, Status::Delivered)];
    assert_eq!(kinds(&events)[1..], expected);
    assert_eq!(
        events[1].details.evidence,
        Some(Evidence::UnmatchedReceipt),
        "the event says that the id is inferred"
    );
    assert_eq!(events[1].details.provider_id.as_deref(), Some("stray"));
    assert_eq!(listed(h).await, [""; 0]);
}

pub async fn a_message_of_a_vanished_worker_takes_it_too(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.receive(delivered("stray")).await;
    assert_eq!(h.lease_ends().await, [id]);
    assert_eq!(h.infer().await, [id]);
    assert_eq!(h.status(id).await, Status::Delivered);
}

pub async fn an_id_is_left_alone_until_answers_have_had_their_time(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    h.receive(delivered("stray")).await;
    h.advance(INFER_AFTER.saturating_sub(secs(30))).await;
    assert_eq!(h.store.infer(InferRequest::new(INFER_AFTER)).await.expect("infer"), []);
    assert_eq!(h.settle(id, 1, Outcome::accepted("stray")).await, Settled::Late(Status::Delivered));
}

pub async fn two_messages_of_one_time_are_left_to_an_operator(h: &StoreHarness) {
    let ids = [h.unknown(message()).await, h.unknown(message()).await];
    h.receive(delivered("stray")).await;
    expect_left_to_an_operator(h, &ids).await;
    assert_eq!(listed(h).await, ["stray"]);
}

pub async fn two_ids_of_one_time_are_left_to_an_operator(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    h.receive(delivered("a")).await;
    h.receive(delivered("b")).await;
    expect_left_to_an_operator(h, &[id]).await;
}

pub async fn an_id_of_another_time_or_provider_is_not_taken(h: &StoreHarness) {
    h.receive(delivered("before")).await;
    h.advance(secs(300)).await;
    let id = h.unknown(message()).await;
    h.receive(delivered("foreign").provider("other".to_owned())).await;
    expect_left_to_an_operator(h, &[id]).await;
    h.advance(secs(2 * 3600)).await;
    h.receive(delivered("after")).await;
    expect_left_to_an_operator(h, &[id]).await;
}

pub async fn a_message_that_was_resent_and_accepted_is_a_rival(h: &StoreHarness) {
    let resent = h.resent(otp()).await;
    h.begin(resent).await;
    h.settle(resent, 2, accepted(resent)).await;
    let id = h.unknown(message()).await;
    h.receive(delivered("stray")).await;
    expect_left_to_an_operator(h, &[id]).await;
    assert_eq!(h.status(resent).await, Status::Sent);
}

pub async fn an_inferred_message_takes_further_receipts(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    h.receive(stray("stray", ReceiptState::InTransit)).await;
    assert_eq!(h.infer().await, [id]);
    assert_eq!(h.status(id).await, Status::Sent);
    assert_eq!(h.receive(delivered("stray")).await, Applied(id));
    assert_eq!(h.status(id).await, Status::Delivered);
}

pub async fn a_late_acceptance_under_another_id_is_kept_with_the_inferred_one(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    h.receive(stray("stray", ReceiptState::InTransit)).await;
    assert_eq!(h.infer().await, [id]);
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Late(Status::Sent));
    assert_eq!(h.receive(super::steps::receipt(id, ReceiptState::Delivered)).await, Applied(id));
    assert_eq!(h.status(id).await, Status::Delivered);
}
