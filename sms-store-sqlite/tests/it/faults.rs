//! Faults: a full disk, a file that cannot be written, a lock that is not released, data that
//! cannot be decoded.

use sms_core::PerLane;
use std::error::Error as _;
use std::time::Duration;

use sms_core::store::{Archive, BeginRequest, MessageRequest};
use sms_core::{Error, ErrorKind, Store as _, StoreFault};
use sms_store_sqlite::SqliteStore;

use crate::common::{Folder, ask, count, hold_write_lock, ids, insert, inserted, messages, run};

/// Makes the disk full for the connection that writes.
async fn fill_disk(store: &SqliteStore) {
    let pages = ask(store, "SELECT CAST(page_count AS TEXT) FROM pragma_page_count").await;
    run(store, &format!("PRAGMA max_page_count = {pages}")).await;
}

async fn empty_disk(store: &SqliteStore) {
    run(store, "PRAGMA max_page_count = 1000000").await;
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_stores_nothing_of_the_batch() {
    let folder = Folder::new();
    let store = folder.open().await;
    fill_disk(&store).await;
    // One statement, and several in a transaction.
    for size in [200, 600] {
        let error = insert(&store, &messages(size)).await.expect_err("the disk is full");
        assert_eq!((error.kind(), error.fault()), (ErrorKind::Unavailable, Some(StoreFault::Full)));
        assert!(error.source().is_some());
        assert_eq!(count(&store).await, 0);
        fill_disk(&store).await;
    }
    empty_disk(&store).await;
    assert_eq!(inserted(&store, &messages(2)).await, 2);
}

#[tokio::test]
async fn a_transaction_sqlite_gave_up_by_itself_does_not_spoil_the_next_one() {
    let folder = Folder::new();
    let store = folder.open().await;
    run(&store, "CREATE TABLE orders (text TEXT)").await;
    fill_disk(&store).await;
    let large = store.transaction::<_, anyhow::Error, _>(|transaction| {
        transaction.execute("INSERT INTO orders VALUES (?1)", ["x".repeat(1_000_000)])?;
        Ok(())
    });
    // SQLite may have rolled back by itself.
    large.await.expect_err("the disk is full");
    empty_disk(&store).await;
    let batch = messages(2);
    insert(&store, &batch).await.expect("inserted");
    let begun = ids(&batch);
    let request = BeginRequest::new(&begun, "w", 1, "p", Duration::from_mins(1));
    assert_eq!(store.begin(request).await.expect("begun").len(), 2);
    assert_eq!(store.due(everything()).await.expect("none due"), []);
}

fn everything() -> sms_core::store::DueRequest {
    sms_core::store::DueRequest::new(PerLane::all(10), Duration::from_secs(1))
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_unavailable_and_can_be_read() {
    let folder = Folder::new();
    let (store, batch) = (folder.open().await, messages(2));
    insert(&store, &batch).await.expect("inserted");
    run(&store, "PRAGMA query_only = ON").await;
    let error = insert(&store, &messages(1)).await.expect_err("read-only");
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Unavailable, Some(StoreFault::ReadOnly)));
    let begun = ids(&batch);
    let request = BeginRequest::new(&begun, "w", 1, "p", Duration::from_mins(1));
    assert_eq!(
        store.begin(request).await.map_err(|error| error.kind()),
        Err(ErrorKind::Unavailable)
    );
    assert_eq!(count(&store).await, 2);
    drop(store);
    assert_eq!(folder.open().await.begin(request).await.expect("begun").len(), 2);
}

#[tokio::test]
async fn another_process_that_keeps_writing_makes_it_unavailable_for_a_while() {
    let folder = Folder::new();
    let other = folder.open().await;
    let config = folder.config().busy_timeout(Duration::from_millis(20));
    let store = SqliteStore::open(config).await.expect("the store opens");
    let held = hold_write_lock(&other).await;
    let error = insert(&store, &messages(1)).await.expect_err("busy");
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Unavailable, Some(StoreFault::Locked)));
    assert!(error.is_retryable());
    // Reading goes on.
    assert_eq!(count(&store).await, 0);
    held.release().await;
    insert(&store, &messages(1)).await.expect("inserted");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn a_transaction_that_is_kept_open_makes_other_writes_unavailable_in_bounded_time() {
    let folder = Folder::new();
    folder.open().await;
    let store = SqliteStore::open(folder.config().timeout(Duration::from_millis(500)))
        .await
        .expect("opens");
    let held = hold_write_lock(&store).await;
    let error = insert(&store, &messages(1)).await.expect_err("the writer is taken");
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Unavailable, Some(StoreFault::Locked)));
    let nothing = store.transaction(|_| Ok::<_, Error>(())).await;
    assert_eq!(nothing.map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
    drop(held);
    // A write that did not get its turn in time is not done later.
    insert(&store, &messages(1)).await.expect("inserted");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn work_of_an_application_that_panics_is_rolled_back_and_leaves_a_working_store() {
    let folder = Folder::new();
    let store = folder.open().await;
    run(&store, "CREATE TABLE orders (n INTEGER)").await;
    let panics = store.transaction::<(), Error, _>(|transaction| {
        transaction.execute("INSERT INTO orders VALUES (1)", []).expect("inserted");
        panic!("an application's mistake");
    });
    assert_eq!(panics.await.map_err(|error| error.kind()), Err(ErrorKind::Internal));
    insert(&store, &messages(1)).await.expect("inserted");
    assert_eq!(ask(&store, "SELECT CAST(count(*) AS TEXT) FROM orders").await, "0");
}

#[tokio::test]
async fn data_nobody_can_read_is_a_defect() {
    let folder = Folder::new();
    let (store, batch) = (folder.open().await, messages(1));
    insert(&store, &batch).await.expect("inserted");
    run(&store, "UPDATE messages SET class = 'other'").await;
    let error = store.get(&MessageRequest::new(batch[0].id)).await.expect_err("unreadable");
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(!format!("{error:?}").contains("text 0"));
}
