//! An order and its SMS in one transaction: the message goes out if and only if the order is there.
//!
//! `cargo run -p examples --example transactional`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sms_core::store::{Archive, MessageRequest};
use std::sync::Arc;
use std::time::Duration;

use sms_core::store::ListRequest;
use sms_core::{CancellationToken, MemoryQueue, Message, Sandbox, Status, Store, Worker};
use sms_store_sqlite::{SqliteConfig, SqliteStore};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open(SqliteConfig::from_url("sqlite:data/shop.db")?).await?);
    let shutdown = CancellationToken::new();
    let worker = Worker::builder(store.clone(), MemoryQueue::new(), Sandbox::new()).build();
    let worker = tokio::spawn(worker.run(shutdown.clone()));

    let message = Message::new("+79251234567", "Ваш заказ принят");
    let (accepted, inside) = (message.clone(), store.clone());
    let id = store.transaction(move |tx| {
        tx.execute(
            "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL)",
            [],
        )?;
        tx.execute("INSERT INTO orders (item) VALUES (?1)", ["book"])?;
        anyhow::Ok(inside.insert_in(tx, &accepted)?)
    });
    let id = id.await?;

    // A transaction that is rolled back sends nothing.
    let (never, inside) = (message.reference("order-2"), store.clone());
    let refused = store.transaction(move |tx| -> anyhow::Result<()> {
        inside.insert_in(tx, &never)?;
        anyhow::bail!("out of stock")
    });
    assert!(refused.await.is_err());
    let reference = Some("order-2".to_owned());
    assert!(store.list(&ListRequest::new(1).reference(reference)).await?.messages.is_empty());

    while store
        .get(&MessageRequest::new(id))
        .await?
        .is_some_and(|stored| stored.state.status != Status::Delivered)
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("the order is stored and its SMS delivered");
    shutdown.cancel();
    Ok(worker.await??)
}
