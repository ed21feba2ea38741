//! `sending → unknown | queued`, after a worker has vanished.

use sms_core::store::RescueRequest;
use sms_core::store::decision::RESEND_AFTER;
use sms_core::{EventKind, Status};

use super::steps::{ALL, LEASE, almost, begun_ids, ids_of, message, otp, secs, some, sorted};
use crate::harness::StoreHarness;

pub async fn a_lease_that_is_not_over_is_left_alone(h: &StoreHarness) {
    let id = h.sending(otp()).await;
    h.advance(almost(LEASE)).await;
    assert_eq!(h.rescue().await, []);
    assert_eq!(h.status(id).await, Status::Sending);
}

pub async fn under_hold_it_becomes_unknown(h: &StoreHarness) {
    let id = h.sending(message()).await;
    assert_eq!(h.lease_ends().await, [id]);
    let state = h.state(id).await;
    assert_eq!((state.status, state.resends, state.lease), (Status::Unknown, 0, None));
    h.advance(secs(3600)).await;
    assert_eq!(h.try_begin(&[id]).await, [], "under hold nothing is sent again");
}

pub async fn under_resend_once_it_is_queued_once_more(h: &StoreHarness) {
    let id = h.sending(otp()).await;
    assert_eq!(h.lease_ends().await, [id]);
    let state = h.state(id).await;
    assert_eq!((state.status, state.resends, state.lease), (Status::Queued, 1, None));
    assert_eq!(state.due_at, state.updated_at + RESEND_AFTER, "a late reply has time to arrive");
    assert_eq!(h.try_begin(&[id]).await, []);
}

pub async fn a_rescued_message_is_offered_when_it_is_due(h: &StoreHarness) {
    let id = h.sending(otp()).await;
    h.lease_ends().await;
    assert_eq!(h.due().await, []);
    h.advance(RESEND_AFTER + secs(1)).await;
    assert_eq!(h.due().await.iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
}

pub async fn under_resend_once_it_is_not_queued_twice(h: &StoreHarness) {
    let id = h.sending(otp()).await;
    h.lease_ends().await;
    h.advance(RESEND_AFTER + secs(1)).await;
    assert_eq!(h.begin(id).await.fence, 2);
    assert_eq!(h.lease_ends().await, [id]);
    let state = h.state(id).await;
    assert_eq!((state.status, state.resends), (Status::Unknown, 1));
}

pub async fn a_resend_that_would_be_past_the_deadline_is_not_made(h: &StoreHarness) {
    let id = h.sending(otp().deadline(LEASE + secs(3))).await;
    assert_eq!(h.lease_ends().await, [id]);
    let state = h.state(id).await;
    assert_eq!((state.status, state.resends), (Status::Unknown, 0));
}

pub async fn a_rescue_is_on_record(h: &StoreHarness) {
    for (message, to, resend) in
        [(message(), Status::Unknown, false), (otp(), Status::Queued, true)]
    {
        let id = h.sending(message).await;
        h.lease_ends().await;
        let event = h.last_event(id).await;
        assert_eq!((event.kind, event.status), (EventKind::LeaseOver, to));
        let details = event.details;
        assert_eq!((details.attempt, details.by.as_deref()), (Some(1), Some("worker-1")));
        assert_eq!((details.outcome, details.resend), (None, resend));
    }
}

pub async fn only_a_sending_message_is_rescued(h: &StoreHarness) {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Sending) {
        h.in_status(status).await;
    }
    assert_eq!(h.lease_ends().await, []);
}

pub async fn a_rescue_is_not_repeated(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.lease_ends().await;
    let before = h.timeline(id).await;
    assert_eq!(h.rescue().await, []);
    assert_eq!(h.timeline(id).await, before);
}

pub async fn no_more_than_the_limit_are_rescued_at_a_time(h: &StoreHarness) {
    let batch = some(3);
    h.insert(&batch).await;
    assert_eq!(begun_ids(&h.try_begin(&ids_of(&batch)).await), ids_of(&batch));
    h.advance(LEASE + secs(1)).await;
    let mut rescued = h.store.rescue(RescueRequest::new(2)).await.expect("rescue");
    assert_eq!(rescued.len(), 2);
    rescued.extend(h.store.rescue(RescueRequest::new(ALL)).await.expect("rescue"));
    assert_eq!(sorted(rescued), ids_of(&batch));
}
