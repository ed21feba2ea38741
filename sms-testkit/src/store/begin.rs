//! `queued → sending`.

use sms_core::store::CLOCK_DIFFERENCE;
use sms_core::store::decision::{AttemptState, Verdict};
use sms_core::{Class, MessageId, OnUnknown, Status, Submission};

use super::steps::{
    BACKOFF, LEASE, PROVIDER, accepted, almost, batch, begun_ids, deferred, ids_of, message, otp,
    prepared, secs, some, unknown,
};
use crate::harness::StoreHarness;

pub async fn a_queued_message_becomes_sending_under_a_lease(h: &StoreHarness) {
    let id = h.queued(message()).await;
    h.begin_by("worker-7", batch(), &[id]).await;
    let state = h.state(id).await;
    assert_eq!((state.status, state.attempts, state.fence), (Status::Sending, 1, 1));
    let lease = state.lease.expect("a message that is sending has a lease");
    assert_eq!((lease.worker.as_str(), lease.since), ("worker-7", state.updated_at));
    assert_eq!(lease.until, lease.since + LEASE);
}

pub async fn every_attempt_has_a_fence_of_its_own(h: &StoreHarness) {
    let id = h.queued(message()).await;
    for attempt in 1..=3 {
        let begun = h.begin(id).await;
        assert_eq!((begun.fence, begun.attempt.attempt), (attempt, attempt));
        h.settle(id, begun.fence, deferred()).await;
        h.advance(BACKOFF + secs(1)).await;
    }
}

pub async fn a_submission_carries_the_whole_message(h: &StoreHarness) {
    let asked =
        message().class(Class::Marketing).from("Acme").translit(true).end_user_ip("192.0.2.7");
    let message = prepared(&asked);
    h.insert(std::slice::from_ref(&message)).await;
    let begun = h.begin(message.id).await;
    let mut expected = Submission::new(message.id, message.to, message.text);
    expected.from = message.from;
    expected.class = message.class;
    expected.options = message.options;
    expected.valid_until = h.state(message.id).await.valid_until;
    assert!(begun.submission == expected, "every field of the submission is the message's");
}

pub async fn an_attempt_knows_its_policy(h: &StoreHarness) {
    let id = h.queued(otp().max_attempts(7)).await;
    let on_unknown = OnUnknown::ResendOnce;
    let first = AttemptState::new(1, 7, 0, on_unknown);
    assert_eq!(h.begin(id).await.attempt, first);
    h.settle_as(id, 1, unknown(), sms_core::store::decision::Verdict::Resend { after: secs(5) })
        .await;
    h.advance(secs(6)).await;
    let second = h.begin(id).await.attempt;
    assert!(second.unknown_before.is_some());
    let resent = AttemptState::new(2, first.max_attempts, 1, first.on_unknown);
    assert_eq!(second.unknown_before(None), resent);
}

pub async fn a_message_its_caller_pushes_can_be_begun_at_once(h: &StoreHarness) {
    let batch = some(1);
    h.insert_pushing(&batch, secs(3600)).await;
    h.begin(batch[0].id).await;
}

pub async fn a_message_that_is_not_due_is_left_out(h: &StoreHarness) {
    let at = h.now().await + secs(10);
    let id = h.queued(message().send_at(at)).await;
    h.advance(secs(8)).await;
    assert_eq!(h.try_begin(&[id]).await, []);
    assert_eq!(h.status(id).await, Status::Queued);
    h.advance(secs(3)).await;
    h.begin(id).await;
}

pub async fn a_message_that_is_due_by_the_clock_of_another_node_is_begun(h: &StoreHarness) {
    let soon = h.now().await + CLOCK_DIFFERENCE / 2;
    let id = h.queued(message().send_at(soon)).await;
    assert_eq!(begun_ids(&h.try_begin(&[id]).await), [id]);
}

pub async fn a_retry_is_left_out_until_it_is_due(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.settle(id, 1, deferred()).await;
    h.advance(almost(BACKOFF)).await;
    assert_eq!(h.try_begin(&[id]).await, []);
    h.advance(secs(3)).await;
    assert_eq!(h.begin(id).await.fence, 2);
}

