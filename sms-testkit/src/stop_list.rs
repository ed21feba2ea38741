//! Behaviours of every [`StopList`]. [`stop_list!`](crate::stop_list!) makes a test of each.

#![allow(missing_docs, reason = "the name of each function says what it checks")]

use std::time::Duration;

use sms_core::stop_list::{NewStop, Stop, StopList, StopsRequest};
use sms_core::store::{Inserted, KEY_WINDOW};
use sms_core::{Message, NewMessage, PhoneNumber, Status};

use crate::harness::StopListHarness;
use crate::store::steps::{batch, prepared, secs};

const STOPPED: &str = "+79251112233";
const OTHER: &str = "+79257654321";

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

fn stop(text: &str) -> NewStop {
    NewStop::new(number(text), "asked for it", "key-1")
}

fn to(recipient: &str) -> Message {
    Message::new(recipient, "hi")
}

impl StopListHarness {
    async fn add(&self, stops: &[NewStop]) -> usize {
        self.stop_list.add(stops).await.expect("add")
    }

    async fn remove(&self, numbers: &[PhoneNumber]) -> usize {
        self.stop_list.remove(numbers).await.expect("remove")
    }

    async fn page(&self, request: StopsRequest) -> Vec<Stop> {
        self.stop_list.page(request).await.expect("page")
    }

    async fn all(&self) -> Vec<Stop> {
        self.page(StopsRequest::new(1000)).await
    }

    async fn insert_one(&self, message: &NewMessage) -> Inserted {
        self.messages.insert(std::slice::from_ref(message)).await[0]
    }

    async fn is_stored(&self, message: &NewMessage) -> bool {
        self.messages.find(message.id).await.is_some()
    }
}

pub async fn a_recipient_on_the_list_is_refused_and_the_others_of_a_batch_are_accepted(
    h: &StopListHarness,
) {
    assert_eq!(h.add(&[stop(STOPPED)]).await, 1);
    let plain = [to(OTHER), to(STOPPED), to(OTHER), to(STOPPED)].map(|message| prepared(&message));
    let keyed = [("a", OTHER), ("b", STOPPED), ("c", STOPPED), ("d", OTHER)]
        .map(|(key, recipient)| prepared(&to(recipient).key(key)));
    for messages in [plain, keyed] {
        let inserted = h.messages.insert(&messages).await;
        for (message, inserted) in messages.iter().zip(inserted) {
            let is_stopped = message.to == number(STOPPED);
            assert_eq!(inserted == Inserted::OnStopList, is_stopped);
            assert_eq!(inserted.is_stored(), !is_stopped);
            assert_eq!(h.is_stored(message).await, !is_stopped);
        }
    }
}

pub async fn a_refused_message_leaves_its_key_free(h: &StopListHarness) {
    h.add(&[stop(STOPPED)]).await;
    let refused = prepared(&to(STOPPED).key("a"));
    assert_eq!(h.insert_one(&refused).await, Inserted::OnStopList);
    assert!(h.insert_one(&prepared(&to(OTHER).key("a"))).await.is_stored());
}

pub async fn a_replay_is_answered_although_its_recipient_is_on_the_list(h: &StopListHarness) {
    let first = prepared(&to(STOPPED).key("a"));
    assert!(h.insert_one(&first).await.is_stored());
    h.add(&[stop(STOPPED)]).await;
    assert!(h.insert_one(&first).await.is_stored(), "the same message, by its id");
    let replay = prepared(&to(STOPPED).key("a"));
    assert_eq!(h.insert_one(&replay).await, Inserted::Replayed(first.id));
    let other = prepared(&Message::new(STOPPED, "other").key("a"));
    assert_eq!(h.insert_one(&other).await, Inserted::KeyReused);
    h.messages.advance(KEY_WINDOW + Duration::from_mins(1)).await;
    assert_eq!(h.insert_one(&replay).await, Inserted::OnStopList, "the key is over");
}

pub async fn a_message_that_waited_is_marked_when_it_begins(h: &StopListHarness) {
    let stopped = h.messages.queued(to(STOPPED)).await;
    let other = h.messages.queued(to(OTHER)).await;
    h.add(&[stop(STOPPED)]).await;
    let number = batch();
    // The second call is the repeat of one that lost its answer.
    for _ in 0..2 {
        let mut begun = h.messages.begin_by("w", number, &[stopped, other]).await;
        begun.sort_by_key(|begun| begun.submission.id);
        let marked: Vec<_> =
            begun.iter().map(|begun| (begun.submission.id, begun.on_stop_list)).collect();
        assert_eq!(marked, [(stopped, true), (other, false)]);
    }
    assert_eq!(h.messages.status(stopped).await, Status::Sending, "it is the worker that ends it");
}

