//! Costs of messages, and the queries about them.

use std::time::Duration;

use sms_core::provider::ProviderRef;
use sms_core::store::transition::{COST_PERIOD_MS, COST_QUERIES};
use sms_core::store::{AwaitingRequest, QueryPurpose, ReceiptEffect};
use sms_core::{EventKind, MessageId, Money, Receipt, ReceiptState, Status};

use super::polling::POLLING;
use super::steps::{ALL, accepted, message, provider_id, receipt, secs};
use crate::harness::StoreHarness;

const COST: Money = Money::from_micros(3_450_000);
const OTHER_COST: Money = Money::from_micros(500_000);
/// Longer than the time until the first query.
const PERIOD: Duration = Duration::from_millis(COST_PERIOD_MS.unsigned_abs() + 1000);

fn delivered(id: MessageId) -> Receipt {
    receipt(id, ReceiptState::Delivered)
}

/// A message that a receipt without a cost ended, which leaves the cost to a query.
async fn ended(h: &StoreHarness, state: ReceiptState) -> MessageId {
    let id = h.sent(message()).await;
    h.receive(receipt(id, state).cost_later(true)).await;
    id
}

/// Provider ids of messages with a query about their cost that is due.
async fn awaiting(h: &StoreHarness, limit: usize) -> Vec<String> {
    let request = AwaitingRequest::new(POLLING, limit).purpose(QueryPurpose::Cost);
    let names = h.store.awaiting_receipt(request).await.expect("awaiting_receipt");
    let mut ids: Vec<_> = names.into_iter().map(|name: ProviderRef| name.provider_id).collect();
    ids.sort();
    ids
}

async fn cost(h: &StoreHarness, id: MessageId) -> Option<Money> {
    h.state(id).await.cost
}

pub async fn the_cost_in_a_receipt_is_kept_with_the_message_and_its_event(h: &StoreHarness) {
    let id = h.sent(message()).await;
    h.receive(delivered(id).cost(COST)).await;
    assert_eq!(cost(h, id).await, Some(COST));
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.details.cost), (EventKind::Receipt, Some(COST)));
    h.advance(PERIOD).await;
    assert!(awaiting(h, ALL).await.is_empty(), "it is known");
}

pub async fn a_cost_is_set_once_and_never_cleared(h: &StoreHarness) {
    let id = h.sent(message()).await;
    h.receive(receipt(id, ReceiptState::InTransit).code(101, "on its way").cost(COST)).await;
    h.receive(delivered(id).cost_later(true)).await;
    h.receive(delivered(id).cost(OTHER_COST)).await;
    assert_eq!((cost(h, id).await, h.status(id).await), (Some(COST), Status::Delivered));
    let costs = h.timeline(id).await.into_iter().filter_map(|event| event.details.cost);
    assert_eq!(costs.collect::<Vec<_>>(), [COST], "in one event");
    h.advance(PERIOD).await;
    assert!(awaiting(h, ALL).await.is_empty());
}

pub async fn a_cost_that_comes_after_the_end_is_recorded_and_changes_nothing_else(
    h: &StoreHarness,
) {
    for state in [ReceiptState::Delivered, ReceiptState::Undelivered] {
        let id = ended(h, state).await;
        let before = h.state(id).await;
        h.advance(secs(5)).await;
        let with_cost = || receipt(id, state).cost(COST);
        assert_eq!(h.receive(with_cost()).await, ReceiptEffect::CostKnown(id));
        assert_eq!(h.receive(with_cost()).await, ReceiptEffect::Ignored, "a repeat");
        let after = h.state(id).await;
        assert_eq!(after.cost, Some(COST));
        assert_eq!((after.status, after.updated_at), (before.status, before.updated_at));
        let event = h.last_event(id).await;
        assert_eq!((event.status, event.details.cost), (before.status, Some(COST)));
    }
}

