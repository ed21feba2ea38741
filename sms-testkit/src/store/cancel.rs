//! `queued → cancelled | unknown`, by the caller.

use sms_core::{ErrorKind, EventKind, MessageId, Scope, Status};

use super::steps::{message, otp, secs};
use crate::harness::StoreHarness;

pub async fn a_queued_message_becomes_cancelled(h: &StoreHarness) {
    let id = h.queued(message()).await;
    assert_eq!(h.cancel(id).await.expect("cancel"), Status::Cancelled);
    assert_eq!(h.status(id).await, Status::Cancelled);
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.status), (EventKind::Cancelled, Status::Cancelled));
    assert_eq!(event.details.by.as_deref(), Some("olga"));
}

pub async fn a_message_that_may_have_been_accepted_becomes_unknown(h: &StoreHarness) {
    let id = h.resent(otp()).await;
    assert_eq!(h.cancel(id).await.expect("cancel"), Status::Unknown);
    assert_eq!(h.status(id).await, Status::Unknown);
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.status), (EventKind::Cancelled, Status::Unknown));
}

pub async fn a_cancelled_message_is_not_sent(h: &StoreHarness) {
    let at = h.now().await + secs(10);
    let id = h.queued(message().send_at(at)).await;
    h.cancel(id).await.expect("a scheduled message can be cancelled");
    h.advance(secs(11)).await;
    assert_eq!(h.due().await, []);
    assert_eq!(h.try_begin(&[id]).await, []);
}

pub async fn a_message_that_is_not_queued_is_a_conflict(h: &StoreHarness) {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Queued) {
        let id = h.in_status(status).await;
        let before = (h.find(id).await, h.timeline(id).await);
        let error = h.cancel(id).await.expect_err("only a queued message can be cancelled");
        assert_eq!(error.kind(), ErrorKind::Conflict, "a message that is {status}");
        assert_eq!((h.find(id).await, h.timeline(id).await), before, "a message that is {status}");
    }
}

pub async fn a_message_of_another_owner_is_not_found(h: &StoreHarness) {
    let id = h.queued(message().owner("shop")).await;
    let error =
        h.cancel_in(Scope::Owner("bank".to_owned()), id).await.expect_err("it is the shop's");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(h.status(id).await, Status::Queued);
    h.cancel_in(Scope::Owner("shop".to_owned()), id).await.expect("it is the shop's");
}

pub async fn a_message_of_another_owner_is_not_found_in_any_state(h: &StoreHarness) {
    let id = h.sent(message().owner("shop")).await;
    let error =
        h.cancel_in(Scope::Owner("bank".to_owned()), id).await.expect_err("it is the shop's");
    assert_eq!(
        error.kind(),
        ErrorKind::NotFound,
        "a conflict would reveal that the message exists"
    );
}

pub async fn a_message_that_is_not_there_is_not_found(h: &StoreHarness) {
    let error = h.cancel(MessageId::new()).await.expect_err("there is no such message");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
