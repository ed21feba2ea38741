//! The library in one process: a store in memory, and a sandbox that sends nothing.
//!
//! `cargo run -p examples --example quickstart`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use sms_core::{Class, MemoryStore, Message, Sandbox, Sms};

#[tokio::main]
async fn main() -> sms_core::Result<()> {
    // In earnest, `SqliteStore` and `SmsRu` take the places of these two.
    let sms = Sms::open(MemoryStore::new(), Sandbox::new()).await?;
    let message = Message::new("8 (925) 123-45-67", "Код 1234").class(Class::Otp).key("login-42");
    let id = sms.send(message).await?;
    println!("accepted: {id}");
    println!("{}", sms.wait(id, Duration::from_secs(30)).await?.state.status);
    sms.close().await
}
