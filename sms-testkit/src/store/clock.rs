//! Behaviours while the wall clock is set back or forward by an hour.

use std::time::Duration;

use sms_core::provider::Polling;
use sms_core::store::Inserted;
use sms_core::{Message, MessageId, Receipt, ReceiptState, Status};
use time::OffsetDateTime;

use super::steps::{
    ALL, BACKOFF, LEASE, PROVIDER, accepted, almost, deferred, message, otp, prepared, provider_id,
    secs, settlement,
};
use crate::harness::StoreHarness;

const HOUR: Duration = Duration::from_hours(1);
/// Tolerance for waits of a minute or two while store time returns to the wall clock: it may run
/// slower by a tenth.
const SLACK: Duration = Duration::from_secs(14);

/// Ids of the messages that are due.
async fn offered(h: &StoreHarness) -> Vec<MessageId> {
    h.due().await.into_iter().map(|job| job.id).collect()
}

/// A message that was deferred once, and is due again after [`BACKOFF`].
async fn retrying(h: &StoreHarness) -> MessageId {
    let id = h.sending(message()).await;
    h.settle(id, 1, deferred()).await;
    id
}

pub async fn a_clock_set_back_does_not_delay_a_message(h: &StoreHarness) {
    let id = h.queued(otp()).await;
    h.set_back(HOUR).await;
    assert_eq!(offered(h).await, [id]);
    h.begin(id).await;
}

pub async fn a_clock_set_back_does_not_delay_a_scheduled_message(h: &StoreHarness) {
    let at = h.now().await + secs(60);
    let id = h.queued(message().send_at(at)).await;
    h.set_back(HOUR).await;
    h.advance(secs(58)).await;
    assert_eq!(offered(h).await, [], "it is not early either");
    h.advance(SLACK).await;
    assert_eq!(offered(h).await, [id]);
    h.begin(id).await;
}

pub async fn a_clock_set_back_does_not_delay_a_retry(h: &StoreHarness) {
    let id = retrying(h).await;
    h.set_back(HOUR).await;
    h.advance(almost(BACKOFF)).await;
    assert_eq!(offered(h).await, [], "it is not early either");
    h.advance(SLACK).await;
    assert_eq!(offered(h).await, [id]);
    assert_eq!(h.begin(id).await.fence, 2);
}

pub async fn a_clock_set_back_does_not_prolong_a_lease(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.set_back(HOUR).await;
    h.advance(almost(LEASE)).await;
    assert_eq!(h.rescue().await, [], "it does not end early either");
    h.advance(SLACK).await;
    assert_eq!(h.rescue().await, [id]);
}

pub async fn a_clock_set_back_does_not_delay_a_status_query(h: &StoreHarness) {
    let id = h.sending(message()).await;
    let poll_after = Some(secs(60));
    h.settle_one(settlement(id, 1, accepted(id)).poll_after(poll_after)).await;
    h.set_back(HOUR).await;
    let polling = Polling::new(secs(60), HOUR, HOUR * 24, ALL);
    h.advance(secs(60) + SLACK).await;
    assert_eq!(h.awaiting(&polling).await, [provider_id(id)]);
}

pub async fn time_never_goes_back(h: &StoreHarness) {
    let mut times: Vec<OffsetDateTime> = vec![h.now().await];
    for _ in 0..3 {
        h.set_back(HOUR).await;
        times.push(h.now().await);
        h.advance(secs(1)).await;
        times.push(h.now().await);
    }
    assert!(times.is_sorted(), "{times:?}");
    assert!(times[6] - times[0] <= secs(4), "{times:?}");
}

pub async fn no_lease_ends_because_the_clock_was_set_forward(h: &StoreHarness) {
    let id = h.sending(otp()).await;
    h.set_forward(HOUR).await;
    assert_eq!(h.rescue().await, []);
    h.advance(almost(LEASE)).await;
    assert_eq!(h.rescue().await, []);
    assert_eq!(h.settle(id, 1, accepted(id)).await, sms_core::store::Settled::Now(Status::Sent));
}

