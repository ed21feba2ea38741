//! Searches that stop before they have scanned all messages, and continue.

use std::time::Duration;

use sms_core::store::ListRequest;
use sms_core::{Class, Message, MessageId, MessagePage, NewMessage, PhoneNumber, Scope, Status};

use super::steps::{ids_of, secs};
use crate::harness::StoreHarness;

/// More messages than a store scans between two checks of its time budget.
const MANY: usize = 3_000;
/// Limit of calls for one search. A search in which each call makes progress needs fewer.
const MAX_CALLS: usize = MANY;

/// Messages, of which every thousandth matches a search for `needle`, beginning with the oldest.
fn haystack() -> Vec<NewMessage> {
    let message = |n: usize| match n % 1_000 {
        0 => Message::new("+79261112233", "needle").class(Class::Otp).reference("r"),
        _ => Message::new("+79251234567", "hay").reference("r"),
    };
    (0..MANY).map(|n| message(n).prepare().expect("valid")).collect()
}

fn needles(haystack: &[NewMessage]) -> Vec<MessageId> {
    let mut ids: Vec<_> = ids_of(haystack).into_iter().step_by(1_000).collect();
    ids.reverse();
    ids
}

/// A search with no time budget: each call scans as little as possible.
fn hasty(search: &str) -> ListRequest {
    let (search, budget) = (Some(search.to_owned()), Some(Duration::ZERO));
    ListRequest::new(10).search(search).budget(budget)
}

impl StoreHarness {
    async fn page(&self, request: &ListRequest) -> MessagePage {
        self.store.list(request).await.expect("list")
    }

    async fn insert_many(&self, messages: &[NewMessage]) {
        for some in messages.chunks(500) {
            self.insert(some).await;
        }
    }

    /// Continues a search until all messages are scanned. Returns the matches and the number of
    /// calls.
    async fn search_all(&self, mut request: ListRequest) -> (Vec<MessageId>, usize) {
        let (mut found, mut calls) = (Vec::new(), 0);
        loop {
            let page = self.page(&request).await;
            calls += 1;
            assert!(page.messages.len() <= request.limit, "a page is no longer than its limit");
            let full = page.messages.last().filter(|_| page.messages.len() == request.limit);
            let last = page.searched_to.map(|end| end.id).or(full.map(|last| last.message.id));
            found.extend(page.messages.iter().map(|stored| stored.message.id));
            let Some(last) = last else { return (found, calls) };
            assert!(request.after.is_none_or(|after| last < after), "each call makes progress");
            assert!(calls <= MAX_CALLS, "a search ends");
            request.after = Some(last);
        }
    }
}

pub async fn a_search_that_runs_out_of_time_says_how_far_it_looked(h: &StoreHarness) {
    let all = haystack();
    h.insert_many(&all).await;
    let page = h.page(&hasty("nothing like it")).await;
    assert_eq!(page.messages, []);
    let end = page.searched_to.expect("the budget is too small to scan all messages");
    assert!(ids_of(&all).contains(&end.id), "it names one of the messages");
    assert_eq!(end.created_at, h.state(end.id).await.created_at);
    let patient = hasty("nothing like it").budget(None);
    assert_eq!(
        h.page(&patient).await,
        MessagePage::default(),
        "without a budget it scans all messages"
    );
}

pub async fn a_search_that_goes_on_finds_every_message_once(h: &StoreHarness) {
    let all = haystack();
    h.insert_many(&all).await;
    let (found, calls) = h.search_all(hasty("needle")).await;
    assert_eq!(found, needles(&all));
    assert!(calls > 1, "the budget is too small to scan all messages");
    assert_eq!(h.search_all(hasty("9261112")).await.0, needles(&all), "by a part of the number");
    for limit in [1, 2] {
        let request = hasty("needle").limit(limit);
        assert_eq!(h.search_all(request).await.0, needles(&all), "{limit} a page");
    }
    let by_class = hasty("").class(Some(Class::Otp)).search(None);
    assert_eq!(h.search_all(by_class).await.0, needles(&all), "by the class");
    let reference = Some("r".to_owned());
    assert_eq!(h.search_all(hasty("needle").reference(reference)).await.0, needles(&all));
    let to = PhoneNumber::parse("+79261112233").ok();
    assert_eq!(h.search_all(hasty("needle").to(to)).await.0, needles(&all));
}

pub async fn a_search_for_what_is_not_there_comes_to_an_end(h: &StoreHarness) {
    h.insert_many(&haystack()).await;
    assert_eq!(h.search_all(hasty("nothing like it")).await.0, []);
    let reference = Some("another".to_owned());
    assert_eq!(h.search_all(hasty("hay").reference(reference)).await.0, []);
}

pub async fn a_search_ends_with_the_time_range(h: &StoreHarness) {
    h.insert_many(&haystack()).await;
    h.advance(secs(3 * 24 * 60 * 60)).await;
    let id = h.queued(Message::new("+79251234567", "needle")).await;
    let from_time = Some(h.state(id).await.created_at - secs(60));
    let (found, calls) = h.search_all(hasty("needle").from_time(from_time)).await;
    assert_eq!((found, calls <= 3), (vec![id], true), "{calls} calls for one message in the range");
}

pub async fn a_search_shows_only_messages_of_the_owner(h: &StoreHarness) {
    let owned = |n: usize| {
        Message::new("+79251234567", "needle").owner(if n == 0 { "shop" } else { "bank" })
    };
    let all: Vec<_> = (0..1_000).map(|n| owned(n).prepare().expect("valid")).collect();
    h.insert_many(&all).await;
    let scope = Scope::Owner("shop".to_owned());
    assert_eq!(h.search_all(hasty("needle").scope(scope)).await.0, [all[0].id]);
    let scope = Scope::Owner("nobody".to_owned());
    assert_eq!(h.search_all(hasty("needle").scope(scope)).await.0, []);
}

pub async fn a_search_in_several_states_skips_none(h: &StoreHarness) {
    let mut expected = Vec::new();
    for status in [Status::Failed, Status::Queued, Status::Sent, Status::Sending, Status::Unknown] {
        expected.push(h.in_status(status).await);
    }
    let all = haystack();
    h.insert_many(&all).await;
    expected.extend(ids_of(&all));
    expected.reverse();
    let statuses =
        vec![Status::Failed, Status::Queued, Status::Sent, Status::Sending, Status::Unknown];
    let request = hasty("").statuses(statuses).search(None).limit(700);
    assert_eq!(h.search_all(request.clone()).await.0, expected);
    let search = Some("needle".to_owned());
    assert_eq!(h.search_all(request.search(search)).await.0, needles(&all));
}

pub async fn a_page_that_is_full_was_not_cut_short(h: &StoreHarness) {
    h.insert_many(&haystack()).await;
    let page = h.page(&hasty("hay")).await;
    assert_eq!((page.messages.len(), page.searched_to), (10, None));
}
