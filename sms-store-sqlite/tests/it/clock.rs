//! Changes of the wall clock while no process is running.

use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::outcome::Verdict;
use sms_core::store::{BeginRequest, DueRequest, InsertRequest, Inserted, Settlement};
use sms_core::{
    Class, Clock, ManualClock, Message, MessageId, Outcome, Registry, Scope, Status, Store,
};
use sms_store_sqlite::SqliteStore;

use crate::common::Folder;

const START: i64 = 1_767_268_800_000;
const HOUR: Duration = Duration::from_hours(1);
const LEASE: Duration = Duration::from_secs(40);
/// The rest of a minute after a lease.
const REST: Duration = Duration::from_secs(20);
/// Store time that is ahead of the wall clock loses a tenth while it returns to it.
const SLACK: Duration = Duration::from_secs(8);

/// One message of each kind that waits for a time: to be sent, scheduled in a minute, being sent,
/// to be tried again in a minute.
struct Waiting {
    queued: MessageId,
    scheduled: MessageId,
    sending: MessageId,
    retrying: MessageId,
}

async fn insert(store: &SqliteStore, message: &Message) -> MessageId {
    let messages = [message.prepare().expect("valid")];
    let request = InsertRequest { messages: &messages, push_after: Duration::ZERO };
    assert_eq!(store.insert(request).await.expect("inserted"), [Inserted::Stored]);
    messages[0].id
}

async fn begin(store: &SqliteStore, id: MessageId, batch: u64) -> usize {
    let request = BeginRequest { ids: &[id], worker: "w", batch, provider: "p", lease: LEASE };
    store.begin(request).await.expect("begun").len()
}

async fn offered(store: &SqliteStore) -> Vec<MessageId> {
    let request = DueRequest::new([10; 3], Duration::from_secs(1));
    let mut due: Vec<_> =
        store.due(request).await.expect("due").into_iter().map(|job| job.id).collect();
    due.sort_unstable();
    due
}

impl Waiting {
    async fn new(store: &SqliteStore, now_ms: i64) -> Self {
        let message = || Message::new("+79251234567", "Код 1234").class(Class::Otp);
        let in_a_minute = datetime_from_ms(now_ms + 60_000);
        let queued = insert(store, &message()).await;
        let scheduled = insert(store, &message().send_at(in_a_minute)).await;
        let (sending, retrying) =
            (insert(store, &message()).await, insert(store, &message()).await);
        assert_eq!((begin(store, sending, 1).await, begin(store, retrying, 2).await), (1, 1));
        let settlement = Settlement {
            id: retrying,
            fence: 1,
            provider: "p".to_owned(),
            outcome: Outcome::deferred(220, "busy"),
            verdict: Verdict::Retry { after: Duration::from_mins(1), counted: true },
            took: Duration::from_millis(5),
            poll_after: None,
        };
        store.settle(&[settlement]).await.expect("settled");
        Self { queued, scheduled, sending, retrying }
    }

    /// Checks that nothing has ended and nothing is early, and that everything continues within a
    /// minute, give or take `slack`.
    async fn goes_on(&self, store: &SqliteStore, clock: &ManualClock, slack: Duration) {
        let Self { queued, scheduled, sending, retrying } = *self;
        assert_eq!(store.expire(10).await.expect("expired"), []);
        assert_eq!(store.rescue(10).await.expect("rescued"), []);
        assert_eq!(offered(store).await, [queued]);
        assert_eq!(begin(store, queued, 3).await, 1);
        clock.advance(LEASE + slack);
        let mut rescued = store.rescue(10).await.expect("rescued");
        rescued.sort_unstable();
        assert_eq!(rescued, [queued, sending]);
        clock.advance(REST + slack);
        let due = offered(store).await;
        assert!(due.contains(&scheduled) && due.contains(&retrying), "{due:?}");
        assert_eq!((begin(store, scheduled, 4).await, begin(store, retrying, 5).await), (1, 1));
    }
}

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
    waiting.goes_on(&open(&folder, &clock).await, &clock, SLACK).await;
}

#[tokio::test]
async fn nothing_ends_because_the_clock_was_set_forward_during_a_restart() {
    let (folder, clock) = (Folder::new(), ManualClock::new(START));
    let store = open(&folder, &clock).await;
    let waiting = Waiting::new(&store, START).await;
    store.close().await;
    clock.set_forward(HOUR);
    waiting.goes_on(&open(&folder, &clock).await, &clock, Duration::ZERO).await;
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
    waiting.goes_on(&open(&folder, &clock).await, &clock, SLACK).await;
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
    store.expire(10).await.expect("expired");
    let stored =
        Store::get(&store, waiting.queued, &Scope::All).await.expect("read").expect("stored");
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
        Store::get(store, id, &Scope::All).await.expect("read").expect("stored").state.created_at
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
        store.expire(10).await.expect("expired");
        store.rescue(10).await.expect("rescued");
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
