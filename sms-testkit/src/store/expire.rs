//! `queued → expired | unknown`, after the deadline.

use sms_core::store::ExpireRequest;
use sms_core::{EventKind, Status};

use super::steps::{ALL, message, otp, secs, sorted};
use crate::harness::StoreHarness;

pub async fn a_message_past_its_deadline_becomes_expired(h: &StoreHarness) {
    let id = h.queued(message().deadline(secs(5))).await;
    h.advance(secs(6)).await;
    assert_eq!(h.expire().await, [id]);
    assert_eq!(h.status(id).await, Status::Expired);
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.status), (EventKind::Expired, Status::Expired));
}

pub async fn a_message_before_its_deadline_is_left_alone(h: &StoreHarness) {
    let id = h.queued(message().deadline(secs(5))).await;
    h.advance(secs(3)).await;
    assert_eq!(h.expire().await, []);
    assert_eq!(h.status(id).await, Status::Queued);
}

pub async fn a_message_that_may_have_been_accepted_becomes_unknown(h: &StoreHarness) {
    let id = h.resent(otp().deadline(secs(60))).await;
    h.advance(secs(60)).await;
    assert_eq!(h.expire().await, [id]);
    assert_eq!(h.status(id).await, Status::Unknown);
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.status), (EventKind::Expired, Status::Unknown));
}

pub async fn only_a_queued_message_expires(h: &StoreHarness) {
    let mut others = Vec::new();
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Queued) {
        others.push((h.in_status(status).await, status));
    }
    h.advance(secs(365 * 24 * 3600)).await;
    assert_eq!(h.expire().await, []);
    for (id, status) in others {
        assert_eq!(h.status(id).await, status);
    }
}

pub async fn an_expiry_is_not_repeated(h: &StoreHarness) {
    let id = h.queued(message().deadline(secs(5))).await;
    h.advance(secs(6)).await;
    h.expire().await;
    assert_eq!(h.expire().await, []);
    assert_eq!(h.timeline(id).await.len(), 1);
}

pub async fn no_more_than_the_limit_expire_at_a_time(h: &StoreHarness) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(h.queued(message().deadline(secs(5))).await);
    }
    h.advance(secs(6)).await;
    let mut expired = h.store.expire(ExpireRequest::new(2)).await.expect("expire");
    assert_eq!(expired.len(), 2);
    expired.extend(h.store.expire(ExpireRequest::new(ALL)).await.expect("expire"));
    assert_eq!(sorted(expired), ids);
}
