//! A clock of the server that is set, with several nodes and across restarts.

use sms_core::store::ExpireRequest;
use std::sync::Arc;
use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::registry::Expect;
use sms_core::{Archive, Clock, ManualClock, Registry, Status, Store, store::MessageRequest};
use sms_store_pg::PgStore;
use sms_testkit::waiting::{SLACK, Waiting, offered};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use crate::common::Schema;

const START: i64 = 1_767_268_800_000;
const HOUR: Duration = Duration::from_hours(1);
/// Time limit for a node to read the time again.
const LIMIT: Duration = Duration::from_secs(30);

/// A node on a machine with this clock; the wall clock stands for the server's.
async fn open(schema: &Schema, clock: &Arc<ManualClock>) -> PgStore {
    PgStore::open_on(schema.config(), Some(clock.clone())).await.expect("the store opens")
}

/// Waits until a node has kept a time as late as this.
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

/// The time by which a node works.
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
    waiting.expect_on_time(&open(&schema, &clock).await, &clock, SLACK).await;
}

#[tokio::test]
async fn nothing_ends_because_the_clock_was_set_forward_during_a_restart() {
    let (schema, clock) = (Schema::new(), ManualClock::new(START));
    let store = open(&schema, &clock).await;
    let waiting = Waiting::new(&store, START).await;
    kept(&store, &clock).await;
    store.close().await;
    clock.set_forward(HOUR);
    waiting.expect_on_time(&open(&schema, &clock).await, &clock, Duration::ZERO).await;
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
    waiting.expect_on_time(&open(&schema, &clock).await, &clock, SLACK).await;
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
    store.expire(ExpireRequest::new(10)).await.expect("expired");
    let stored = Archive::get(&store, &MessageRequest::new(waiting.queued))
        .await
        .expect("read")
        .expect("stored");
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
    // Kept after the jump: it is ahead of what the clock showed before.
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
