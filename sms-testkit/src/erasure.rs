//! Behaviours of every [`Erasure`]. [`erasure!`](crate::erasure!) makes a test of each.

#![allow(missing_docs, reason = "the name of each function says what it checks")]

use serde_json::json;
use sms_core::erasure::{
    EraseMessages, EraseNumber, ErasedNumber, Erasure, RemoveTexts, RemovedTexts,
};
use sms_core::message::Resend;
use sms_core::store::{BulkResult, ListRequest, MessageRequest};
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::worklists::requests::{AppendItems, ItemsRequest};
use sms_core::{
    Message, MessageId, PhoneNumber, Receipt, ReceiptState, Scope, SendOptions, Status,
    StoredMessage,
};

use crate::harness::ErasureHarness;
use crate::store::steps::{ALL, DAY, accepted, message, prepared, receipt, secs};

/// The number that is erased, which the messages of the suite have.
const NUMBER: &str = "+79251234567";
const DIGITS: &str = "79251234567";
const OTHER: &str = "+79257654321";

fn number() -> PhoneNumber {
    PhoneNumber::parse(NUMBER).expect("a number")
}

/// A message with everything that may tell who its recipient is.
fn personal(key: &str) -> Message {
    let metadata = json!({"phone": NUMBER});
    message()
        .owner("shop")
        .from("Acme")
        .key(format!("{key}:{NUMBER}"))
        .reference(format!("order of {NUMBER}"))
        .metadata(metadata.as_object().expect("an object").clone())
        .end_user_ip("2001:db8::1")
        .resend(Resend::new(MessageId::from_bytes([1; 16]), format!("{NUMBER} called"), "op"))
}

impl ErasureHarness {
    async fn erase(&self, ids: &[MessageId]) -> Vec<BulkResult> {
        self.erasure.erase(EraseMessages::new(ids.to_vec())).await.expect("erase")
    }

    async fn erase_number(&self, limit: usize) -> ErasedNumber {
        self.erasure.erase_number(EraseNumber::new(number(), limit)).await.expect("erase_number")
    }

    async fn remove_texts(&self, request: RemoveTexts) -> RemovedTexts {
        self.erasure.remove_texts(request).await.expect("remove_texts")
    }

    async fn find(&self, id: MessageId) -> StoredMessage {
        self.messages.find(id).await.expect("the message is stored")
    }

    async fn list(&self, request: ListRequest) -> Vec<MessageId> {
        let page = self.messages.store.list(&request).await.expect("a list");
        page.messages.iter().map(|stored| stored.message.id).collect()
    }

    async fn delivered(&self, message: Message) -> MessageId {
        let id = self.messages.sent(message).await;
        let told = receipt(id, ReceiptState::Delivered).code(103, format!("to {NUMBER}"));
        self.messages.receive(told).await;
        id
    }
}

pub async fn an_erased_message_keeps_the_fact_that_it_was_sent(h: &ErasureHarness) {
    let id = h.delivered(personal("k")).await;
    let before = h.find(id).await;
    assert_eq!(h.erase(&[id]).await, [BulkResult::Done(Status::Delivered)]);
    let StoredMessage { message, state, .. } = h.find(id).await;
    assert!(message.is_erased());
    assert_eq!(
        (message.text.as_str(), &message.reference, message.key.is_none()),
        ("", &None, true)
    );
    assert!(message.metadata.is_empty() && message.options == SendOptions::default());
    let resend = message.resend.as_ref().expect("the link stays");
    assert_eq!((resend.of, resend.reason.as_str()), (MessageId::from_bytes([1; 16]), ""));
    assert_eq!(state.reason, None);
    let kept = |it: &StoredMessage| {
        (
            (it.message.owner.clone(), it.message.from.clone(), it.message.class, it.message.parts),
            (it.state.status, it.state.created_at, it.state.updated_at, it.state.attempts),
            (it.state.provider.clone(), it.state.provider_id.clone(), it.state.code),
        )
    };
    assert_eq!(kept(&h.find(id).await), kept(&before));
    let events = h.messages.store.timeline(&MessageRequest::new(id)).await.expect("a timeline");
    assert_eq!(events.len(), 2, "the steps stay");
    assert!(events.iter().all(|event| event.details.text.is_none()), "{events:?}");
    assert_eq!(events.last().and_then(|event| event.details.code), Some(103));
}

pub async fn the_key_of_an_erased_message_is_free(h: &ErasureHarness) {
    let id = h.delivered(personal("k")).await;
    h.erase(&[id]).await;
    let other = Message::new(OTHER, "hi").owner("shop").key(format!("k:{NUMBER}"));
    assert!(h.messages.insert(&[prepared(&other)]).await[0].is_stored());
}

