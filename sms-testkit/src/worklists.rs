//! Behaviours of every [`Worklists`]. [`worklists!`](crate::worklists!) makes a test of each.

#![allow(missing_docs, reason = "the name of each function says what it checks")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use sms_core::Worklists;
use sms_core::worklists::item::{ItemCounts, ItemState, WorkItem};
use sms_core::worklists::requests::{
    AppendItems, DeleteItems, ItemResult, ItemsRequest, RecordResults,
};

use crate::harness::WorklistsHarness;
use crate::store::steps::ALL;

const LIST: &str = "a";

impl WorklistsHarness {
    async fn append(&self, list: &str, items: Vec<WorkItem>) {
        self.worklists.append(AppendItems::new(list, items)).await.expect("append");
    }

    /// Appends pending items with these numbers.
    async fn fill(&self, numbers: impl IntoIterator<Item = u64>) {
        self.append(LIST, numbers.into_iter().map(pending).collect()).await;
    }

    async fn read(&self, request: &ItemsRequest) -> Vec<WorkItem> {
        self.worklists.items(request).await.expect("items")
    }

    async fn all(&self) -> Vec<WorkItem> {
        self.read(&ItemsRequest::new(LIST, ALL)).await
    }

    async fn record(&self, results: Vec<ItemResult>) -> usize {
        self.worklists.record(RecordResults::new(LIST, results)).await.expect("record")
    }

    async fn counts(&self, list: &str) -> ItemCounts {
        self.worklists.counts(list).await.expect("counts")
    }

    async fn delete(&self, limit: usize) -> usize {
        self.worklists.delete(DeleteItems::new(LIST, limit)).await.expect("delete")
    }
}

fn pending(number: u64) -> WorkItem {
    WorkItem::new(number, format!("item {number}"))
}

fn done(number: u64) -> ItemResult {
    ItemResult::new(number, ItemState::Done)
}

fn numbers(items: &[WorkItem]) -> Vec<u64> {
    items.iter().map(|item| item.number).collect()
}

pub async fn items_are_read_in_the_order_of_their_numbers(h: &WorklistsHarness) {
    h.fill([7, 0, 300]).await;
    h.fill([2]).await;
    assert_eq!(h.all().await, [0, 2, 7, 300].map(pending));
}

pub async fn a_page_begins_at_its_number_and_has_one_state(h: &WorklistsHarness) {
    h.fill(0..10).await;
    h.record([1, 4, 5, 8].map(done).into()).await;
    let of = |from, state, limit| ItemsRequest::new(LIST, limit).from(from).state(state);
    assert_eq!(numbers(&h.read(&of(3, None, 3)).await), [3, 4, 5]);
    assert_eq!(numbers(&h.read(&of(3, Some(ItemState::Pending), 3)).await), [3, 6, 7]);
    assert_eq!(numbers(&h.read(&of(4, Some(ItemState::Done), ALL)).await), [4, 5, 8]);
    assert_eq!(h.read(&of(0, Some(ItemState::Failed), ALL)).await, []);
    assert_eq!(h.read(&of(10, None, ALL)).await, []);
}

pub async fn an_item_under_a_number_that_is_taken_changes_nothing(h: &WorklistsHarness) {
    h.fill([1]).await;
    h.record(vec![done(1).result("x".to_owned())]).await;
    h.append(LIST, vec![WorkItem::new(1, "other"), pending(2)]).await;
    let first = pending(1).ended(ItemState::Done, "x".to_owned());
    assert_eq!(h.all().await, [first, pending(2)]);
}

pub async fn an_item_may_be_appended_with_its_end(h: &WorklistsHarness) {
    let skipped = pending(1).ended(ItemState::Skipped, "bad".to_owned());
    h.append(LIST, vec![skipped.clone()]).await;
    assert_eq!(h.record(vec![done(1)]).await, 0);
    assert_eq!(h.all().await, [skipped]);
}

pub async fn a_pending_item_takes_a_result_and_keeps_it(h: &WorklistsHarness) {
    h.fill([1, 2]).await;
    let failed = ItemResult::new(1, ItemState::Failed).result("no".to_owned());
    assert_eq!(h.record(vec![failed.clone(), done(2)]).await, 2);
    assert_eq!(h.record(vec![failed, done(2)]).await, 0, "a repeat changes nothing");
    assert_eq!(h.record(vec![done(1)]).await, 0, "neither does another result");
    let ends = [
        pending(1).ended(ItemState::Failed, "no".to_owned()),
        pending(2).ended(ItemState::Done, None),
    ];
    assert_eq!(h.all().await, ends);
}

