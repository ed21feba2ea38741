//! `unknown → sent | failed | queued`, by an operator.

use sms_core::store::Resolution;
use sms_core::{ErrorKind, EventKind, MessageId, ReceiptState, Scope, Status};

use super::polling::POLLING;
use super::steps::{LEASE, accepted, kinds, message, provider_id, receipt, secs};
use crate::harness::StoreHarness;

const SENT: Resolution = Resolution::Sent { provider_id: None };

async fn expect_resolved(h: &StoreHarness, resolution: Resolution, to: Status) -> MessageId {
    let id = h.unknown(message()).await;
    assert_eq!(h.resolve(id, resolution.clone()).await.expect("resolve"), to);
    let state = h.state(id).await;
    assert_eq!((state.status, state.reason.as_deref()), (to, Some("she asked the provider")));
    let event = h.last_event(id).await;
    assert_eq!((event.kind, event.status), (EventKind::Resolved, to));
    assert_eq!(event.details.by.as_deref(), Some("olga"));
    assert_eq!(event.details.text.as_deref(), Some("she asked the provider"));
    assert_eq!(event.details.resend, resolution == Resolution::Resend);
    id
}

pub async fn an_operator_may_say_it_was_sent(h: &StoreHarness) {
    expect_resolved(h, SENT, Status::Sent).await;
}

pub async fn an_operator_may_say_it_was_not_sent(h: &StoreHarness) {
    expect_resolved(h, Resolution::Failed, Status::Failed).await;
}

pub async fn an_operator_may_resend_it(h: &StoreHarness) {
    let id = expect_resolved(h, Resolution::Resend, Status::Queued).await;
    assert_eq!(h.state(id).await.resends, 1, "a manual resend is counted, too");
    assert_eq!(h.due().await.iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
    let begun = h.begin(id).await;
    assert_eq!((begun.fence, begun.attempt.resends), (2, 1));
}

pub async fn a_resend_gets_a_new_deadline(h: &StoreHarness) {
    let id = h.sending(message().deadline(secs(60))).await;
    h.advance(secs(600)).await;
    assert_eq!(h.rescue().await, [id]);
    h.resolve(id, Resolution::Resend).await.expect("resolve");
    let state = h.state(id).await;
    assert_eq!((state.due_at, state.valid_until), (state.updated_at, state.updated_at + secs(60)));
    assert_eq!(h.expire().await, []);
    h.begin(id).await;
}

pub async fn after_an_operators_resend_a_vanished_worker_leaves_it_unknown(h: &StoreHarness) {
    let id = expect_resolved(h, Resolution::Resend, Status::Queued).await;
    h.begin(id).await;
    h.advance(LEASE + secs(1)).await;
    assert_eq!(h.rescue().await, [id]);
    assert_eq!(h.status(id).await, Status::Unknown);
}

pub async fn a_message_that_is_not_unknown_is_a_conflict(h: &StoreHarness) {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Unknown) {
        let id = h.in_status(status).await;
        let before = (h.find(id).await, h.timeline(id).await);
        for resolution in [SENT, Resolution::Failed, Resolution::Resend] {
            let error = h
                .resolve(id, resolution)
                .await
                .expect_err("only an unknown message can be resolved");
            assert_eq!(error.kind(), ErrorKind::Conflict, "a message that is {status}");
        }
        assert_eq!((h.find(id).await, h.timeline(id).await), before, "a message that is {status}");
    }
}

pub async fn a_message_of_another_owner_is_not_found(h: &StoreHarness) {
    let id = h.unknown(message().owner("shop")).await;
    let bank = Scope::Owner("bank".to_owned());
    let error = h.resolve_in(bank, id, SENT).await.expect_err("it is the shop's");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(h.status(id).await, Status::Unknown);
    let shop = Scope::Owner("shop".to_owned());
    h.resolve_in(shop, id, SENT).await.expect("it is the shop's");
}

pub async fn a_message_that_is_not_there_is_not_found(h: &StoreHarness) {
    let error = h.resolve(MessageId::new(), SENT).await.expect_err("there is no such message");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

pub async fn an_operator_may_name_the_provider_id_and_its_receipts_are_joined(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    let named = Resolution::Sent { provider_id: Some(provider_id(id)) };
    assert_eq!(h.resolve(id, named).await.expect("resolve"), Status::Delivered);
    assert_eq!(h.state(id).await.provider_id, Some(provider_id(id)));
    let expected = [(EventKind::Resolved, Status::Sent), (EventKind::Receipt, Status::Delivered)];
    assert_eq!(kinds(&h.timeline(id).await)[1..], expected);
}

pub async fn a_message_with_a_named_provider_id_is_asked_about_at_once(h: &StoreHarness) {
    let (named, unnamed) = (h.unknown(message()).await, h.unknown(message()).await);
    let resolution = Resolution::Sent { provider_id: Some(provider_id(named)) };
    assert_eq!(h.resolve(named, resolution).await.expect("resolve"), Status::Sent);
    assert_eq!(h.resolve(unnamed, SENT).await.expect("resolve"), Status::Sent);
    assert_eq!(h.awaiting(&POLLING).await, [provider_id(named)]);
}

pub async fn the_provider_id_of_another_message_is_refused(h: &StoreHarness) {
    let (sent, id) = (h.sent(message()).await, h.unknown(message()).await);
    let named = Resolution::Sent { provider_id: Some(provider_id(sent)) };
    let before = h.find(id).await;
    let error = h.resolve(id, named).await.expect_err("another message has this id");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(h.find(id).await, before);
    assert_eq!(h.settle(id, 1, accepted(id)).await, sms_core::store::Settled::Late(Status::Sent));
}
