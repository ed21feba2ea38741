//! Calls that are dropped.

use std::future::Future;
use std::task::Poll;

use crate::common::{Folder, ask, count, hold_write_lock, insert, inserted, messages, run};

/// Polls a future this number of times and drops it.
async fn drop_after(polls: usize, future: impl Future) {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        let ended =
            std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready()))
                .await;
        if ended {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_insert_happens_whole_or_not_at_all_and_leaves_a_working_store() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut expected = 0;
    for polls in 0..40 {
        // Two statements, so that the call can be dropped between them.
        let batch = messages(300);
        drop_after(polls, insert(&store, &batch)).await;
        // Writes run one after the other, so this one comes after the dropped one, if that
        // happened.
        insert(&store, &messages(1)).await.expect("inserted");
        let found = count(&store).await - expected - 1;
        assert!(found == 0 || found == 300, "{found} of 300 were stored");
        assert_eq!(inserted(&store, &batch).await, 300);
        expected += 301;
        assert_eq!(count(&store).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_happens_whole_or_not_at_all_and_leaves_a_working_store() {
    let folder = Folder::new();
    let store = folder.open().await;
    run(&store, "CREATE TABLE orders (n INTEGER)").await;
    let mut expected = 0;
    for polls in 0..40 {
        let orders = store.transaction::<_, anyhow::Error, _>(|transaction| {
            for n in 0..1000 {
                transaction.execute("INSERT INTO orders VALUES (?1)", [n])?;
            }
            Ok(())
        });
        drop_after(polls, orders).await;
        insert(&store, &messages(1)).await.expect("inserted");
        let orders = ask(&store, "SELECT CAST(count(*) AS TEXT) FROM orders").await;
        let orders: usize = orders.parse().expect("a number");
        assert!(orders == expected || orders == expected + 1000, "{orders} after {expected}");
        expected = orders;
    }
    assert_eq!(count(&store).await, 40);
}

#[tokio::test]
async fn a_write_is_left_out_if_its_caller_has_gone_before_its_turn() {
    let folder = Folder::new();
    let store = folder.open().await;
    run(&store, "CREATE TABLE orders (n INTEGER)").await;
    let held = hold_write_lock(&store).await;
    drop_after(1, insert(&store, &messages(1))).await;
    let order = store.transaction::<_, anyhow::Error, _>(|transaction| {
        Ok(transaction.execute("INSERT INTO orders VALUES (1)", [])?)
    });
    drop_after(1, order).await;
    drop(held);
    insert(&store, &messages(1)).await.expect("inserted");
    assert_eq!(count(&store).await, 1);
    assert_eq!(ask(&store, "SELECT CAST(count(*) AS TEXT) FROM orders").await, "0");
}
