//! An order and its SMS in one transaction: the message goes out if and only if the order is there.
//!
//! `cargo run -p examples --example transactional`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::time::Duration;

use sms_core::store::ListRequest;
use sms_core::{Archive as _, Message, Sandbox, Sms};
use sms_store_sqlite::{SqliteConfig, SqliteStore};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open(SqliteConfig::from_url("sqlite:data/shop.db")?).await?);
    let sms = Sms::open(store.clone(), Sandbox::new()).await?;

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

    let end = sms.wait(id, Duration::from_secs(30)).await?;
    println!("the order is stored; its SMS is {}", end.state.status);
    Ok(sms.close().await?)
}
