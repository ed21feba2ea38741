//! Messages in the application's own transactions.

use sms_core::PerLane;
use std::time::Duration;

use sms_core::clock::datetime_from_ms;
use sms_core::store::{Archive, DueRequest, ListRequest, MessageRequest};
use sms_core::{Clock as _, ErrorKind, ManualClock, Message, Sender, Store as _};
use sms_store_pg::PgStore;
use sqlx::{Connection as _, PgConnection};

use crate::common::{Schema, ask, connect, count, insert, message, messages, run};

async fn orders() -> (Schema, PgStore, PgConnection) {
    let schema = Schema::new();
    let store = schema.open().await;
    // The application's connection need not know the schema.
    let mut conn = connect().await;
    run(&mut conn, &format!("CREATE TABLE {}.orders (id integer)", schema.name())).await;
    (schema, store, conn)
}

async fn order_with(
    (schema, store, conn): (&Schema, &PgStore, &mut PgConnection),
    message: &Message,
    commit: bool,
) {
    let mut transaction = conn.begin().await.expect("a transaction");
    run(&mut transaction, &format!("INSERT INTO {}.orders VALUES (1)", schema.name())).await;
    let id = store.insert_in(&mut transaction, message).await.expect("inserted");
    assert_eq!(
        store.get(&MessageRequest::new(id)).await.expect("read"),
        None,
        "it is nowhere before the commit"
    );
    if commit {
        transaction.commit().await.expect("committed");
    } else {
        transaction.rollback().await.expect("rolled back");
    }
}

async fn number_of_orders(schema: &Schema, conn: &mut PgConnection) -> String {
    ask(conn, &format!("SELECT count(*)::text FROM {}.orders", schema.name())).await
}

async fn offered(store: &PgStore) -> usize {
    let due = DueRequest::new(PerLane::all(10), Duration::from_secs(1));
    store.due(due).await.expect("due").len()
}

#[tokio::test]
async fn a_commit_keeps_both_and_the_message_is_offered() {
    let (schema, store, mut conn) = orders().await;
    order_with((&schema, &store, &mut conn), &message("ready"), true).await;
    assert_eq!(
        (count(&store).await, number_of_orders(&schema, &mut conn).await.as_str()),
        (1, "1")
    );
    assert_eq!(offered(&store).await, 1);
}

#[tokio::test]
async fn a_rollback_leaves_nothing_to_send() {
    let (schema, store, mut conn) = orders().await;
    order_with((&schema, &store, &mut conn), &message("ready").key("order-1"), false).await;
    assert_eq!(
        (count(&store).await, number_of_orders(&schema, &mut conn).await.as_str()),
        (0, "0")
    );
    assert_eq!(offered(&store).await, 0);
    // Its key was rolled back with it.
    order_with((&schema, &store, &mut conn), &message("other").key("order-1"), true).await;
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn a_replay_is_the_first_message_and_other_content_is_refused() {
    let (_schema, store, mut conn) = orders().await;
    let first = message("ready").key("order-1").prepare().expect("valid");
    insert(&store, std::slice::from_ref(&first)).await.expect("inserted");
    let mut transaction = conn.begin().await.expect("a transaction");
    for _ in 0..2 {
        let replayed = store.insert_in(&mut transaction, &message("ready").key("order-1")).await;
        assert_eq!(replayed.expect("replayed"), first.id);
    }
    let refused = store
        .insert_in(&mut transaction, &message("late").key("order-1"))
        .await
        .expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::KeyReused);
    // A refusal leaves the transaction to its owner.
    let second =
        store.insert_in(&mut transaction, &message("late").key("order-2")).await.expect("inserted");
    let again =
        store.insert_in(&mut transaction, &message("late").key("order-2")).await.expect("replayed");
    assert_eq!(again, second, "a transaction sees its own key");
    transaction.commit().await.expect("committed");
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn a_key_in_an_open_transaction_is_waited_for() {
    let (_schema, store, mut conn) = orders().await;
    let mut transaction = conn.begin().await.expect("a transaction");
    let first =
        store.insert_in(&mut transaction, &message("ready").key("k")).await.expect("inserted");
    let other = message("ready").key("k").prepare().expect("valid");
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { insert(&store, &[other]).await }
    });
    // Other calls of the store continue meanwhile.
    insert(&store, &messages(1)).await.expect("inserted");
    transaction.commit().await.expect("committed");
    let answer = waiting.await.expect("no panic").expect("inserted");
    assert_eq!(answer, [sms_core::store::Inserted::Replayed(first)]);
}

#[tokio::test]
async fn a_key_is_free_again_after_its_window_here_too() {
    let (schema, store, mut conn) = orders().await;
    let clock = ManualClock::new(1_767_268_800_000);
    let store = store.clock(clock.clone());
    order_with((&schema, &store, &mut conn), &message("ready").key("order-1"), true).await;
    clock.advance(Duration::from_hours(72));
    order_with((&schema, &store, &mut conn), &message("other").key("order-1"), true).await;
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn an_invalid_message_is_refused_with_its_fields() {
    let (_schema, store, mut conn) = orders().await;
    let refused = store.insert_in(&mut conn, &Message::new("123", "x")).await.expect_err("refused");
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "phone_invalid"));
}

#[tokio::test]
async fn a_number_means_the_same_in_every_part_over_one_store() {
    let schema = Schema::new();
    let store = schema.open_with(schema.config().region("DE".parse().expect("a region"))).await;
    let (mut conn, national) = (connect().await, "0170 1234567");
    let inserted =
        store.insert_in(&mut conn, &Message::new(national, "ready")).await.expect("inserted");
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
    let (_schema, store, mut conn) = orders().await;
    let clock = ManualClock::new(1_767_268_800_000);
    let store = store.clock(clock.clone());
    let soon = datetime_from_ms(clock.now_ms()) + Duration::from_mins(5);
    let keyed = |text: &str, key: &str| message(text).key(key).send_at(soon);
    let mut transaction = conn.begin().await.expect("a transaction");
    let first = store.insert_in(&mut transaction, &keyed("ready", "k")).await.expect("inserted");
    clock.advance(Duration::from_hours(1));
    // A transaction sees its own key.
    for _ in 0..2 {
        assert_eq!(
            store.insert_in(&mut transaction, &keyed("ready", "k")).await.expect("replayed"),
            first
        );
        let other = store
            .insert_in(&mut transaction, &keyed("late", "k"))
            .await
            .expect_err("other content");
        assert_eq!(other.kind(), ErrorKind::KeyReused);
        let late =
            store.insert_in(&mut transaction, &keyed("ready", "l")).await.expect_err("another key");
        assert_eq!(late.code(), "send_at_invalid");
    }
    transaction.commit().await.expect("committed");
    assert_eq!(store.insert_in(&mut conn, &keyed("ready", "k")).await.expect("replayed"), first);
    assert_eq!(count(&store).await, 1);
}
