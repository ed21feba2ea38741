//! Outcomes that arrive when the caller does not own the attempt any more.

use sms_core::store::decision::Verdict;
use sms_core::store::{Resolution, Settled};
use sms_core::{EventKind, MessageId, Outcome, Status};

use super::steps::{
    BACKOFF, LEASE, PROVIDER, accepted, deferred, message, otp, provider_id, rejected, secs,
    unknown,
};
use crate::harness::StoreHarness;

/// A message that is unknown because the worker of attempt 1 was too slow.
async fn abandoned(h: &StoreHarness) -> MessageId {
    let id = h.sending(message()).await;
    assert_eq!(h.lease_ends().await, [id]);
    id
}

/// A message that is sending as attempt 2, while the outcome of attempt 1 is still open.
async fn superseded(h: &StoreHarness) -> MessageId {
    let id = h.resent(otp()).await;
    assert_eq!(h.begin(id).await.fence, 2);
    id
}

async fn expect_sent(h: &StoreHarness, id: MessageId, from: &str) {
    let settled = h.settle(id, 1, accepted(id)).await;
    assert_eq!(
        settled,
        Settled::Late(Status::Sent),
        "an acceptance lifts a message that is {from}"
    );
    let state = h.state(id).await;
    assert_eq!((state.status, state.lease), (Status::Sent, None), "{from}");
    assert_eq!(state.provider.as_deref(), Some(PROVIDER), "{from}");
    assert_eq!(state.provider_id, Some(provider_id(id)), "{from}");
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.status), (EventKind::LateOutcome, Status::Sent), "{from}");
}

pub async fn an_acceptance_lifts_an_unknown_message(h: &StoreHarness) {
    let id = abandoned(h).await;
    expect_sent(h, id, "unknown").await;
}

pub async fn an_acceptance_after_an_unknown_outcome_lifts_the_message(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    expect_sent(h, id, "unknown").await;
}

pub async fn an_acceptance_of_an_earlier_attempt_lifts_a_queued_message(h: &StoreHarness) {
    let id = h.resent(otp()).await;
    expect_sent(h, id, "queued").await;
    assert_eq!(h.try_begin(&[id]).await, [], "an accepted message is not sent again");
}

pub async fn an_acceptance_of_an_earlier_attempt_lifts_a_sending_message(h: &StoreHarness) {
    let id = superseded(h).await;
    expect_sent(h, id, "sending").await;
    assert_eq!(
        h.settle(id, 2, rejected()).await,
        Settled::Late(Status::Sent),
        "a refusal does not undo an acceptance"
    );
}

pub async fn an_acceptance_lifts_a_failed_message(h: &StoreHarness) {
    let id = abandoned(h).await;
    h.resolve(id, Resolution::Failed).await.expect("an unknown message can be resolved");
    expect_sent(h, id, "failed").await;
}

pub async fn an_acceptance_lifts_an_expired_message(h: &StoreHarness) {
    let id = h.sending(message().deadline(secs(100))).await;
    h.settle(id, 1, deferred()).await;
    h.advance(secs(101)).await;
    assert_eq!(h.expire().await, [id]);
    expect_sent(h, id, "expired").await;
}

pub async fn an_acceptance_lifts_a_cancelled_message(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.settle(id, 1, deferred()).await;
    h.cancel(id).await.expect("a queued message can be cancelled");
    expect_sent(h, id, "cancelled").await;
}

pub async fn a_second_acceptance_leaves_a_sent_message_as_it_is(h: &StoreHarness) {
    let id = superseded(h).await;
    let second = Outcome::accepted(format!("second-{id}"));
    h.settle(id, 2, second.clone()).await;
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Late(Status::Sent));
    assert_eq!(h.state(id).await.provider_id, second.provider_id);
    assert_eq!(
        h.last_event(id).await.details.provider_id,
        Some(provider_id(id)),
        "both are on record"
    );
}

pub async fn an_acceptance_leaves_a_delivered_message_as_it_is(h: &StoreHarness) {
    for status in [Status::Delivered, Status::Undelivered] {
        let id = h.in_status(status).await;
        assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Known(status));
        let outcome = unknown();
        assert_eq!(h.settle(id, 1, outcome).await, Settled::Late(status));
        assert_eq!(h.status(id).await, status);
    }
}

