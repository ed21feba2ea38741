//! A wall clock that is set while no process is running.

use sms_core::store::{ExpireRequest, RescueRequest};
use std::time::Duration;

use sms_core::{
    Archive, Clock, ManualClock, Message, Registry, Status, Store, store::MessageRequest,
};
use sms_store_sqlite::SqliteStore;
use sms_testkit::waiting::{SLACK, Waiting, begin, insert, offered};

use crate::common::Folder;

const START: i64 = 1_767_268_800_000;
const HOUR: Duration = Duration::from_hours(1);

async fn open(folder: &Folder, clock: &std::sync::Arc<ManualClock>) -> SqliteStore {
    SqliteStore::open_on(folder.config(), clock.clone()).await.expect("the store opens")
}

#[tokio::test]
async fn nothing_waits_for_a_clock_that_was_set_back_during_a_restart() {
    let (folder, clock) = (Folder::new(), ManualClock::new(START));
    let store = open(&folder, &clock).await;
    let waiting = Waiting::new(&store, START).await;
    store.close().await;
    clock.set_back(HOUR);
    waiting.expect_on_time(&open(&folder, &clock).await, &clock, SLACK).await;
}

#[tokio::test]
async fn nothing_ends_because_the_clock_was_set_forward_during_a_restart() {
    let (folder, clock) = (Folder::new(), ManualClock::new(START));
    let store = open(&folder, &clock).await;
    let waiting = Waiting::new(&store, START).await;
    store.close().await;
    clock.set_forward(HOUR);
    waiting.expect_on_time(&open(&folder, &clock).await, &clock, Duration::ZERO).await;
}

#[tokio::test]
async fn nothing_waits_for_the_clock_of_a_machine_that_started_with_an_earlier_time() {
    let (folder, clock) = (Folder::new(), ManualClock::new(START));
    let store = open(&folder, &clock).await;
    clock.advance(HOUR);
    let waiting = Waiting::new(&store, clock.now_ms()).await;
    store.close().await;
    clock.reboot();
    clock.set_back(HOUR);
    waiting.expect_on_time(&open(&folder, &clock).await, &clock, SLACK).await;
}

#[tokio::test]
async fn a_one_time_code_is_not_sent_after_the_machine_was_down_for_an_hour() {
    let (folder, clock) = (Folder::new(), ManualClock::new(START));
    let store = open(&folder, &clock).await;
    let waiting = Waiting::new(&store, START).await;
    store.close().await;
    clock.reboot();
    clock.advance(HOUR);
    let store = open(&folder, &clock).await;
    assert_eq!(offered(&store).await, []);
    assert_eq!(begin(&store, waiting.queued, 3).await, 0);
    store.expire(ExpireRequest::new(10)).await.expect("expired");
    let stored = Archive::get(&store, &MessageRequest::new(waiting.queued))
        .await
        .expect("read")
        .expect("stored");
    assert_eq!(stored.state.status, Status::Expired);
}

#[tokio::test]
async fn two_processes_with_one_file_agree_on_the_time_after_a_jump() {
    let (folder, clock) = (Folder::new(), ManualClock::new(START));
    let one = open(&folder, &clock).await;
    Waiting::new(&one, START).await;
    clock.set_back(HOUR);
    clock.advance(Duration::from_mins(10));
    let created_at = async |store: &SqliteStore| {
        let id = insert(store, &Message::new("+79251234567", "x")).await;
        Archive::get(store, &MessageRequest::new(id))
            .await
            .expect("read")
            .expect("stored")
            .state
            .created_at
    };
    let first = created_at(&one).await;
    let two = open(&folder, &clock).await;
    assert_eq!(created_at(&two).await, first);
}

#[tokio::test]
async fn the_time_is_kept_with_other_writes_once_a_second_and_never_by_itself() {
    let (folder, clock) = (Folder::new(), ManualClock::new(START));
    let store = open(&folder, &clock).await;
    let version = async || {
        let kept = Registry::get(&store, "clock", "store").await.expect("read");
        kept.map_or(0, |record| record.version)
    };
    for _ in 0..5 {
        clock.advance(Duration::from_secs(5));
        offered(&store).await;
        store.expire(ExpireRequest::new(10)).await.expect("expired");
        store.rescue(RescueRequest::new(10)).await.expect("rescued");
    }
    assert_eq!(version().await, 0, "nothing was written, so nothing is kept");
    for _ in 0..10 {
        insert(&store, &Message::new("+79251234567", "x")).await;
    }
    assert_eq!(version().await, 1);
    clock.advance(Duration::from_secs(1));
    insert(&store, &Message::new("+79251234567", "x")).await;
    assert_eq!(version().await, 2);
}
