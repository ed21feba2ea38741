//! The library in one process: a sender, a worker and a sandbox that sends nothing.
//!
//! `cargo run -p examples --example quickstart`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sms_core::store::{Archive, MessageRequest};
use std::sync::Arc;
use std::time::Duration;

use sms_core::{
    CancellationToken, Class, MemoryQueue, MemoryStore, Message, Sandbox, Sender, Status, Store,
    Worker,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `SqliteStore` and `SmsRu` take the places of these two in earnest.
    let (store, queue) = (Arc::new(MemoryStore::new()), Arc::new(MemoryQueue::new()));
    let sms = Sender::builder(store.clone()).queue(queue.clone()).build();
    let shutdown = CancellationToken::new();
    let worker = tokio::spawn(
        Worker::builder(store.clone(), queue, Sandbox::new()).build().run(shutdown.clone()),
    );

    let id = sms
        .send(Message::new("8 (925) 123-45-67", "Код 1234").class(Class::Otp).key("login-42"))
        .await?;
    println!("accepted: {id}");
    while store
        .get(&MessageRequest::new(id))
        .await?
        .is_some_and(|stored| stored.state.status != Status::Delivered)
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("delivered");
    shutdown.cancel();
    Ok(worker.await??)
}
