//! Removal of old messages.

use sms_core::store::Inserted::{Replayed, Stored};
use sms_core::store::{ListRequest, PurgeRequest, RoutePurgeRequest, Settled, Stats, StatsRequest};
use sms_core::{Archive, MessageId, ReceiptState, Route, Status};

use super::steps::{ALL, DAY, accepted, almost, message, prepared, receipt, secs};
use crate::harness::StoreHarness;

pub async fn a_message_that_is_to_be_sent_stays(h: &StoreHarness) {
    let mut ids = Vec::new();
    for status in Status::ALL {
        ids.push((status, h.in_status(status).await));
    }
    h.advance(10 * DAY).await;
    assert_eq!(h.purge(5 * DAY).await, 7, "all but the queued and the sending message");
    for (status, id) in ids {
        let stays = matches!(status, Status::Queued | Status::Sending);
        assert_eq!(h.find(id).await.is_some(), stays, "{status}");
    }
}

pub async fn only_old_messages_go(h: &StoreHarness) {
    let old = h.in_status(Status::Failed).await;
    h.advance(secs(20)).await;
    let young = h.in_status(Status::Failed).await;
    h.advance(almost(DAY)).await;
    assert_eq!(h.purge(DAY).await, 1);
    assert!(
        h.find(old).await.is_none() && h.find(young).await.is_some(),
        "only the older one is removed"
    );
}

pub async fn a_message_ages_from_its_last_change(h: &StoreHarness) {
    let id = h.sent(message()).await;
    h.advance(10 * DAY).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    assert_eq!(h.purge(5 * DAY).await, 0);
    h.advance(6 * DAY).await;
    assert_eq!(h.purge(5 * DAY).await, 1);
}

pub async fn a_purged_message_is_gone_from_everywhere(h: &StoreHarness) {
    let id = h.in_status(Status::Delivered).await;
    h.advance(10 * DAY).await;
    assert_eq!(h.purge(5 * DAY).await, 1);
    assert_eq!(h.find(id).await, None);
    assert_eq!(h.timeline(id).await, []);
    assert_eq!(h.log().await, []);
    assert_eq!(h.list(ListRequest::new(ALL)).await, []);
    assert_eq!(h.store.stats(&StatsRequest::default()).await.expect("stats"), Stats::default());
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Gone);
    assert_eq!(h.try_begin(&[id]).await, []);
    assert!(h.cancel(id).await.is_err(), "a purged message cannot be cancelled");
}

pub async fn the_key_of_a_purged_message_is_free(h: &StoreHarness) {
    let keyed = || prepared(&message().key("k"));
    let first = keyed();
    h.insert(std::slice::from_ref(&first)).await;
    h.cancel(first.id).await.expect("a queued message can be cancelled");
    h.advance(secs(100)).await;
    assert_eq!(h.insert(&[keyed()]).await, [Replayed(first.id)]);
    h.purge(secs(10)).await;
    assert!(matches!(h.insert(&[keyed()]).await[..], [Stored(_)]));
}

pub async fn the_log_of_other_messages_stays(h: &StoreHarness) {
    h.in_status(Status::Delivered).await;
    h.advance(10 * DAY).await;
    let other = h.sent(message()).await;
    assert_eq!(h.purge(5 * DAY).await, 1);
    assert_eq!(h.log().await, h.timeline(other).await);
    assert_eq!(h.timeline(other).await.len(), 1);
}

pub async fn old_parked_receipts_go(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    h.advance(10 * DAY).await;
    assert_eq!(h.purge(5 * DAY).await, 0, "the count does not include receipts");
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Now(Status::Sent));
}

pub async fn no_more_than_the_limit_go_at_a_time(h: &StoreHarness) {
    for _ in 0..3 {
        h.in_status(Status::Failed).await;
    }
    h.advance(10 * DAY).await;
    assert_eq!(h.store.purge(PurgeRequest::new(DAY, 2)).await.expect("purge"), 2);
    assert_eq!(h.store.purge(PurgeRequest::new(DAY, 2)).await.expect("purge"), 1);
    assert_eq!(h.store.purge(PurgeRequest::new(DAY, 2)).await.expect("purge"), 0);
}

/// A message of this route that was cancelled.
async fn cancelled(h: &StoreHarness, route: &str) -> MessageId {
    let id = h.queued(message().route(route)).await;
    h.cancel(id).await.expect("a queued message can be cancelled");
    id
}

async fn purge_route(h: &StoreHarness, request: RoutePurgeRequest) -> usize {
    h.store.purge_route(request).await.expect("purge")
}

fn tests(older_than: std::time::Duration) -> RoutePurgeRequest {
    RoutePurgeRequest::new(Route::SANDBOX, older_than, ALL)
}

pub async fn a_route_is_purged_by_age_and_no_other(h: &StoreHarness) {
    let old = cancelled(h, "sandbox").await;
    let others = [cancelled(h, "default").await, cancelled(h, "second").await];
    let waiting = h.queued(message().route("sandbox")).await;
    h.advance(DAY).await;
    let young = cancelled(h, "sandbox").await;
    h.advance(secs(20)).await;
    assert_eq!(purge_route(h, tests(2 * DAY)).await, 0);
    assert_eq!(purge_route(h, tests(DAY)).await, 1);
    assert!(h.find(old).await.is_none() && h.timeline(old).await.is_empty());
    for id in others.into_iter().chain([waiting, young]) {
        assert!(h.find(id).await.is_some(), "{id}");
    }
    let default = RoutePurgeRequest::new(Route::DEFAULT, secs(1), ALL);
    assert_eq!(purge_route(h, default).await, 0, "of the default route nothing is removed");
}

pub async fn the_newest_of_a_route_stay(h: &StoreHarness) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(cancelled(h, "sandbox").await);
        cancelled(h, "second").await;
    }
    h.advance(DAY).await;
    let keep = |count| tests(secs(10)).keep_newest(count);
    for enough in [5, 6, usize::MAX] {
        assert_eq!(purge_route(h, keep(enough)).await, 0, "{enough}");
    }
    let mut one = keep(2);
    one.limit = 1;
    assert_eq!(purge_route(h, one).await, 1);
    assert!(h.find(ids[0]).await.is_none(), "the oldest goes first");
    assert_eq!(purge_route(h, keep(2)).await, 2);
    for (place, id) in ids.iter().enumerate() {
        assert_eq!(h.find(*id).await.is_some(), place >= 3, "{place}");
    }
    assert_eq!(h.list(ListRequest::new(ALL)).await.len(), 2 + 5);
    assert_eq!(purge_route(h, tests(2 * DAY).keep_newest(0)).await, 0, "both limits count");
}

pub async fn a_purged_message_of_a_route_frees_its_key(h: &StoreHarness) {
    let keyed = || prepared(&message().route("sandbox").key("k"));
    let first = keyed();
    h.insert(std::slice::from_ref(&first)).await;
    h.cancel(first.id).await.expect("a queued message can be cancelled");
    h.advance(secs(100)).await;
    assert_eq!(purge_route(h, tests(secs(10))).await, 1);
    assert!(matches!(h.insert(&[keyed()]).await[..], [Stored(_)]));
}
