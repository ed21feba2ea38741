use std::time::Duration;

use super::*;
use crate::clock::StoreTime;
use crate::message::Message;
use crate::provider::outcome::Outcome;
use crate::provider::receipt::ReceiptState;
use crate::store::decision::Verdict;
use crate::store::transition::HeldLease;

const NOW: i64 = 1_000;

/// A row of this status, with attempt 2 as the last one.
fn row(status: Status) -> LedgerRow {
    let message = Message::new("+79251234567", "hi").owner("a").prepare().expect("valid");
    let mut state = DeliveryState::accept(&message, StoreTime::of_wall(0), Duration::ZERO);
    (state.status, state.attempts, state.fence) = (status, 2, 2);
    state.provider = Some("p".to_owned());
    state.lease = (status == Status::Sending).then(|| HeldLease {
        worker: "w".to_owned(),
        batch: 1,
        since: 0,
        until: 10_000,
    });
    LedgerRow { id: message.id, owner: Some("a".to_owned()), state }
}

fn ledger_of(row: LedgerRow) -> (Ledger, MessageId) {
    let mut ledger = Ledger::new(NOW);
    let id = ledger.add(row);
    (ledger, id)
}

fn accepted(id: MessageId, fence: u32, provider_id: &str) -> Settlement {
    Settlement::new(id, fence, "p".to_owned(), Outcome::accepted(provider_id), Verdict::Sent)
}

fn resolve(id: MessageId, scope: Scope, provider_id: Option<&str>) -> ResolveRequest {
    ResolveRequest::new(
        id,
        Resolution::Sent { provider_id: provider_id.map(str::to_owned) },
        "olga".to_owned(),
        "seen".to_owned(),
    )
    .scope(scope)
}

#[test]
fn the_owner_settles_and_a_repeat_in_the_same_call_is_known() {
    let (mut ledger, id) = ledger_of(row(Status::Sending));
    let settlement = accepted(id, 2, "x");
    assert!(!ledger.needs_history(&settlement));
    assert_eq!(ledger.settle(&settlement, true), Settled::Now(Status::Sent));
    assert!(!ledger.needs_history(&settlement));
    assert_eq!(ledger.settle(&settlement, false), Settled::Known(Status::Sent));
    let changes = ledger.into_changes();
    assert_eq!((changes.rows.len(), changes.events.len(), changes.aliases.len()), (1, 1, 0));
    assert_eq!(changes.rows[0].state.lease, None);
}

#[test]
fn a_late_acceptance_under_another_id_adds_an_alias() {
    let (mut ledger, id) = ledger_of(row(Status::Sending));
    ledger.settle(&accepted(id, 2, "new"), false);
    let late = accepted(id, 1, "old");
    assert!(ledger.needs_history(&late));
    assert_eq!(ledger.settle(&late, false), Settled::Late(Status::Sent));
    let changes = ledger.into_changes();
    let name = ProviderRef { provider: "p".to_owned(), provider_id: "old".to_owned() };
    assert_eq!(changes.aliases, [Alias { name, message_id: id }]);
    assert_eq!(changes.rows[0].state.provider_id.as_deref(), Some("new"));
}

#[test]
fn an_outcome_in_the_log_changes_nothing() {
    let (mut ledger, id) = ledger_of(row(Status::Unknown));
    assert_eq!(ledger.settle(&accepted(id, 1, "x"), true), Settled::Known(Status::Unknown));
    assert_eq!(ledger.settle(&accepted(MessageId::new(), 1, "x"), false), Settled::Gone);
    assert!(ledger.into_changes().is_empty());
}

#[test]
fn a_joined_receipt_shows_in_the_answer() {
    let (mut ledger, id) = ledger_of(row(Status::Sending));
    let settled = ledger.settle(&accepted(id, 2, "x"), false);
    let receipt = Receipt::new("p", "x", ReceiptState::Delivered);
    assert_eq!(ledger.receive(id, &receipt), ReceiptEffect::Applied(id));
    assert_eq!(ledger.settled(settled, id), Settled::Now(Status::Delivered));
    assert_eq!(ledger.receive(MessageId::new(), &receipt), ReceiptEffect::Parked);
}

#[test]
fn a_person_resolves_only_unknown_messages_of_their_scope() {
    let (mut ledger, id) = ledger_of(row(Status::Unknown));
    let foreign = Scope::Owner("b".to_owned());
    let refused = ledger.resolve(resolve(id, foreign, None)).expect_err("another's");
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let own = Scope::Owner("a".to_owned());
    let name = ledger.resolve(resolve(id, own, Some("x"))).expect("resolved");
    let expected = ProviderRef { provider: "p".to_owned(), provider_id: "x".to_owned() };
    assert_eq!(name, Some(expected));
    assert_eq!(ledger.status(id).expect("here"), Status::Sent);
    let refused = ledger.resolve(resolve(id, Scope::All, None)).expect_err("sent");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(refused.to_string(), "the message is sent, not unknown");
}

