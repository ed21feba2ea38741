//! Changes of the server's clock, with several nodes and across restarts.

use std::sync::Arc;
use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::outcome::Verdict;
use sms_core::registry::Expect;
use sms_core::store::{BeginRequest, DueRequest, InsertRequest, Inserted, Settlement};
use sms_core::{
    Class, Clock, ManualClock, Message, MessageId, Outcome, Registry, Scope, Status, Store,
};
use sms_store_pg::PgStore;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use crate::common::Schema;

const START: i64 = 1_767_268_800_000;
const HOUR: Duration = Duration::from_hours(1);
const LEASE: Duration = Duration::from_secs(40);
/// The rest of a minute after a lease.
const REST: Duration = Duration::from_secs(20);
/// Store time that is ahead of the wall clock loses a tenth while it returns to it.
const SLACK: Duration = Duration::from_secs(8);
/// Longest time until a node asks for the time again.
const LIMIT: Duration = Duration::from_secs(30);

/// One message of each kind that waits for a time: to be sent, scheduled in a minute, being sent,
/// to be tried again in a minute.
struct Waiting {
    queued: MessageId,
    scheduled: MessageId,
    sending: MessageId,
    retrying: MessageId,
}

async fn insert(store: &PgStore, message: &Message) -> MessageId {
    let messages = [message.prepare().expect("valid")];
    let request = InsertRequest { messages: &messages, push_after: Duration::ZERO };
    assert_eq!(store.insert(request).await.expect("inserted"), [Inserted::Stored]);
    messages[0].id
}

async fn begin(store: &PgStore, id: MessageId, batch: u64) -> usize {
    let request = BeginRequest { ids: &[id], worker: "w", batch, provider: "p", lease: LEASE };
    store.begin(request).await.expect("begun").len()
}

async fn offered(store: &PgStore) -> Vec<MessageId> {
    let request = DueRequest::new([10; 3], Duration::from_secs(1));
    let mut due: Vec<_> =
        store.due(request).await.expect("due").into_iter().map(|job| job.id).collect();
    due.sort_unstable();
    due
}

impl Waiting {
    async fn new(store: &PgStore, now_ms: i64) -> Self {
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
    async fn goes_on(&self, store: &PgStore, clock: &ManualClock, slack: Duration) {
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

/// A node on a machine with this clock; the wall clock stands for the server's.
async fn open(schema: &Schema, clock: &Arc<ManualClock>) -> PgStore {
    PgStore::open_on(schema.config(), Some(clock.clone())).await.expect("the store opens")
}

/// Waits until a node has stored a time as late as this.
async fn kept(store: &PgStore, clock: &ManualClock) {
    let (limit, wanted) = (Instant::now() + LIMIT, datetime_from_ms(clock.now_ms()));
    while Registry::get(store, "clock", "store")
        .await
        .expect("read")
        .is_none_or(|record| record.updated_at < wanted)
    {
        assert!(Instant::now() < limit, "the time is not kept");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The time of a node.
async fn time_of(store: &PgStore) -> OffsetDateTime {
    store.put("test", "time", &serde_json::Value::Null, Expect::Anything).await.expect("put");
    Registry::get(store, "test", "time").await.expect("read").expect("stored").updated_at
}

#[tokio::test]
async fn nothing_waits_for_a_clock_that_was_set_back_during_a_restart() {
    let (schema, clock) = (Schema::new(), ManualClock::new(START));
    let store = open(&schema, &clock).await;
    let waiting = Waiting::new(&store, START).await;
    kept(&store, &clock).await;
    store.close().await;
    clock.set_back(HOUR);
    waiting.goes_on(&open(&schema, &clock).await, &clock, SLACK).await;
}

#[tokio::test]
async fn nothing_ends_because_the_clock_was_set_forward_during_a_restart() {
    let (schema, clock) = (Schema::new(), ManualClock::new(START));
    let store = open(&schema, &clock).await;
    let waiting = Waiting::new(&store, START).await;
    kept(&store, &clock).await;
    store.close().await;
    clock.set_forward(HOUR);
    waiting.goes_on(&open(&schema, &clock).await, &clock, Duration::ZERO).await;
}

#[tokio::test]
async fn nothing_waits_for_a_clock_that_was_set_back_before_another_machine_took_over() {
    let (schema, clock) = (Schema::new(), ManualClock::new(START));
    let store = open(&schema, &clock).await;
    let waiting = Waiting::new(&store, START).await;
    kept(&store, &clock).await;
    store.close().await;
    clock.reboot();
    clock.set_back(HOUR);
    waiting.goes_on(&open(&schema, &clock).await, &clock, SLACK).await;
}

#[tokio::test]
async fn a_one_time_code_is_not_sent_after_everything_was_down_for_an_hour() {
    let (schema, clock) = (Schema::new(), ManualClock::new(START));
    let store = open(&schema, &clock).await;
    let waiting = Waiting::new(&store, START).await;
    kept(&store, &clock).await;
    store.close().await;
    clock.reboot();
    clock.advance(HOUR);
    let store = open(&schema, &clock).await;
    assert_eq!(offered(&store).await, []);
    store.expire(10).await.expect("expired");
    let stored =
        Store::get(&store, waiting.queued, &Scope::All).await.expect("read").expect("stored");
    assert_eq!(stored.state.status, Status::Expired);
}

#[tokio::test]
async fn a_node_that_starts_after_a_jump_has_the_time_of_the_others() {
    let (schema, clock, other) =
        (Schema::new(), ManualClock::new(START), ManualClock::new(START - 3_600_000));
    other.reboot();
    let one = open(&schema, &clock).await;
    clock.set_back(HOUR);
    clock.advance(Duration::from_secs(10));
    other.advance(Duration::from_secs(10));
    // Stored after the jump: it is ahead of the earlier wall clock.
    let wanted = ManualClock::new(START + 9_000);
    kept(&one, &wanted).await;
    let two = open(&schema, &other).await;
    let apart = time_of(&one).await - time_of(&two).await;
    assert!(apart.abs() <= Duration::from_millis(200), "{apart} apart");
}

#[tokio::test]
async fn a_node_that_stood_still_catches_up_with_the_others() {
    let (schema, clock, other) = (Schema::new(), ManualClock::new(START), ManualClock::new(START));
    other.reboot();
    let (one, two) = (open(&schema, &clock).await, open(&schema, &other).await);
    clock.advance(HOUR);
    other.set_forward(HOUR);
    let limit = Instant::now() + LIMIT;
    while (time_of(&one).await - time_of(&two).await).abs() > Duration::from_millis(200) {
        assert!(Instant::now() < limit, "it does not catch up");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn without_jumps_the_time_is_that_of_the_server() {
    let schema = Schema::new();
    let (one, two) = (schema.open().await, schema.open().await);
    let mut conn = schema.connect().await;
    let now = crate::common::ask(
        &mut conn,
        "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint::text",
    );
    let (first, second, server) = (time_of(&one).await, time_of(&two).await, now.await);
    let server = datetime_from_ms(server.parse().expect("a number"));
    for time in [first, second] {
        assert!((time - server).abs() <= Duration::from_secs(2), "{time} and {server}");
    }
}
