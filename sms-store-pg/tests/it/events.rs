//! The event log of all messages: a reader sees everything, whenever it was committed.

use sms_core::rollups::requests::RollUpRequest;
use sms_core::store::{Archive, EventsRequest, LogEndRequest};
use sms_core::{MessageId, Rollups as _, Store as _};
use sms_store_pg::PgStore;
use sqlx::{Connection as _, PgConnection};

use crate::common::{Schema, accepted, ask, begin, ids, inserted, messages, run};

async fn sending(store: &PgStore, count: usize) -> Vec<MessageId> {
    let batch = messages(count);
    assert_eq!(inserted(store, &batch).await, count);
    assert_eq!(begin(store, &ids(&batch), "w").await, count);
    ids(&batch)
}

async fn settle(store: &PgStore, id: MessageId) {
    store.settle(&[accepted(id)]).await.expect("settled");
}

async fn log(store: &PgStore, after: u64) -> Vec<(u64, MessageId)> {
    let events = store.events(&EventsRequest::new(after, 100)).await.expect("read").events;
    events.into_iter().map(|event| (event.seq, event.message_id)).collect()
}

/// Writes an event by hand, as a node would, in a transaction that does not end yet.
async fn write_slowly(conn: &mut PgConnection, id: MessageId) {
    run(conn, "BEGIN; LOCK TABLE events IN ROW EXCLUSIVE MODE").await;
    let insert = format!(
        "INSERT INTO events (seq, at, message_id, status, kind, details) \
         SELECT base + pg_current_xact_id()::text::bigint * 65536 + 1, \
             (extract(epoch FROM now()) * 1000)::bigint, '{id}', 6, 'lease_over', '{{}}' \
         FROM event_base"
    );
    run(conn, &insert).await;
}

#[tokio::test]
async fn an_event_that_is_committed_late_is_not_skipped() {
    let schema = Schema::new();
    let (store, mut slow) = (schema.open().await, schema.connect().await);
    let ids = sending(&store, 3).await;
    settle(&store, ids[0]).await;
    write_slowly(&mut slow, ids[1]).await;
    settle(&store, ids[2]).await;
    // The third is committed and the second is not: the reader stops after the first.
    let seen = log(&store, 0).await;
    assert_eq!(seen.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [ids[0]]);
    run(&mut slow, "COMMIT").await;
    let rest = log(&store, seen[0].0).await;
    assert_eq!(rest.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [ids[1], ids[2]]);
}

#[tokio::test]
async fn an_event_that_is_committed_late_is_counted() {
    let schema = Schema::new();
    let (store, mut slow) = (schema.open().await, schema.connect().await);
    let mut reader = schema.connect().await;
    let roll_up = async || store.roll_up(RollUpRequest::new(100)).await.expect("rolled up");
    roll_up().await;
    let ids = sending(&store, 3).await;
    settle(&store, ids[0]).await;
    write_slowly(&mut slow, ids[1]).await;
    settle(&store, ids[2]).await;
    // Sent and unknown messages.
    let counts = "SELECT string_agg(counter || ': ' || sum, ', ' ORDER BY counter) FROM ( \
        SELECT counter, sum(count) FROM rollups WHERE step = 60 AND counter IN (1, 5) \
        GROUP BY counter) AS counts";
    roll_up().await;
    assert_eq!(ask(&mut reader, counts).await, "1: 1");
    run(&mut slow, "COMMIT").await;
    roll_up().await;
    assert_eq!(ask(&mut reader, counts).await, "1: 2, 5: 1");
}

#[tokio::test]
async fn the_end_of_the_log_is_before_an_event_that_is_not_committed_yet() {
    let schema = Schema::new();
    let (store, mut slow) = (schema.open().await, schema.connect().await);
    let ids = sending(&store, 3).await;
    settle(&store, ids[0]).await;
    write_slowly(&mut slow, ids[1]).await;
    settle(&store, ids[2]).await;
    let end = store.log_end(&LogEndRequest::new()).await.expect("read").position;
    run(&mut slow, "COMMIT").await;
    let later: Vec<_> = log(&store, end).await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(later, [ids[1], ids[2]]);
}

#[tokio::test]
async fn an_event_that_is_rolled_back_holds_nothing_up() {
    let schema = Schema::new();
    let (store, mut slow) = (schema.open().await, schema.connect().await);
    let ids = sending(&store, 2).await;
    write_slowly(&mut slow, ids[0]).await;
    settle(&store, ids[1]).await;
    assert_eq!(log(&store, 0).await, []);
    run(&mut slow, "ROLLBACK").await;
    assert_eq!(log(&store, 0).await.len(), 1);
}

#[tokio::test]
async fn transactions_of_others_hold_nothing_up() {
    let schema = Schema::new();
    let (store, mut other) = (schema.open().await, schema.connect().await);
    let ids = sending(&store, 1).await;
    // A transaction of the application, which has a number, wrote a message, and stays open for
    // hours.
    run(&mut other, "CREATE TABLE orders (id integer)").await;
    let mut transaction = other.begin().await.expect("a transaction");
    run(&mut transaction, "INSERT INTO orders VALUES (1)").await;
    store.insert_in(&mut transaction, &crate::common::message("later")).await.expect("inserted");
    settle(&store, ids[0]).await;
    assert_eq!(log(&store, 0).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_among_many_writers_sees_every_event_once_and_in_order() {
    const WRITERS: usize = 6;
    const EACH: usize = 40;
    let schema = Schema::new();
    let store = schema.open_with(schema.config().connections(6)).await;
    let ids = sending(&store, WRITERS * EACH).await;
    let writing: Vec<_> = ids
        .chunks(EACH)
        .map(|mine| {
            let (store, mine) = (store.clone(), mine.to_vec());
            tokio::spawn(async move {
                for id in mine {
                    settle(&store, id).await;
                }
            })
        })
        .collect();
    let (mut seen, mut seq) = (Vec::new(), 0);
    while seen.len() < ids.len() {
        let done = writing.iter().all(tokio::task::JoinHandle::is_finished);
        let page = log(&store, seq).await;
        assert!(
            !done || !page.is_empty(),
            "the reader has skipped {} events",
            ids.len() - seen.len()
        );
        assert!(page.is_sorted() && page.first().is_none_or(|(first, _)| *first > seq));
        seq = page.last().map_or(seq, |(last, _)| *last);
        seen.extend(page.into_iter().map(|(_, id)| id));
    }
    seen.sort_unstable();
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn positions_go_on_when_the_tables_are_moved_to_a_younger_cluster() {
    let schema = Schema::new();
    let store = schema.open().await;
    let ids = sending(&store, 2).await;
    settle(&store, ids[0]).await;
    // As if it had been written by a cluster that had seen a billion transactions more.
    let mut conn = schema.connect().await;
    run(&mut conn, "UPDATE events SET seq = seq + 65536000000000").await;
    drop(store);
    let store = schema.open().await;
    settle(&store, ids[1]).await;
    let seen = log(&store, 0).await;
    assert_eq!(seen.iter().map(|(_, id)| *id).collect::<Vec<_>>(), ids);
    let base = ask(&mut conn, "SELECT base::text FROM event_base").await;
    drop(store);
    schema.open().await;
    assert_eq!(
        ask(&mut conn, "SELECT base::text FROM event_base").await,
        base,
        "it is raised once"
    );
}
