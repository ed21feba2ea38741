//! Errors of a server that cannot be written to.

use std::time::Duration;

use sms_core::store::BeginRequest;
use sms_core::{Error, ErrorKind, Store as _, StoreFault};
use sms_store_pg::{PgConfig, PgStore};

use crate::common::{Schema, ids, insert, message, messages, run};

/// The error that a caller gets: is it retryable, and what is wrong with the store.
fn told(error: &Error) -> (ErrorKind, Option<StoreFault>) {
    (error.kind(), error.fault())
}

#[tokio::test]
async fn a_server_that_only_reads_is_called_read_only() {
    let schema = Schema::new();
    let store = schema.open().await;
    let mut conn = schema.connect().await;
    run(&mut conn, "SET default_transaction_read_only = on").await;
    let error = store.insert_in(&mut conn, &message("hi")).await.expect_err("read-only");
    assert_eq!(told(&error), (ErrorKind::Unavailable, Some(StoreFault::ReadOnly)));
}

/// A server reports that its disk is full, because no test can fill the disk of a server that
/// others use.
#[tokio::test]
async fn a_server_without_space_is_called_full() {
    let schema = Schema::new();
    let store = schema.open().await;
    let full = "CREATE FUNCTION full() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN RAISE EXCEPTION 'could not extend file' \
                USING ERRCODE = 'disk_full'; END $$; \
                CREATE TRIGGER disk BEFORE INSERT ON messages EXECUTE FUNCTION full()";
    run(&mut schema.connect().await, full).await;
    let error = insert(&store, &messages(1)).await.expect_err("full");
    assert_eq!(told(&error), (ErrorKind::Unavailable, Some(StoreFault::Full)));
}

#[tokio::test]
async fn a_row_or_table_that_somebody_holds_is_called_locked() {
    let schema = Schema::new();
    let (patient, batch) = (schema.open().await, messages(1));
    insert(&patient, &batch).await.expect("inserted");
    let store = schema.open_with(schema.config().timeout(Duration::from_secs(1))).await;
    let mut conn = schema.connect().await;
    run(&mut conn, &format!("BEGIN; SELECT FROM states WHERE id = '{}' FOR UPDATE", batch[0].id))
        .await;
    let lease = Duration::from_mins(1);
    let begun = ids(&batch);
    let request = BeginRequest::new(&begun, "w", 1, "p", lease);
    let error = store.begin(request).await.expect_err("the row is locked");
    assert_eq!(told(&error), (ErrorKind::Unavailable, Some(StoreFault::Locked)));
    run(&mut conn, "ROLLBACK; BEGIN; LOCK TABLE messages").await;
    let error = insert(&store, &messages(1)).await.expect_err("the table is locked");
    assert_eq!(told(&error), (ErrorKind::Unavailable, Some(StoreFault::Locked)));
    run(&mut conn, "ROLLBACK").await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_called_unreachable() {
    let config = PgConfig::from_url("postgres://nobody@127.0.0.1:1/db").expect("valid");
    let error = PgStore::open(config).await.expect_err("nobody listens");
    assert_eq!(told(&error), (ErrorKind::Unavailable, Some(StoreFault::Unreachable)));
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_called_unreachable() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("bound").port();
    let config =
        PgConfig::from_url(&format!("postgres://nobody@127.0.0.1:{port}/db")).expect("valid");
    let error =
        PgStore::open(config.timeout(Duration::from_secs(1))).await.expect_err("nobody answers");
    assert_eq!(told(&error), (ErrorKind::Unavailable, Some(StoreFault::Unreachable)));
}
