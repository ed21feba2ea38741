//! An order and its SMS in one transaction: the message goes out if and only if the order is there.
//!
//! `cargo run -p examples --example transactional`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::time::Duration;

use sms_core::{CancellationToken, MemoryQueue, Message, Sandbox, Scope, Status, Store, Worker};
use sms_store_sqlite::{SqliteConfig, SqliteStore};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open(SqliteConfig::from_url("sqlite:data/shop.db")?).await?);
    let shutdown = CancellationToken::new();
    let worker = Worker::builder(store.clone(), MemoryQueue::new(), Sandbox::new()).build();
    let worker = tokio::spawn(worker.run(shutdown.clone()));

    let mut tx = store.transaction().await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL)")
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO orders (item) VALUES (?)").bind("book").execute(&mut *tx).await?;
    let message = Message::new("+79251234567", "Ваш заказ принят");
    let id = store.insert_in(&mut tx, &message).await?;
    tx.commit().await?;

    // A transaction that is rolled back sends nothing.
    let mut tx = store.transaction().await?;
    let never = store.insert_in(&mut tx, &message).await?;
    tx.rollback().await?;
    assert!(store.get(never, &Scope::All).await?.is_none());

    while store.get(id, &Scope::All).await?.is_some_and(|stored| stored.state.status != Status::Delivered) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("the order is stored and its SMS delivered");
    shutdown.cancel();
    Ok(worker.await??)
}