pub async fn a_message_that_may_still_be_sent_keeps_its_recipient(h: &ErasureHarness) {
    for status in Status::ALL {
        let id = h.messages.in_status(status).await;
        let before = h.find(id).await;
        let result = h.erase(&[id]).await;
        if matches!(status, Status::Queued | Status::Sending | Status::Unknown) {
            assert_eq!(result, [BulkResult::Refused(status)]);
            assert!(h.find(id).await == before, "nothing is written");
        } else {
            assert_eq!(result, [BulkResult::Done(status)]);
            assert!(h.find(id).await.message.is_erased());
        }
    }
}

pub async fn erasing_again_is_answered_as_the_first_time(h: &ErasureHarness) {
    let id = h.delivered(personal("k")).await;
    let first = h.erase(&[id]).await;
    let erased = h.find(id).await;
    assert_eq!(h.erase(&[id]).await, first);
    assert!(h.find(id).await == erased);
}

pub async fn only_messages_in_the_scope_are_erased(h: &ErasureHarness) {
    let own = h.delivered(personal("a").owner("shop")).await;
    let foreign = h.delivered(personal("b").owner("bank")).await;
    let request = EraseMessages::new(vec![own, foreign, MessageId::new()]);
    let request = request.scope(Scope::Owner("shop".to_owned()));
    let results = h.erasure.erase(request).await.expect("erase");
    assert_eq!(results, [BulkResult::Done(Status::Delivered), BulkResult::Gone, BulkResult::Gone]);
    assert!(!h.find(foreign).await.message.is_erased());
    assert_eq!(h.erase(&[]).await, []);
}

pub async fn an_erased_message_is_found_by_neither_number_nor_text(h: &ErasureHarness) {
    let id = h.delivered(personal("k")).await;
    let searches = || {
        let all = ListRequest::new(ALL);
        let reference = Some(format!("order of {NUMBER}"));
        [
            all.clone().to(Some(number())),
            all.clone().search(Some("1234".to_owned())),
            all.clone().search(Some(DIGITS.to_owned())),
            all.reference(reference),
        ]
    };
    for request in searches() {
        assert_eq!(h.list(request).await, [id]);
    }
    h.erase(&[id]).await;
    for request in searches() {
        assert_eq!(h.list(request).await, []);
    }
    assert_eq!(h.list(ListRequest::new(ALL).statuses([Status::Delivered])).await, [id]);
}

pub async fn an_erased_message_takes_receipts(h: &ErasureHarness) {
    let id = h.messages.sent(message()).await;
    h.erase(&[id]).await;
    h.messages.receive(receipt(id, ReceiptState::Delivered)).await;
    assert_eq!(h.messages.status(id).await, Status::Delivered);
    // A late answer of its attempt is recorded as well.
    h.messages.settle(id, 1, accepted(id)).await;
    assert_eq!(h.messages.status(id).await, Status::Delivered);
}

pub async fn a_number_is_erased_in_steps(h: &ErasureHarness) {
    let mut ended = Vec::new();
    for key in ["a", "b", "c", "d", "e"] {
        ended.push(h.delivered(personal(key)).await);
    }
    let other = h.delivered(Message::new(OTHER, "hi")).await;
    let waiting = h.messages.queued(message()).await;
    let mut steps = Vec::new();
    loop {
        let step = h.erase_number(2).await;
        steps.push((step.messages, step.remaining));
        if !step.has_more {
            break;
        }
    }
    assert_eq!(steps, [(2, 0), (2, 0), (1, 1)]);
    for id in ended {
        assert!(h.find(id).await.message.is_erased());
    }
    for id in [other, waiting] {
        assert!(!h.find(id).await.message.is_erased());
    }
    h.messages.cancel(waiting).await.expect("it waits");
    let last = h.erase_number(2).await;
    assert_eq!((last.messages, last.remaining, last.has_more), (1, 0, false));
    assert_eq!(h.erase_number(2).await, ErasedNumber::default(), "nothing is left");
}

pub async fn unmatched_receipts_with_the_number_are_removed(h: &ErasureHarness) {
    let told = |id: &str, text: String| {
        Receipt::new("testkit", id, ReceiptState::Delivered).code(103, text)
    };
    h.messages.receive(told("a", format!("to {NUMBER}"))).await;
    h.messages.receive(told("b", format!("to {OTHER}"))).await;
    assert_eq!(h.erase_number(10).await.receipts, 1);
    let left = h.messages.unmatched().await;
    assert_eq!(left.iter().map(|it| it.provider_id.as_str()).collect::<Vec<_>>(), ["b"]);
}

