//! Messages in the application's own transactions.

use sms_core::PerLane;
use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::store::{DueRequest, ListRequest};
use sms_core::{Archive, Clock as _, ErrorKind, ManualClock, Message, Sender, Store as _};
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
    let due = DueRequest::new(PerLane::all(1), Duration::from_secs(1));
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
    let store = store.clock(clock.clone());
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
    let refused = store
        .transaction(move |transaction| inside.insert_in(transaction, &Message::new("123", "x")));
    let refused = refused.await.expect_err("refused");
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "phone_invalid"));
}

#[tokio::test]
async fn a_number_means_the_same_in_every_part_over_one_store() {
    let folder = Folder::new();
    let config = folder.config().region("DE".parse().expect("a region"));
    let store = SqliteStore::open(config).await.expect("the store opens");
    let (inside, national) = (store.clone(), "0170 1234567");
    let inserted = store.transaction(move |transaction| {
        anyhow::Ok(inside.insert_in(transaction, &Message::new(national, "ready"))?)
    });
    let inserted = inserted.await.expect("inserted");
    let sent = Sender::builder(store.clone())
        .build()
        .send(Message::new(national, "ready"))
        .await
        .expect("sent");
    let to = store.numbers().read(national).ok();
    let filtered = ListRequest::new(10).to(to);
    let searched = ListRequest::new(10).search(Some("0170 123".to_owned()));
    for request in [filtered, searched] {
        let found = store.list(&request).await.expect("a list");
        let found: Vec<_> =
            found.messages.iter().map(|it| (it.message.id, it.message.to.to_string())).collect();
        assert_eq!(found, [sent, inserted].map(|id| (id, "+491701234567".to_owned())));
    }
}

#[tokio::test]
async fn a_repeat_is_the_first_message_although_its_time_is_past() {
    let (_folder, store) = orders().await;
    let clock = ManualClock::new(1_767_268_800_000);
    let store = store.clock(clock.clone());
    let soon = datetime_from_ms(clock.now_ms()) + Duration::from_mins(5);
    let insert = |text: &str, key: &str| {
        let (inside, message) = (store.clone(), message(text).key(key).send_at(soon));
        store.transaction(move |transaction| inside.insert_in(transaction, &message))
    };
    let first = insert("ready", "k").await.expect("inserted");
    clock.advance(Duration::from_hours(1));
    assert_eq!(insert("ready", "k").await.expect("replayed"), first);
    assert_eq!(insert("late", "k").await.expect_err("other content").kind(), ErrorKind::KeyReused);
    assert_eq!(insert("ready", "l").await.expect_err("another key").code(), "send_at_invalid");
    assert_eq!(count(&store).await, 1);
}