pub async fn a_result_of_no_item_is_left_out(h: &WorklistsHarness) {
    h.fill([1]).await;
    assert_eq!(h.record(vec![done(0), done(1), done(2)]).await, 1);
    assert_eq!(h.record(vec![]).await, 0);
    assert_eq!(numbers(&h.all().await), [1]);
}

pub async fn one_of_several_results_is_recorded(h: &WorklistsHarness) {
    h.fill(0..50).await;
    let by = |who: &str| -> Vec<ItemResult> {
        (0..50).map(|number| done(number).result(who.to_owned())).collect()
    };
    let changed = tokio::join!(h.record(by("a")), h.record(by("b")), h.record(by("c")));
    assert_eq!(changed.0 + changed.1 + changed.2, 50);
    let ends = h.all().await;
    for (who, count) in [("a", changed.0), ("b", changed.1), ("c", changed.2)] {
        let own = ends.iter().filter(|item| item.result.as_deref() == Some(who)).count();
        assert_eq!(own, count, "a caller is told what is recorded for it");
    }
}

pub async fn a_record_that_is_dropped_happens_whole_or_not_at_all(h: &WorklistsHarness) {
    h.fill(0..30 * 10).await;
    for polls in 0..30 {
        let batch: Vec<_> = (polls * 10..polls * 10 + 10).map(done).collect();
        drop_after(polls, h.record(batch)).await;
    }
    // A call without a caller may go on for a moment: this one waits for it.
    h.record((0..10).map(done).collect()).await;
    for batch in h.all().await.chunks(10) {
        let ended = batch.iter().filter(|item| item.state == ItemState::Done).count();
        assert!([0, 10].contains(&ended), "{ended} of a batch of ten");
    }
}

/// Polls a future this number of times and drops it.
async fn drop_after(polls: u64, future: impl Future) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

pub async fn counts_tell_the_items_by_state(h: &WorklistsHarness) {
    assert_eq!(h.counts(LIST).await, ItemCounts::default());
    h.fill(0..10).await;
    h.record(vec![done(1), done(2), ItemResult::new(3, ItemState::Failed)]).await;
    h.record(vec![ItemResult::new(4, ItemState::Skipped)]).await;
    let counts = h.counts(LIST).await;
    assert_eq!(ItemState::ALL.map(|state| counts.count(state)), [6, 2, 1, 1]);
    assert_eq!(counts.total(), 10);
}

pub async fn lists_do_not_see_each_other(h: &WorklistsHarness) {
    h.fill([1]).await;
    h.append("b", vec![pending(1), pending(2)]).await;
    h.record(vec![done(1), done(2)]).await;
    assert_eq!(h.counts("b").await.count(ItemState::Pending), 2);
    assert_eq!(numbers(&h.all().await), [1]);
    assert_eq!(h.delete(ALL).await, 1);
    assert_eq!(h.counts("b").await.total(), 2);
}

pub async fn a_list_is_deleted_in_parts(h: &WorklistsHarness) {
    h.fill(0..5).await;
    assert_eq!(h.delete(2).await, 2);
    assert_eq!(h.counts(LIST).await.total(), 3);
    assert_eq!(h.delete(2).await, 2);
    assert_eq!(h.delete(2).await, 1);
    assert_eq!(h.delete(2).await, 0);
    h.fill([0]).await;
    assert_eq!(h.all().await, [pending(0)], "the list can begin again");
}

pub async fn any_text_is_kept(h: &WorklistsHarness) {
    let text = "{\"to\":\"+7\",\"text\":\"Код \u{1F600} \\ ' \\n\"}";
    let item = WorkItem::new(1, text).ended(ItemState::Failed, text.to_owned());
    h.append(LIST, vec![item.clone()]).await;
    assert_eq!(h.all().await, [item]);
}

pub async fn a_large_list_is_kept_whole(h: &WorklistsHarness) {
    const ITEMS: u64 = 5000;
    for start in (0..ITEMS).step_by(1000) {
        h.fill(start..start + 1000).await;
    }
    assert_eq!(h.counts(LIST).await.count(ItemState::Pending), ITEMS);
    assert_eq!(h.record((0..1000).map(done).collect()).await, 1000);
    let request = ItemsRequest::new(LIST, 1).state(ItemState::Pending);
    assert_eq!(numbers(&h.read(&request).await), [1000]);
}