pub async fn ended_messages_are_asked_about_together_and_after_the_answer_no_more(
    h: &StoreHarness,
) {
    let mut expected = Vec::new();
    for state in [ReceiptState::Delivered, ReceiptState::Undelivered, ReceiptState::Delivered] {
        expected.push(ended(h, state).await);
    }
    h.advance(PERIOD).await;
    let mut names: Vec<_> = expected.iter().map(|id| provider_id(*id)).collect();
    names.sort();
    assert_eq!(awaiting(h, ALL).await, names);
    assert!(awaiting(h, ALL).await.is_empty(), "each once");
    for id in expected {
        h.receive(delivered(id).cost(COST)).await;
    }
    h.advance(Duration::from_hours(24)).await;
    assert!(awaiting(h, ALL).await.is_empty());
    assert!(h.awaiting(&POLLING).await.is_empty(), "nor about their state");
}

pub async fn a_query_without_an_answer_is_repeated_at_growing_intervals_and_ends(h: &StoreHarness) {
    let id = ended(h, ReceiptState::Delivered).await;
    h.advance(PERIOD).await;
    let mut interval = secs(10);
    for query in 1..=COST_QUERIES {
        assert_eq!(awaiting(h, ALL).await, [provider_id(id)], "query {query}");
        h.advance(interval.saturating_sub(secs(4))).await;
        assert!(awaiting(h, ALL).await.is_empty(), "less than {interval:?} after query {query}");
        h.advance(secs(5)).await;
        interval *= 4;
    }
    assert!(awaiting(h, ALL).await.is_empty(), "enough");
    h.advance(Duration::from_hours(1000)).await;
    assert!(awaiting(h, ALL).await.is_empty());
    h.receive(delivered(id).cost(COST)).await;
    assert_eq!(cost(h, id).await, Some(COST), "it is still taken");
}

pub async fn an_answer_without_a_cost_ends_the_queries(h: &StoreHarness) {
    let id = ended(h, ReceiptState::Delivered).await;
    h.receive(delivered(id).cost_later(true)).await;
    h.advance(PERIOD).await;
    assert_eq!(awaiting(h, ALL).await.len(), 1, "the same receipt again is no answer");
    h.receive(delivered(id)).await;
    h.advance(Duration::from_hours(24)).await;
    assert!(awaiting(h, ALL).await.is_empty());
    assert_eq!(cost(h, id).await, None);
}

pub async fn nobody_asks_for_a_cost_that_is_not_left_to_a_query(h: &StoreHarness) {
    let id = h.sent(message()).await;
    h.receive(delivered(id)).await;
    let running = h.sent(message()).await;
    h.receive(receipt(running, ReceiptState::InTransit).cost_later(true)).await;
    h.advance(Duration::from_hours(1)).await;
    assert!(awaiting(h, ALL).await.is_empty());
}

pub async fn no_more_costs_than_the_limit_are_asked_for_at_a_time(h: &StoreHarness) {
    for _ in 0..3 {
        ended(h, ReceiptState::Delivered).await;
    }
    h.advance(PERIOD).await;
    let mut asked = awaiting(h, 2).await;
    assert_eq!(asked.len(), 2);
    asked.extend(awaiting(h, 2).await);
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 3, "each is asked about once");
}

pub async fn a_receipt_that_waited_for_its_message_brings_its_cost(h: &StoreHarness) {
    let [with_cost, without] = [h.sending(message()).await, h.sending(message()).await];
    for parked in [delivered(with_cost).cost(COST), delivered(without).cost_later(true)] {
        assert_eq!(h.receive(parked).await, ReceiptEffect::Parked);
    }
    for id in [with_cost, without] {
        h.settle(id, 1, accepted(id)).await;
    }
    assert_eq!((cost(h, with_cost).await, cost(h, without).await), (Some(COST), None));
    h.advance(PERIOD).await;
    assert_eq!(awaiting(h, ALL).await, [provider_id(without)]);
}
