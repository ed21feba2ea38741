//! The log of all messages.

use sms_core::message::TraceParent;
use sms_core::store::{Archive, EventsRequest, LogEndRequest, MessageRequest};
use sms_core::{Event, EventKind, ReceiptState, Scope, Status};

use super::steps::{accepted, ids_of, message, receipt, settlement, some};
use crate::harness::StoreHarness;

pub async fn an_empty_log_is_empty(h: &StoreHarness) {
    assert_eq!(h.log().await, []);
    h.queued(message()).await;
    assert_eq!(h.log().await, [], "an acceptance has no event: the message itself shows it");
}

pub async fn the_log_is_in_the_order_of_what_happened(h: &StoreHarness) {
    let (first, second) = (h.sent(message()).await, h.sent(message()).await);
    h.receive(receipt(second, ReceiptState::Delivered)).await;
    h.receive(receipt(first, ReceiptState::Undelivered)).await;
    let log = h.log().await;
    let expected = [
        (first, EventKind::Attempt, Status::Sent),
        (second, EventKind::Attempt, Status::Sent),
        (second, EventKind::Receipt, Status::Delivered),
        (first, EventKind::Receipt, Status::Undelivered),
    ];
    let happened: Vec<_> =
        log.iter().map(|event| (event.message_id, event.kind, event.status)).collect();
    assert_eq!(happened, expected);
    assert!(log.is_sorted_by(|a, b| a.seq < b.seq), "positions increase");
    assert!(log[0].seq > 0, "the first position is greater than 0");
}

pub async fn pages_hold_every_event_once(h: &StoreHarness) {
    let batch = some(10);
    h.insert(&batch).await;
    h.try_begin(&ids_of(&batch)).await;
    let settlements: Vec<_> =
        batch.iter().map(|message| settlement(message.id, 1, accepted(message.id))).collect();
    h.settle_all(&settlements).await;
    let (mut seen, mut seq) = (Vec::new(), 0);
    loop {
        let page = h.store.events(&EventsRequest::new(seq, 3)).await.expect("events_after");
        assert!(page.events.len() <= 3, "a page is no longer than its limit");
        let Some(last) = page.events.last() else { break };
        seq = last.seq;
        seen.extend(page.events);
        assert!(seen.len() <= batch.len(), "a page repeats events of an earlier page");
    }
    assert_eq!(seen.len(), 10);
    assert_eq!(seen, h.log().await);
}

pub async fn the_log_and_the_timeline_tell_the_same(h: &StoreHarness) {
    let id = h.sent(message()).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    assert_eq!(h.log().await, h.timeline(id).await);
}

pub async fn a_reader_at_the_end_sees_what_comes_next(h: &StoreHarness) {
    let id = h.sent(message()).await;
    let end = h.last_event(id).await.seq;
    assert_eq!(h.store.events(&EventsRequest::new(end, 10)).await.expect("events").events, []);
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    let news = h.store.events(&EventsRequest::new(end, 10)).await.expect("events_after");
    assert_eq!(news.events, [h.last_event(id).await]);
}

async fn log_end(h: &StoreHarness) -> u64 {
    h.store.log_end(&LogEndRequest::new()).await.expect("log_end").position
}

async fn after(h: &StoreHarness, position: u64) -> Vec<Event> {
    h.store.events(&EventsRequest::new(position, 10)).await.expect("events").events
}

pub async fn a_reader_that_begins_at_the_end_sees_only_what_comes_next(h: &StoreHarness) {
    let begin = log_end(h).await;
    h.sent(message()).await;
    let id = h.sent(message()).await;
    let end = log_end(h).await;
    assert_eq!(after(h, begin).await, h.log().await, "the end of an empty log is before all");
    assert_eq!(after(h, end).await, [], "nothing that was comes after the end");
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    assert_eq!(after(h, end).await, [h.last_event(id).await]);
}