pub async fn ended_items_with_the_number_are_emptied(h: &ErasureHarness) {
    let item = |number: u64, payload: &str| WorkItem::new(number, payload.to_owned());
    let with = format!("{{\"to\":\"{NUMBER}\",\"text\":\"Код 1234\"}}");
    let items = vec![
        item(1, &with).ended(ItemState::Done, Some("sent".to_owned())),
        item(2, OTHER).ended(ItemState::Failed, Some(format!("{NUMBER} is wrong"))),
        item(3, &with),
        item(4, OTHER).ended(ItemState::Done, None::<String>),
    ];
    h.worklists.append(AppendItems::new("a", items)).await.expect("append");
    let steps = [h.erase_number(1).await, h.erase_number(1).await, h.erase_number(1).await];
    assert_eq!(steps.map(|step| (step.items, step.has_more)), [(1, true), (1, true), (0, false)]);
    let left = h.worklists.items(&ItemsRequest::new("a", 10)).await.expect("items");
    let left: Vec<_> = left.into_iter().map(|it| (it.payload, it.state, it.result)).collect();
    assert_eq!(
        left,
        [
            (String::new(), ItemState::Done, None),
            (String::new(), ItemState::Failed, None),
            (with, ItemState::Pending, None),
            (OTHER.to_owned(), ItemState::Done, None),
        ]
    );
}

pub async fn ended_items_with_the_number_in_any_spelling_are_emptied(h: &ErasureHarness) {
    // The national spellings are those of the default region of stores, Russia.
    let spellings = [
        "8 (925) 123-45-67",
        "89251234567",
        "9251234567",
        "925.123.45.67",
        "+7\u{a0}925\u{a0}123-45-67",
        "8\u{2009}925\u{202f}1234567",
        "Anna, 8 925 1234567, and Ivan",
    ];
    let row = |to: &str| json!({"row": 7, "to": to, "values": ["8"]}).to_string();
    let wrong = |value: &str| json!([{"column": "phone", "value": value}]).to_string();
    let mut items = Vec::new();
    for (spelling, place) in spellings.iter().zip((0..).step_by(2)) {
        let in_payload = WorkItem::new(place, row(spelling));
        items.push(in_payload.ended(ItemState::Skipped, None::<String>));
        let in_result = WorkItem::new(place + 1, row("nobody"));
        items.push(in_result.ended(ItemState::Skipped, Some(wrong(spelling))));
    }
    let others = [row("8 (925) 123-45-68"), row("925"), row("+7 925 123"), row("25 123-45-67")];
    for (payload, place) in others.iter().zip(100..) {
        let item = WorkItem::new(place, payload.clone());
        items.push(item.ended(ItemState::Skipped, Some(wrong("123-45-67"))));
    }
    items.push(WorkItem::new(200, row(spellings[0])));
    h.worklists.append(AppendItems::new("a", items)).await.expect("append");
    assert_eq!(h.erase_number(100).await.items, 2 * spellings.len());
    let left = h.worklists.items(&ItemsRequest::new("a", 100)).await.expect("items");
    let left = left.into_iter().filter(|it| !it.payload.is_empty()).map(|it| it.number);
    assert_eq!(left.collect::<Vec<_>>(), [100, 101, 102, 103, 200]);
}

pub async fn texts_of_old_messages_are_removed_in_steps(h: &ErasureHarness) {
    let mut old = Vec::new();
    for _ in 0..5 {
        old.push(h.messages.in_status(Status::Delivered).await);
    }
    let unknown = h.messages.in_status(Status::Unknown).await;
    h.messages.advance(2 * DAY).await;
    let young = h.messages.in_status(Status::Delivered).await;
    let (mut request, mut removed, mut calls) = (RemoveTexts::new(DAY, 3), 0, 0);
    loop {
        let step = h.remove_texts(request).await;
        (removed, calls) = (removed + step.removed, calls + 1);
        assert!(step.removed <= 3, "a step is bounded");
        request = request.after(step.position);
        if !step.has_more {
            break;
        }
    }
    assert_eq!((removed, calls), (5, 3));
    for id in old {
        let StoredMessage { message, .. } = h.find(id).await;
        assert_eq!((message.text.as_str(), message.to), ("", number()));
    }
    for id in [unknown, young] {
        assert!(!h.find(id).await.message.text.is_empty());
    }
    assert_eq!(h.remove_texts(request).await.removed, 0, "it goes on where it was");
    h.messages.advance(2 * DAY).await;
    assert_eq!(h.remove_texts(request).await.removed, 1, "a message that has grown old since");
}

pub async fn a_text_stays_while_its_message_changes(h: &ErasureHarness) {
    let id = h.messages.sent(message()).await;
    h.messages.advance(DAY.saturating_sub(secs(60))).await;
    h.messages.receive(receipt(id, ReceiptState::Delivered)).await;
    h.messages.advance(secs(120)).await;
    assert_eq!(h.remove_texts(RemoveTexts::new(DAY, 10)).await.removed, 0);
    h.messages.advance(DAY).await;
    assert_eq!(h.remove_texts(RemoveTexts::new(DAY, 10)).await.removed, 1);
    assert_eq!(h.remove_texts(RemoveTexts::new(DAY, 10)).await.removed, 0);
}