pub async fn no_deadline_passes_because_the_clock_was_set_forward(h: &StoreHarness) {
    let id = h.queued(otp()).await;
    h.set_forward(HOUR).await;
    assert_eq!(h.expire().await, []);
    h.advance(secs(290)).await;
    assert_eq!(h.expire().await, [], "ten seconds of its five minutes are left");
    h.begin(id).await;
}

pub async fn no_retry_is_early_because_the_clock_was_set_forward(h: &StoreHarness) {
    let id = retrying(h).await;
    h.set_forward(HOUR).await;
    assert_eq!(offered(h).await, []);
    h.advance(almost(BACKOFF)).await;
    assert_eq!((offered(h).await, h.try_begin(&[id]).await), (vec![], vec![]));
    h.advance(secs(3)).await;
    assert_eq!(offered(h).await, [id]);
}

pub async fn no_key_is_free_early_because_the_clock_was_set_forward(h: &StoreHarness) {
    let keyed = || prepared(&message().key("order-1"));
    let (first, again) = (keyed(), keyed());
    h.insert(std::slice::from_ref(&first)).await;
    h.advance(HOUR * 71).await;
    h.set_forward(HOUR * 5).await;
    assert_eq!(h.insert(std::slice::from_ref(&again)).await, [Inserted::Replayed(first.id)]);
}

pub async fn a_clock_set_forward_and_back_changes_nothing(h: &StoreHarness) {
    let (waiting, held) = (h.queued(otp()).await, h.sending(otp()).await);
    for _ in 0..3 {
        h.set_forward(HOUR).await;
        assert_eq!((h.expire().await, h.rescue().await), (vec![], vec![]));
        h.set_back(HOUR * 2).await;
        assert_eq!((h.expire().await, h.rescue().await), (vec![], vec![]));
        h.set_forward(HOUR).await;
    }
    assert_eq!(offered(h).await, [waiting]);
    assert_eq!(h.status(held).await, Status::Sending);
}

pub async fn a_time_of_the_wall_clock_is_kept_by_a_message_accepted_after_a_jump(h: &StoreHarness) {
    for back in [true, false] {
        let wall = h.now().await;
        let wall = if back {
            h.set_back(HOUR).await;
            wall - HOUR
        } else {
            // The wall clock returns to the real time.
            h.set_forward(HOUR).await;
            wall
        };
        let at = wall + secs(60);
        let scheduled: Message = message().send_at(at);
        let id = h.queued(scheduled).await;
        assert_eq!(
            h.find(id).await.expect("stored").message.send_at,
            Some(at),
            "the time is stored as requested"
        );
        h.advance(secs(50)).await;
        assert_eq!(offered(h).await, []);
        h.advance(SLACK + secs(4)).await;
        assert_eq!(offered(h).await, [id]);
        h.begin(id).await;
    }
}

pub async fn a_submission_bears_its_deadline_by_the_wall_clock(h: &StoreHarness) {
    let wall = h.now().await;
    let id = h.queued(message().deadline(secs(300))).await;
    h.set_back(HOUR).await;
    let told = h.begin(id).await.submission.valid_until;
    let left = told - (wall - HOUR);
    assert!(left <= secs(302) && left >= secs(298), "the deadline for the provider is {left} away");
}

pub async fn store_time_returns_to_the_wall_clock(h: &StoreHarness) {
    let start = h.now().await;
    h.set_back(HOUR).await;
    for _ in 0..11 {
        h.advance(HOUR).await;
        h.now().await;
    }
    let wall = start + HOUR * 10;
    let apart = h.now().await - wall;
    assert!(apart.abs() <= secs(2), "{apart} apart after eleven hours");
}

pub async fn nothing_is_inferred_while_the_times_of_receipts_cannot_be_compared(h: &StoreHarness) {
    // Inference compares the times of attempts with those of receipts, which are the provider's.
    h.set_forward(HOUR).await;
    let wall = h.now().await + HOUR;
    h.unknown(message()).await;
    // The receipt was made before the attempt began, so it belongs to another message.
    let at = wall - secs(1200);
    let receipt = Receipt::new(PROVIDER, "other", ReceiptState::Delivered).at(Some(at));
    h.receive(receipt).await;
    assert_eq!(h.infer().await, []);
}