pub async fn a_message_past_its_deadline_is_left_out(h: &StoreHarness) {
    let id = h.queued(message().deadline(secs(5))).await;
    h.advance(secs(6)).await;
    assert_eq!(h.try_begin(&[id]).await, []);
    assert_eq!(h.status(id).await, Status::Queued);
}

pub async fn only_a_queued_message_is_begun(h: &StoreHarness) {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Queued) {
        let id = h.in_status(status).await;
        let before = h.find(id).await;
        assert_eq!(h.try_begin(&[id]).await, [], "a message that is {status} must not be begun");
        assert_eq!(h.find(id).await, before, "a message that is {status} must stay as it is");
    }
}

pub async fn a_message_with_an_expired_lease_is_not_begun_again(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.advance(LEASE + secs(60)).await;
    assert_eq!(h.try_begin(&[id]).await, []);
    assert_eq!(h.state(id).await.fence, 1);
}

pub async fn an_unknown_id_is_left_out(h: &StoreHarness) {
    assert_eq!(h.try_begin(&[MessageId::new()]).await, []);
    assert_eq!(h.try_begin(&[]).await, []);
}

pub async fn an_id_named_twice_is_begun_once(h: &StoreHarness) {
    let id = h.queued(message()).await;
    assert_eq!(begun_ids(&h.try_begin(&[id, id]).await), [id]);
    assert_eq!(h.state(id).await.fence, 1);
}

pub async fn one_that_cannot_be_begun_does_not_spoil_the_others(h: &StoreHarness) {
    let (first, last) = (h.queued(message()).await, h.queued(message()).await);
    let sent = h.sent(message()).await;
    let begun = h.try_begin(&[first, sent, MessageId::new(), last]).await;
    assert_eq!(begun_ids(&begun), [first, last]);
}

pub async fn a_repeat_of_the_same_batch_gets_the_same_answer(h: &StoreHarness) {
    let ids = ids_of(&{
        let batch = some(3);
        h.insert(&batch).await;
        batch
    });
    let number = batch();
    let mut first = h.begin_by("worker-1", number, &ids).await;
    let mut again = h.begin_by("worker-1", number, &ids).await;
    for answer in [&mut first, &mut again] {
        answer.sort_by_key(|begun| begun.submission.id);
    }
    assert_eq!(first.len(), 3);
    assert_eq!(again, first, "a begin can be repeated if its answer was lost");
}

pub async fn another_worker_gets_nothing_of_a_batch_that_is_begun(h: &StoreHarness) {
    let id = h.queued(message()).await;
    h.begin_by("worker-1", 1, &[id]).await;
    assert_eq!(
        h.begin_by("worker-2", 1, &[id]).await,
        [],
        "another worker may use the same batch number"
    );
    assert_eq!(h.begin_by("worker-1", 2, &[id]).await, [], "another batch number is not a repeat");
}

pub async fn a_repeat_after_the_settlement_begins_nothing(h: &StoreHarness) {
    let id = h.queued(message()).await;
    let number = batch();
    h.begin_by("worker-1", number, &[id]).await;
    h.settle(id, 1, accepted(id)).await;
    assert_eq!(h.begin_by("worker-1", number, &[id]).await, []);
}

pub async fn the_provider_to_be_asked_is_on_record(h: &StoreHarness) {
    let id = h.sending(message()).await;
    assert_eq!(h.state(id).await.provider.as_deref(), Some(PROVIDER));
}

pub async fn the_time_since_an_attempt_of_unknown_outcome_is_told(h: &StoreHarness) {
    let id = h.sending(otp()).await;
    h.settle_as(id, 1, unknown(), Verdict::Resend { after: secs(5) }).await;
    h.advance(secs(6)).await;
    let since =
        h.begin(id).await.attempt.unknown_before.expect("an attempt has an unknown outcome");
    assert!((secs(6)..secs(9)).contains(&since), "{since:?}");
    assert_eq!(h.lease_ends().await, [id]);
    let unknown_at = h.state(id).await.unknown_at.expect("an attempt has an unknown outcome");
    let since = h.now().await - unknown_at;
    assert!(
        (LEASE..LEASE + secs(4)).contains(&since.unsigned_abs()),
        "the time of attempt 2 counts: {since}"
    );
}
