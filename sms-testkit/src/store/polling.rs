//! The schedule of status queries.

use sms_core::store::AwaitingRequest;
use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef};
use sms_core::{EventKind, MessageId, ReceiptState, Status};

use super::steps::{ALL, PROVIDER, accepted, message, provider_id, receipt, secs, settlement};
use crate::harness::StoreHarness;

pub(super) const POLLING: Polling =
    Polling::new(secs(60), secs(200), Duration::from_hours(24), 100);

/// A sent message with status queries.
async fn polled(h: &StoreHarness) -> MessageId {
    let id = h.sending(message()).await;
    h.settle_one(settlement(id, 1, accepted(id)).poll_after(Some(POLLING.first))).await;
    id
}

pub async fn the_first_query_is_due_after_a_while(h: &StoreHarness) {
    let id = polled(h).await;
    h.advance(secs(58)).await;
    assert!(h.awaiting(&POLLING).await.is_empty());
    h.advance(secs(3)).await;
    let refs = h
        .store
        .awaiting_receipt(AwaitingRequest::new(POLLING, ALL))
        .await
        .expect("awaiting_receipt");
    assert_eq!(refs, [ProviderRef::new(PROVIDER.to_owned(), provider_id(id))]);
}

pub async fn intervals_double_up_to_the_longest(h: &StoreHarness) {
    polled(h).await;
    h.advance(secs(61)).await;
    assert_eq!(h.awaiting(&POLLING).await.len(), 1);
    for interval in [60, 120, 200, 200] {
        h.advance(secs(interval - 2)).await;
        assert_eq!(
            h.awaiting(&POLLING).await.len(),
            0,
            "less than {interval} s after the last query"
        );
        h.advance(secs(3)).await;
        assert_eq!(
            h.awaiting(&POLLING).await.len(),
            1,
            "more than {interval} s after the last query"
        );
    }
}

pub async fn a_message_that_is_not_to_be_asked_for_is_left_alone(h: &StoreHarness) {
    h.sent(message()).await;
    h.advance(secs(600)).await;
    assert!(h.awaiting(&POLLING).await.is_empty());
}

pub async fn nobody_asks_for_a_message_that_has_no_provider_id(h: &StoreHarness) {
    let id = h.sending(message()).await;
    let mut settlement = settlement(id, 1, accepted(id)).poll_after(Some(POLLING.first));
    settlement.outcome.provider_id = None;
    h.settle_one(settlement).await;
    h.advance(secs(600)).await;
    assert!(h.awaiting(&POLLING).await.is_empty());
}

pub async fn nobody_asks_after_the_end(h: &StoreHarness) {
    for state in [ReceiptState::Delivered, ReceiptState::Undelivered] {
        let id = polled(h).await;
        h.receive(receipt(id, state)).await;
    }
    h.advance(secs(600)).await;
    assert!(h.awaiting(&POLLING).await.is_empty());
}

pub async fn on_its_way_is_asked_about_again(h: &StoreHarness) {
    let id = polled(h).await;
    h.receive(receipt(id, ReceiptState::InTransit).code(102, "on its way")).await;
    h.advance(secs(61)).await;
    assert_eq!(h.awaiting(&POLLING).await, [provider_id(id)]);
}

pub async fn a_message_without_an_end_is_given_up_and_says_so(h: &StoreHarness) {
    let id = polled(h).await;
    h.advance(POLLING.give_up + secs(1)).await;
    assert!(h.awaiting(&POLLING).await.is_empty());
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.status), (EventKind::ReceiptGivenUp, Status::Sent));
    h.advance(POLLING.give_up).await;
    assert!(h.awaiting(&POLLING).await.is_empty());
    assert_eq!(h.last_event(id).await, event, "it is given up only once");
}

pub async fn a_message_that_was_given_up_still_takes_a_receipt(h: &StoreHarness) {
    let id = polled(h).await;
    h.advance(POLLING.give_up + secs(1)).await;
    h.awaiting(&POLLING).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    assert_eq!(h.status(id).await, Status::Delivered);
}

pub async fn no_more_than_the_limit_are_asked_about_at_a_time(h: &StoreHarness) {
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.push(provider_id(polled(h).await));
    }
    h.advance(secs(61)).await;
    let mut refs =
        h.store.awaiting_receipt(AwaitingRequest::new(POLLING, 2)).await.expect("awaiting_receipt");
    assert_eq!(refs.len(), 2);
    refs.extend(
        h.store.awaiting_receipt(AwaitingRequest::new(POLLING, 2)).await.expect("awaiting_receipt"),
    );
    let mut asked: Vec<_> = refs.into_iter().map(|of| of.provider_id).collect();
    asked.sort();
    expected.sort();
    assert_eq!(asked, expected, "each is queried once");
}

pub async fn a_late_acceptance_is_asked_about(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    h.settle_one(settlement(id, 1, accepted(id)).poll_after(Some(POLLING.first))).await;
    h.advance(secs(61)).await;
    assert_eq!(h.awaiting(&POLLING).await, [provider_id(id)]);
}