pub async fn a_refusal_of_the_same_attempt_fails_an_unknown_message(h: &StoreHarness) {
    let id = abandoned(h).await;
    assert_eq!(h.settle(id, 1, rejected()).await, Settled::Late(Status::Failed));
    let state = h.state(id).await;
    assert_eq!((state.status, state.code), (Status::Failed, Some(202)));
    assert_eq!(h.last_event(id).await.kind, EventKind::LateOutcome);
}

pub async fn a_refusal_after_a_resend_leaves_the_message_unknown(h: &StoreHarness) {
    let id = superseded(h).await;
    assert_eq!(h.lease_ends().await, [id]);
    let settled = h.settle(id, 2, rejected()).await;
    assert_eq!(settled, Settled::Late(Status::Unknown), "attempt 1 may have been accepted");
    let settled = h.settle(id, 1, rejected()).await;
    assert_eq!(settled, Settled::Late(Status::Unknown), "the unknown attempt is not attempt 1");
}

pub async fn a_refusal_of_an_earlier_attempt_leaves_the_message_unknown(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.settle(id, 1, deferred()).await;
    h.advance(BACKOFF + secs(1)).await;
    h.begin(id).await;
    h.settle(id, 2, unknown()).await;
    let settled = h.settle(id, 1, rejected()).await;
    assert_eq!(settled, Settled::Late(Status::Unknown), "attempt 2 may have been accepted");
}

pub async fn a_refusal_of_an_earlier_attempt_moves_nothing(h: &StoreHarness) {
    let id = superseded(h).await;
    let before = h.find(id).await;
    assert_eq!(h.settle(id, 1, rejected()).await, Settled::Late(Status::Sending));
    assert_eq!(h.find(id).await, before);
    assert_eq!(
        h.settle(id, 2, accepted(id)).await,
        Settled::Now(Status::Sent),
        "the owner of attempt 2 still owns it"
    );
}

pub async fn any_other_outcome_is_recorded_and_moves_nothing(h: &StoreHarness) {
    let blocked = Outcome::blocked(201, "no money");
    for outcome in [deferred(), blocked, Outcome::not_sent("refused"), unknown()] {
        let id = abandoned(h).await;
        let (class, before, events) = (outcome.class, h.find(id).await, h.timeline(id).await.len());
        let settled = h.settle(id, 1, outcome).await;
        assert_eq!(settled, Settled::Late(Status::Unknown), "{class:?}");
        assert_eq!(h.find(id).await, before, "a late {class:?} moves nothing");
        assert_eq!(h.timeline(id).await.len(), events + 1, "a late {class:?} is on record");
        let event = h.last_event(id).await;
        assert_eq!(event.kind, EventKind::LateOutcome);
        assert_eq!((event.details.attempt, event.details.outcome), (Some(1), Some(class)));
    }
}

pub async fn a_wrong_fence_settles_nothing(h: &StoreHarness) {
    let id = superseded(h).await;
    for verdict in
        [Verdict::Failed, Verdict::Unknown, Verdict::Retry { after: BACKOFF, counted: false }]
    {
        let outcome = Outcome::not_sent(format!("{verdict:?}"));
        h.settle_as(id, 1, outcome, verdict).await;
        let state = h.state(id).await;
        assert_eq!(
            (state.status, state.fence, state.attempts),
            (Status::Sending, 2, 2),
            "{verdict:?}"
        );
        assert!(state.lease.is_some(), "the lease belongs to the other worker");
    }
}

pub async fn a_repeated_late_outcome_is_known(h: &StoreHarness) {
    let id = abandoned(h).await;
    h.settle(id, 1, deferred()).await;
    let before = h.timeline(id).await;
    assert_eq!(h.settle(id, 1, deferred()).await, Settled::Known(Status::Unknown));
    assert_eq!(h.timeline(id).await, before);
}

pub async fn a_repeated_late_acceptance_is_known(h: &StoreHarness) {
    let id = abandoned(h).await;
    expect_sent(h, id, "unknown").await;
    h.advance(LEASE).await;
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Known(Status::Sent));
}
