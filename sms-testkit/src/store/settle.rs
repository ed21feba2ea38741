//! `sending → sent | queued | failed | unknown`, by the owner of the attempt.

use std::time::Duration;

use sms_core::store::Settled;
use sms_core::store::decision::Verdict;
use sms_core::{EventKind, Evidence, MessageId, Outcome, OutcomeClass, Status};

use super::steps::{
    BACKOFF, LEASE, PROVIDER, accepted, deferred, kinds, message, otp, provider_id, rejected, secs,
    settlement, unknown,
};
use crate::harness::StoreHarness;

pub async fn an_acceptance_makes_it_sent(h: &StoreHarness) {
    let id = h.sending(message()).await;
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Now(Status::Sent));
    let state = h.state(id).await;
    assert_eq!((state.status, state.lease), (Status::Sent, None));
    assert_eq!(state.provider.as_deref(), Some(PROVIDER));
    assert_eq!(state.provider_id, Some(provider_id(id)));
    assert_eq!((state.code, state.attempts), (Some(100), 1));
}

pub async fn an_acceptance_without_a_provider_id_makes_it_sent(h: &StoreHarness) {
    let id = h.sending(message()).await;
    let mut outcome = accepted(id);
    outcome.provider_id = None;
    assert_eq!(h.settle(id, 1, outcome).await, Settled::Now(Status::Sent));
    assert_eq!(h.state(id).await.provider_id, None);
}

pub async fn a_refusal_makes_it_failed(h: &StoreHarness) {
    let id = h.sending(message()).await;
    assert_eq!(h.settle(id, 1, rejected()).await, Settled::Now(Status::Failed));
    let state = h.state(id).await;
    assert_eq!((state.status, state.lease), (Status::Failed, None));
    assert_eq!((state.code, state.reason.as_deref()), (Some(202), Some("bad number")));
}

pub async fn an_unknown_outcome_makes_it_unknown(h: &StoreHarness) {
    let id = h.sending(message()).await;
    assert_eq!(h.settle(id, 1, unknown()).await, Settled::Now(Status::Unknown));
    let state = h.state(id).await;
    assert_eq!((state.status, state.lease, state.resends), (Status::Unknown, None, 0));
    assert_eq!(state.reason.as_deref(), Some("timeout"));
}

pub async fn a_deferral_makes_it_queued_and_counts_the_attempt(h: &StoreHarness) {
    let id = h.sending(message()).await;
    assert_eq!(h.settle(id, 1, deferred()).await, Settled::Now(Status::Queued));
    let state = h.state(id).await;
    assert_eq!((state.attempts, state.fence, state.resends), (1, 1, 0));
    assert_eq!(state.lease, None);
    assert_eq!(state.due_at, state.updated_at + BACKOFF);
    assert_eq!((state.code, state.reason.as_deref()), (Some(220), Some("busy")));
}

pub async fn a_blocked_account_burns_no_attempt(h: &StoreHarness) {
    let id = h.sending(message()).await;
    assert_eq!(
        h.settle(id, 1, Outcome::blocked(201, "no money")).await,
        Settled::Now(Status::Queued)
    );
    let state = h.state(id).await;
    assert_eq!(
        (state.attempts, state.fence),
        (0, 1),
        "the attempt is not counted, but its fence is used"
    );
    assert_eq!(state.due_at, state.updated_at + BACKOFF);
    h.advance(BACKOFF + secs(1)).await;
    let begun = h.begin(id).await;
    assert_eq!((begun.fence, begun.attempt.attempt), (2, 1));
}

pub async fn a_resend_is_recorded_and_counted(h: &StoreHarness) {
    let id = h.sending(otp()).await;
    let verdict = Verdict::Resend { after: secs(5) };
    assert_eq!(h.settle_as(id, 1, unknown(), verdict).await, Settled::Now(Status::Queued));
    let state = h.state(id).await;
    assert_eq!((state.status, state.resends, state.attempts), (Status::Queued, 1, 1));
    assert_eq!(state.due_at, state.updated_at + secs(5));
    let event = h.last_event(id).await;
    assert!(event.details.resend, "the log says that the message may arrive twice");
    assert_eq!(event.details.retry_in_ms, Some(5000));
}

pub async fn a_resend_that_would_be_past_the_deadline_is_not_made(h: &StoreHarness) {
    let id = h.sending(otp().deadline(secs(4))).await;
    let verdict = Verdict::Resend { after: secs(5) };
    assert_eq!(h.settle_as(id, 1, unknown(), verdict).await, Settled::Now(Status::Unknown));
    assert_eq!(h.state(id).await.resends, 0);
    assert!(!h.last_event(id).await.details.resend, "no resend is made, and none is recorded");
}