pub async fn the_end_is_before_what_is_written_after_a_purge(h: &StoreHarness) {
    h.in_status(Status::Delivered).await;
    h.advance(super::steps::secs(100)).await;
    assert_eq!(h.purge(super::steps::secs(10)).await, 1);
    let end = log_end(h).await;
    let later = h.sent(message()).await;
    assert_eq!(after(h, end).await, [h.last_event(later).await]);
}

pub async fn an_event_has_the_owner_of_its_message(h: &StoreHarness) {
    let (own, others) = (h.sent(message().owner("shop")).await, h.sent(message()).await);
    let owners: Vec<_> =
        h.log().await.into_iter().map(|event| (event.message_id, event.owner)).collect();
    assert_eq!(owners, [(own, Some("shop".to_owned())), (others, None)]);
    assert_eq!(h.last_event(own).await.owner.as_deref(), Some("shop"));
}

pub async fn a_reader_with_a_scope_sees_events_of_its_owner_only(h: &StoreHarness) {
    let own = h.sent(message().owner("shop")).await;
    h.sent(message().owner("bank")).await;
    let last = h.sent(message()).await;
    let end = h.last_event(last).await.seq;
    let request = EventsRequest::new(0, 10).scope(Scope::Owner("shop".to_owned()));
    let page = h.store.events(&request).await.expect("events");
    assert_eq!(page.events.iter().map(|event| event.message_id).collect::<Vec<_>>(), [own]);
    assert_eq!(page.read_to, end, "the next page begins after the events of others");
    let foreign = MessageRequest::new(last).scope(Scope::Owner("shop".to_owned()));
    assert_eq!(h.store.timeline(&foreign).await.expect("timeline"), []);
    let request = MessageRequest::new(own).scope(Scope::Owner("shop".to_owned()));
    assert_eq!(h.store.timeline(&request).await.expect("timeline").len(), 1);
}

pub async fn a_reader_of_some_kinds_sees_no_others(h: &StoreHarness) {
    let id = h.sent(message()).await;
    h.receive(receipt(id, ReceiptState::Delivered)).await;
    let end = h.last_event(id).await.seq;
    for (kinds, expected) in [
        (vec![EventKind::Receipt], vec![EventKind::Receipt]),
        (
            vec![EventKind::Receipt, EventKind::Attempt],
            vec![EventKind::Attempt, EventKind::Receipt],
        ),
        (vec![EventKind::Cancelled], vec![]),
    ] {
        let request = EventsRequest::new(0, 10).kinds(kinds);
        let page = h.store.events(&request).await.expect("events");
        assert_eq!(page.events.iter().map(|event| event.kind).collect::<Vec<_>>(), expected);
        assert_eq!(page.read_to, end);
    }
    let full = EventsRequest::new(0, 1).kinds([EventKind::Attempt, EventKind::Receipt]);
    let page = h.store.events(&full).await.expect("events");
    assert_eq!(page.read_to, page.events[0].seq, "a full page ends with its last event");
}

pub async fn positions_are_not_used_twice_after_a_purge(h: &StoreHarness) {
    let id = h.in_status(Status::Delivered).await;
    let end = h.last_event(id).await.seq;
    h.advance(super::steps::secs(100)).await;
    assert_eq!(h.purge(super::steps::secs(10)).await, 1);
    let later = h.sent(message()).await;
    assert!(
        h.last_event(later).await.seq > end,
        "a reader's position stays valid when old events are purged"
    );
}

pub async fn an_event_bears_the_trace_of_its_message(h: &StoreHarness) {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let parent: TraceParent = parent.parse().expect("a traceparent");
    let (traced, plain) = (h.sent(message().traceparent(parent)).await, h.sent(message()).await);
    let of = |events: Vec<Event>| -> Vec<_> {
        events.into_iter().map(|event| (event.message_id, event.traceparent)).collect()
    };
    assert_eq!(of(h.log().await), [(traced, Some(parent)), (plain, None)]);
    assert_eq!(of(h.timeline(traced).await), [(traced, Some(parent))]);
}
