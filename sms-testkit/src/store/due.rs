//! Claims of due messages, which are then offered to a queue.

use sms_core::PerLane;
use std::time::Duration;

use sms_core::store::DueRequest;
use sms_core::{Class, Job, Lane, Status};

use super::steps::{BACKOFF, almost, deferred, ids_of, message, prepared, secs, some, sorted};
use crate::harness::StoreHarness;

pub async fn a_waiting_message_is_offered_with_its_lane(h: &StoreHarness) {
    for class in Class::ALL {
        let id = h.queued(message().class(class)).await;
        assert_eq!(h.due().await, [Job::new(id, class.policy().lane)]);
    }
}

pub async fn the_urgent_lane_is_offered_first(h: &StoreHarness) {
    for class in [Class::Marketing, Class::Service, Class::Otp, Class::Service] {
        h.queued(message().class(class)).await;
    }
    let lanes: Vec<_> = h.due().await.iter().map(|job| job.lane).collect();
    assert_eq!(lanes, [Lane::Urgent, Lane::Normal, Lane::Normal, Lane::Bulk]);
}

pub async fn the_longest_due_is_offered_first(h: &StoreHarness) {
    let now = h.now().await;
    let mut expected = Vec::new();
    for wait in [30, 10, 20] {
        expected.push((wait, h.queued(message().send_at(now + secs(wait))).await));
    }
    expected.sort_unstable();
    h.advance(secs(40)).await;
    let offered: Vec<_> = h.due().await.iter().map(|job| job.id).collect();
    assert_eq!(offered, expected.iter().map(|(_, id)| *id).collect::<Vec<_>>());
}

pub async fn each_lane_has_its_own_limit(h: &StoreHarness) {
    for class in [Class::Otp, Class::Service, Class::Marketing].repeat(4) {
        h.queued(message().class(class)).await;
    }
    let jobs = h.due_up_to([2, 0, 3]).await;
    let count = |lane| jobs.iter().filter(|job| job.lane == lane).count();
    assert_eq!(Lane::ALL.map(count), [2, 0, 3]);
    assert_eq!(h.due().await.len(), 12 - 5, "messages over the limit are still to be offered");
}

pub async fn ahead_offers_again_early_but_never_before_a_message_is_due(h: &StoreHarness) {
    let id = h.queued(message()).await;
    h.queued(message().send_at(h.now().await + secs(10))).await;
    let ahead = DueRequest::new(PerLane::all(10), secs(30)).ahead(secs(15));
    assert_eq!(h.due().await.len(), 1);
    h.advance(secs(6)).await;
    assert_eq!(h.due().await, []);
    assert_eq!(h.store().due(ahead.clone()).await.expect("due"), [Job::new(id, Lane::Normal)]);
    assert_eq!(h.store().due(ahead).await.expect("due"), []);
}

pub async fn an_offered_message_is_not_offered_again_too_early(h: &StoreHarness) {
    h.queued(message()).await;
    assert_eq!(h.due().await.len(), 1);
    for _ in 0..2 {
        h.advance(secs(9)).await;
        assert_eq!(h.due().await, []);
    }
}

pub async fn an_offered_message_that_is_not_taken_is_offered_again(h: &StoreHarness) {
    h.queued(message()).await;
    let first = h.due().await;
    h.advance(secs(21)).await;
    assert_eq!(h.due().await, first);
}

pub async fn a_message_its_caller_pushes_is_left_alone_for_a_while(h: &StoreHarness) {
    let batch = some(2);
    h.insert_pushing(&batch, secs(10)).await;
    h.advance(secs(8)).await;
    assert_eq!(h.due().await, []);
    h.advance(secs(3)).await;
    let offered = h.due().await.iter().map(|job| job.id).collect();
    assert_eq!(sorted(offered), ids_of(&batch));
}

pub async fn a_scheduled_message_is_offered_at_its_time_even_if_its_caller_pushes(
    h: &StoreHarness,
) {
    let at = h.now().await + secs(10);
    h.insert_pushing(&[prepared(&message().send_at(at))], Duration::from_hours(1)).await;
    h.advance(secs(11)).await;
    assert_eq!(h.due().await.len(), 1);
}

pub async fn a_scheduled_message_is_not_offered_early(h: &StoreHarness) {
    let at = h.now().await + secs(10);
    h.queued(message().send_at(at)).await;
    h.advance(secs(8)).await;
    assert_eq!(h.due().await, []);
}

pub async fn a_message_past_its_deadline_is_not_offered(h: &StoreHarness) {
    h.queued(message().deadline(secs(5))).await;
    h.advance(secs(6)).await;
    assert_eq!(h.due().await, []);
}

pub async fn only_a_queued_message_is_offered(h: &StoreHarness) {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Queued) {
        h.in_status(status).await;
    }
    h.advance(secs(3600)).await;
    assert_eq!(h.due().await, []);
}

pub async fn a_retry_is_offered_when_it_is_due_and_not_before(h: &StoreHarness) {
    let id = h.sending(message()).await;
    h.settle(id, 1, deferred()).await;
    h.advance(almost(BACKOFF)).await;
    assert_eq!(h.due().await, []);
    h.advance(secs(3)).await;
    assert_eq!(h.due().await, [Job::new(id, Lane::Normal)]);
}