pub async fn a_removed_number_is_sent_to_again(h: &StopListHarness) {
    h.add(&[stop(STOPPED), stop(OTHER)]).await;
    assert_eq!(h.remove(&[number(STOPPED), number("+79250000001")]).await, 1);
    assert_eq!(h.remove(&[number(STOPPED)]).await, 0);
    let id = h.messages.queued(to(STOPPED)).await;
    assert!(!h.messages.begin(id).await.on_stop_list);
    let still = prepared(&to(OTHER));
    assert_eq!(h.insert_one(&still).await, Inserted::OnStopList);
}

pub async fn a_number_is_on_the_list_once_with_its_last_reason_and_its_first_time(
    h: &StopListHarness,
) {
    assert_eq!(h.add(&[stop(STOPPED), stop(OTHER)]).await, 2);
    let first = h.all().await;
    h.messages.advance(secs(3600)).await;
    let again = NewStop::new(number(STOPPED), "complained", "key-2");
    assert_eq!(h.add(&[stop(STOPPED), again.clone(), stop("+79250000001")]).await, 1);
    let stops = h.all().await;
    assert_eq!(stops.len(), 3, "{stops:?}");
    let found = h.page(StopsRequest::new(10).number(number(STOPPED))).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].reason, &found[0].by), (&again.reason, &again.by));
    assert!(first.iter().any(|stop| stop.added_at == found[0].added_at), "{found:?}");
}

pub async fn the_numbers_on_the_list_are_found_among_others(h: &StopListHarness) {
    let all: Vec<PhoneNumber> = (0..1200).map(|n| number(&format!("+7925{n:07}"))).collect();
    let listed = async |numbers: &[PhoneNumber]| h.stop_list.listed(numbers).await.expect("listed");
    assert_eq!(listed(&all).await, [], "none is on an empty list");
    let stops: Vec<NewStop> =
        all.iter().skip(1).step_by(3).map(|it| stop(&it.to_string())).collect();
    h.add(&stops).await;
    h.add(&[stop(OTHER)]).await;
    let mut asked: Vec<PhoneNumber> = all.iter().rev().copied().collect();
    asked.extend_from_slice(&all[..10]);
    let expected: Vec<PhoneNumber> = stops.iter().map(|it| it.number).collect();
    assert_eq!(listed(&asked).await, expected, "each once, in their order");
    assert_eq!(listed(&[number(STOPPED)]).await, []);
    assert_eq!(listed(&[]).await, []);
}

pub async fn pages_follow_each_other_in_the_order_of_the_numbers(h: &StopListHarness) {
    let stops: Vec<NewStop> = (0..25).map(|n| stop(&format!("+7925{n:07}"))).collect();
    let turned: Vec<NewStop> = stops.iter().rev().cloned().collect();
    assert_eq!(h.add(&turned).await, 25);
    let mut request = StopsRequest::new(10);
    let mut seen = Vec::new();
    loop {
        let page = h.page(request).await;
        let Some(last) = page.last() else { break };
        request = request.after(last.number);
        seen.extend(page.into_iter().map(|stop| stop.number));
        assert!(seen.len() <= stops.len(), "{seen:?}");
    }
    assert_eq!(seen, stops.iter().map(|stop| stop.number).collect::<Vec<_>>());
    let none = StopsRequest::new(10).number(number(OTHER));
    assert_eq!(h.page(none).await, []);
    let passed = StopsRequest::new(10).number(stops[3].number).after(stops[3].number);
    assert_eq!(h.page(passed).await, []);
}

pub async fn any_reason_is_kept(h: &StopListHarness) {
    let reason = "жалоба: «не пишите» \u{0} 'x'; --";
    h.add(&[NewStop::new(number(STOPPED), reason, "key")]).await;
    let kept = &h.all().await[0].reason;
    assert!(kept.starts_with("жалоба: «не пишите» ") && kept.ends_with(" 'x'; --"), "{kept}");
}
