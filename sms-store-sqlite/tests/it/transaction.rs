//! Messages in the application's own transactions.

use std::time::Duration;

use sms_core::store::DueRequest;
use sms_core::{ErrorKind, ManualClock, Message, Store as _};
use sms_store_sqlite::SqliteStore;

use crate::common::{Folder, ask, count, insert, message, run};

async fn orders() -> (Folder, SqliteStore) {
    let folder = Folder::new();
    let store = folder.open().await;
    run(&store, "CREATE TABLE orders (id INTEGER PRIMARY KEY)").await;
    (folder, store)
}

/// Stores an order with its message, or neither.
async fn order_with(store: &SqliteStore, message: &Message, commit: bool) {
    let (inside, message) = (store.clone(), message.clone());
    let done = store.transaction(move |transaction| {
        transaction.execute("INSERT INTO orders DEFAULT VALUES", [])?;
        inside.insert_in(transaction, &message)?;
        if commit { Ok(()) } else { anyhow::bail!("the application thinks better of it") }
    });
    assert_eq!(done.await.is_ok(), commit);
}

async fn number_of_orders(store: &SqliteStore) -> String {
    ask(store, "SELECT CAST(count(*) AS TEXT) FROM orders").await
}

#[tokio::test]
async fn a_commit_keeps_both_and_the_message_is_offered() {
    let (_folder, store) = orders().await;
    order_with(&store, &message("ready"), true).await;
    assert_eq!((count(&store).await, number_of_orders(&store).await.as_str()), (1, "1"));
    let due = DueRequest::new([1; 3], Duration::from_secs(1));
    assert_eq!(store.due(due).await.expect("due").len(), 1);
}

#[tokio::test]
async fn a_rollback_leaves_nothing() {
    let (_folder, store) = orders().await;
    order_with(&store, &message("ready"), false).await;
    assert_eq!((count(&store).await, number_of_orders(&store).await.as_str()), (0, "0"));
}

#[tokio::test]
async fn a_replay_is_the_first_message_and_other_content_is_refused() {
    let (_folder, store) = orders().await;
    let first = message("ready").key("order-1").prepare().expect("valid");
    insert(&store, std::slice::from_ref(&first)).await.expect("inserted");
    let (inside, first) = (store.clone(), first.id);
    let orders = store.transaction(move |transaction| {
        let again = message("ready").key("order-1");
        assert_eq!(inside.insert_in(transaction, &again)?, first);
        let other = message("late").key("order-1");
        let refused = inside.insert_in(transaction, &other).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::KeyReused);
        // A refusal leaves the transaction to its owner.
        inside.insert_in(transaction, &message("late").key("order-2"))
    });
    orders.await.expect("committed");
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn a_key_is_free_again_after_its_window_here_too() {
    let (_folder, store) = orders().await;
    let clock = ManualClock::new(1_767_268_800_000);
    let store = store.with_clock(clock.clone());
    order_with(&store, &message("ready").key("order-1"), true).await;
    clock.advance(Duration::from_hours(72));
    order_with(&store, &message("other").key("order-1"), true).await;
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn a_connection_of_the_applications_own_will_do() {
    let (folder, store) = orders().await;
    let mut conn = rusqlite::Connection::open(folder.file()).expect("the file opens");
    let transaction = conn.transaction().expect("a transaction");
    transaction.execute("INSERT INTO orders DEFAULT VALUES", []).expect("inserted");
    store.insert_in(&transaction, &message("ready")).expect("inserted");
    assert_eq!(count(&store).await, 0);
    transaction.commit().expect("committed");
    assert_eq!((count(&store).await, number_of_orders(&store).await.as_str()), (1, "1"));
}

#[tokio::test]
async fn an_invalid_message_is_refused_with_its_fields() {
    let (_folder, store) = orders().await;
    let inside = store.clone();
    let refused =
        store.transaction(move |transaction| inside.insert_in(transaction, &Message::new("123", "x")));
    let refused = refused.await.expect_err("refused");
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "phone_invalid"));
}