pub async fn the_verdict_is_the_workers(h: &StoreHarness) {
    let id = h.sending(message()).await;
    let settled = h.settle_as(id, 1, deferred(), Verdict::Failed).await;
    assert_eq!(settled, Settled::Now(Status::Failed), "attempts are used up: a deferral is final");
    let id = h.sending(message()).await;
    let settled = h.settle_as(id, 1, rejected(), Verdict::Unknown).await;
    assert_eq!(settled, Settled::Now(Status::Unknown), "a refusal after a resend proves nothing");
}

pub async fn a_settlement_counts_until_the_lease_is_taken_away(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.advance(LEASE + secs(10)).await;
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Now(Status::Sent));
    assert_eq!(h.rescue().await, []);
}

pub async fn a_repeated_settlement_is_known_and_changes_nothing(h: &StoreHarness) {
    for outcome in [accepted(MessageId::new()), rejected(), deferred(), unknown()] {
        let id = h.sending(message()).await;
        let Settled::Now(status) = h.settle(id, 1, outcome.clone()).await else {
            panic!("the caller owns the attempt")
        };
        let before = (h.find(id).await, h.timeline(id).await);
        h.advance(secs(1)).await;
        assert_eq!(
            h.settle(id, 1, outcome.clone()).await,
            Settled::Known(status),
            "{:?}",
            outcome.class
        );
        assert_eq!((h.find(id).await, h.timeline(id).await), before, "{:?}", outcome.class);
    }
}

pub async fn a_settlement_twice_in_a_batch_is_written_once(h: &StoreHarness) {
    let id = h.sending(message()).await;
    let settlement = settlement(id, 1, deferred());
    let settled = h.settle_all(&[settlement.clone(), settlement]).await;
    assert_eq!(settled, [Settled::Now(Status::Queued), Settled::Known(Status::Queued)]);
    assert_eq!(kinds(&h.timeline(id).await), [(EventKind::Attempt, Status::Queued)]);
}

pub async fn a_message_that_is_not_there_is_gone(h: &StoreHarness) {
    let id = MessageId::new();
    assert_eq!(h.settle(id, 1, accepted(id)).await, Settled::Gone);
    assert_eq!(h.settle_all(&[]).await, []);
}

pub async fn each_settlement_of_a_batch_is_independent(h: &StoreHarness) {
    let (mine, stale, gone) =
        (h.sending(message()).await, h.resent(message()).await, MessageId::new());
    h.begin(stale).await;
    let last = h.sending(message()).await;
    let batch = [
        settlement(mine, 1, accepted(mine)),
        settlement(stale, 1, rejected()),
        settlement(gone, 1, accepted(gone)),
        settlement(last, 1, unknown()),
    ];
    let expected = [
        Settled::Now(Status::Sent),
        Settled::Late(Status::Sending),
        Settled::Gone,
        Settled::Now(Status::Unknown),
    ];
    assert_eq!(h.settle_all(&batch).await, expected);
}

pub async fn an_attempt_is_on_record_with_everything_known_about_it(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.settle_one(settlement(id, 1, deferred()).took(Duration::from_millis(1234))).await;
    let event = h.last_event(id).await;
    assert_eq!(
        (event.kind, event.status, event.message_id),
        (EventKind::Attempt, Status::Queued, id)
    );
    let details = event.details;
    assert_eq!((details.attempt, details.took_ms), (Some(1), Some(1234)));
    assert_eq!(details.outcome, Some(deferred().class));
    assert_eq!(details.provider.as_deref(), Some(PROVIDER));
    assert_eq!((details.code, details.text.as_deref()), (Some(220), Some("busy")));
    assert_eq!(details.retry_in_ms, Some(60_000));
    assert!(!details.resend, "a retry after a definite refusal is not a resend");
}

pub async fn a_refused_duplicate_makes_it_sent_and_records_the_evidence(h: &StoreHarness) {
    let id = h.resent(otp()).await;
    h.begin(id).await;
    let refused = Outcome::deferred(231, "again").repeated_within(secs(60));
    assert_eq!(h.settle_as(id, 2, refused, Verdict::SentBefore).await, Settled::Now(Status::Sent));
    let state = h.state(id).await;
    assert_eq!((state.status, state.provider_id, state.code), (Status::Sent, None, Some(231)));
    let event = h.last_event(id).await;
    assert_eq!(event.details.evidence, Some(Evidence::RepeatRefused));
    assert_eq!(
        event.details.outcome,
        Some(OutcomeClass::Deferred),
        "the answer of the provider is recorded"
    );
}
