//! Writes that share a transaction.

use sms_core::rollups::requests::RollUpRequest;
use sms_core::store::Inserted;
use sms_core::{ErrorKind, NewMessage, Result, Rollups as _};
use sms_store_sqlite::SqliteStore;
use tokio::task::JoinHandle;

use crate::common::{Folder, ask, count, hold_write_lock, insert, message, messages, run};

fn spawn_insert(store: &SqliteStore, batch: Vec<NewMessage>) -> JoinHandle<Result<Vec<Inserted>>> {
    let store = store.clone();
    tokio::spawn(async move { insert(&store, &batch).await })
}

/// Starts these inserts while another transaction is open, so that they wait for their turn
/// together.
async fn insert_at_once(
    store: &SqliteStore,
    batches: Vec<Vec<NewMessage>>,
) -> Vec<JoinHandle<Result<Vec<Inserted>>>> {
    let held = hold_write_lock(store).await;
    let inserts = batches.into_iter().map(|batch| spawn_insert(store, batch)).collect();
    // On one thread, so all of them are waiting then.
    tokio::task::yield_now().await;
    drop(held);
    inserts
}

/// Number of commits in the write-ahead log: the frames that contain the size of the file.
fn commits(folder: &Folder) -> usize {
    let log = std::fs::read(folder.file().with_extension("db-wal")).expect("the log");
    log[32..].chunks(24 + 4096).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn writes_that_wait_together_are_one_commit() {
    let folder = Folder::new();
    let store = folder.open().await;
    let before = commits(&folder);
    for insert in insert_at_once(&store, (0..10).map(|_| messages(1)).collect()).await {
        assert!(insert.await.expect("no panic").expect("inserted")[0].is_stored());
    }
    assert_eq!(count(&store).await, 10);
    assert_eq!(commits(&folder), before + 1);
}

/// Counts what happened since, and begins to count on the first call.
async fn roll_up(store: &SqliteStore) {
    store.roll_up(RollUpRequest::new(1000)).await.expect("counted");
}

/// The number of accepted messages of each owner, as they are counted.
const ACCEPTED: &str = "\
    SELECT ifnull(group_concat(owner || ':' || count, ' '), '') FROM (SELECT owner, sum(count) \
    AS count FROM rollups WHERE step = 3600 AND counter = 0 GROUP BY owner ORDER BY owner)";

#[tokio::test]
async fn writes_that_wait_together_are_each_counted_once() {
    let folder = Folder::new();
    let store = folder.open().await;
    roll_up(&store).await;
    let by = |owner: &str| message("hi").owner(owner).prepare().expect("valid");
    let again = by("b");
    let batches = vec![
        vec![by("a")],
        vec![again.clone()],
        vec![by("a"), by("b")],
        // The same message: it is accepted once.
        vec![again],
    ];
    for insert in insert_at_once(&store, batches).await {
        assert!(insert.await.expect("no panic").is_ok());
    }
    roll_up(&store).await;
    assert_eq!(ask(&store, ACCEPTED).await, "a:2 b:2");
}

#[tokio::test]
async fn a_write_that_fails_does_not_affect_the_others() {
    let folder = Folder::new();
    let store = folder.open().await;
    roll_up(&store).await;
    run(
        &store,
        "CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN new.text = 'text 4' \
                 BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .await;
    let batches: Vec<_> = messages(8).into_iter().map(|message| vec![message]).collect();
    for (n, insert) in insert_at_once(&store, batches).await.into_iter().enumerate() {
        let stored = |it: Vec<Inserted>| it.iter().filter(|it| it.is_stored()).count();
        let answer = insert.await.expect("no panic").map(stored).map_err(|error| error.kind());
        let expected = if n == 4 { Err(ErrorKind::Internal) } else { Ok(1) };
        assert_eq!(answer, expected, "insert {n}");
    }
    assert_eq!(count(&store).await, 7);
    roll_up(&store).await;
    assert_eq!(ask(&store, ACCEPTED).await, ":7");
    assert_eq!(ask(&store, "PRAGMA integrity_check").await, "ok");
}