#[test]
fn a_row_that_was_changed_is_not_loaded_over() {
    let loaded = row(Status::Queued);
    let (mut ledger, id) = ledger_of(loaded.clone());
    let request = CancelRequest::new(id, "olga".to_owned());
    assert_eq!(ledger.cancel(request).expect("cancelled"), Status::Cancelled);
    ledger.add(loaded);
    assert_eq!(ledger.status(id).expect("here"), Status::Cancelled);
}

/// A ledger with a message that was accepted under three ids.
fn ledger_of_parts() -> (Ledger, MessageId) {
    let (mut ledger, id) = ledger_of(row(Status::Sending));
    let outcome = Outcome::accepted_parts(["a", "b", "c"]);
    let settlement = Settlement::new(id, 2, "p", outcome, Verdict::Sent);
    assert_eq!(DeliveryState::plain(NOW, &settlement), None, "it has parts to write");
    assert_eq!(ledger.settle(&settlement, false), Settled::Now(Status::Sent));
    (ledger, id)
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

#[test]
fn receipts_of_three_parts_have_the_same_end_in_every_order() {
    use ReceiptState::{Delivered, InTransit, Undelivered};
    let ends = [
        ([Delivered, Delivered, Delivered], Status::Delivered),
        ([Delivered, Undelivered, Delivered], Status::Undelivered),
        ([Undelivered, InTransit, Undelivered], Status::Undelivered),
        ([Delivered, InTransit, Delivered], Status::Sent),
    ];
    for (states, end) in ends {
        let receipts: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .zip(states)
            .map(|(id, state)| Receipt::new("p", id, state).code(100, "words"))
            .collect();
        for order in ORDERS {
            let (mut ledger, id) = ledger_of_parts();
            for place in order {
                let receipt = &receipts[place];
                assert_eq!(ledger.receive(id, receipt), ReceiptEffect::Applied(id), "{order:?}");
                // A repeat at any moment is no news.
                assert_eq!(ledger.receive(id, receipt), ReceiptEffect::Ignored, "{order:?}");
            }
            assert_eq!(ledger.status(id).expect("here"), end, "{states:?} {order:?}");
            let events = ledger.into_changes().events;
            assert_eq!(events.len(), 4, "the attempt and each receipt, once");
        }
    }
}

#[test]
fn one_undelivered_part_ends_the_message_at_once() {
    let (mut ledger, id) = ledger_of_parts();
    let undelivered = Receipt::new("p", "b", ReceiptState::Undelivered).code(104, "expired");
    assert_eq!(ledger.receive(id, &undelivered), ReceiptEffect::Applied(id));
    assert_eq!(ledger.status(id).expect("here"), Status::Undelivered);
    let delivered = Receipt::new("p", "a", ReceiptState::Delivered).code(103, "delivered");
    assert_eq!(ledger.receive(id, &delivered), ReceiptEffect::Applied(id));
    let opposite = Receipt::new("p", "b", ReceiptState::Delivered).code(103, "delivered");
    assert_eq!(ledger.receive(id, &opposite), ReceiptEffect::Contradicted);
    let changes = ledger.into_changes();
    let state = &changes.rows[0].state;
    assert_eq!((state.status, state.code), (Status::Undelivered, Some(104)));
    let parts: Vec<_> = changes.events[1..].iter().map(|it| it.event.details.part_status).collect();
    let (delivered, undelivered) = (Some(Status::Delivered), Some(Status::Undelivered));
    assert_eq!(parts, [undelivered, delivered, undelivered]);
}

#[test]
fn the_ids_of_further_parts_are_aliases() {
    let (ledger, id) = ledger_of_parts();
    let changes = ledger.into_changes();
    assert_eq!(changes.rows[0].state.provider_id.as_deref(), Some("a"));
    let alias = |name| Alias { name: ProviderRef::new("p", name), message_id: id };
    assert_eq!(changes.aliases, [alias("b"), alias("c")]);
    assert_eq!(changes.events[0].event.details.provider_ids, ["a", "b", "c"]);
}

#[test]
fn a_late_acceptance_in_parts_counts_by_itself() {
    let (mut ledger, id) = ledger_of(row(Status::Sending));
    ledger.settle(&accepted(id, 2, "x"), false);
    let outcome = Outcome::accepted_parts(["a", "b"]);
    let late = Settlement::new(id, 1, "p", outcome, Verdict::Sent);
    assert_eq!(ledger.settle(&late, false), Settled::Late(Status::Sent));
    let delivered = |name| Receipt::new("p", name, ReceiptState::Delivered);
    ledger.receive(id, &delivered("a"));
    assert_eq!(ledger.status(id).expect("here"), Status::Sent);
    ledger.receive(id, &delivered("b"));
    assert_eq!(ledger.status(id).expect("here"), Status::Delivered);
    assert_eq!(ledger.into_changes().rows[0].state.provider_id.as_deref(), Some("x"));
}
