//! A provider that holds a connection, on which receipts arrive by themselves.
//!
//! `cargo test -p examples --example connected_provider`
//!
//! The server runs it with a change of `sms-server/src/adapters.rs` alone. The part of this file
//! up to `operator` becomes `sms-server/src/adapters/connected_provider.rs`, with the type and its
//! `new` as `pub(super)`. At the top of `adapters.rs` and in `open_provider`:
//!
//! ```ignore
//! mod connected_provider;
//!
//!         ("line", address) => Ok(Arc::new(connected_provider::ConnectedProvider::new(
//!             address.trim_start_matches("//"),
//!         ))),
//! ```
//!
//! With `SMS_PROVIDER=line://127.0.0.1:7000` a message then becomes `delivered`. The test at the
//! end does the same without the program: it mounts the server's routes over this provider.
//!
//! The protocol is made up. A line `send ID NUMBER TEXT` is answered with `ok ID`; later the line
//! `delivered ID` arrives.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sms_core::{
    Error, IncomingReceipts, Limits, MessageId, Outcome, PhoneNumber, Provider, Receipt,
    ReceiptState, Result, Submission, async_trait,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex as AsyncMutex, oneshot};

const NAME: &str = "line";

/// Calls that wait for the answer to a message, by the id of the message.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>;

/// Sends messages on one TCP connection.
#[derive(Debug)]
struct ConnectedProvider {
    address: String,
    /// The half of the connection to write to; `None` while it is closed.
    writer: AsyncMutex<Option<OwnedWriteHalf>>,
    waiting: Waiting,
    /// Receipts outlive a connection: what has arrived is never dropped.
    arrived: UnboundedSender<Receipt>,
    receipts: AsyncMutex<UnboundedReceiver<Receipt>>,
}

impl ConnectedProvider {
    fn new(address: impl Into<String>) -> Self {
        let (arrived, receipts) = unbounded_channel();
        Self {
            address: address.into(),
            writer: AsyncMutex::default(),
            waiting: Waiting::default(),
            arrived,
            receipts: AsyncMutex::new(receipts),
        }
    }

    async fn send(&self, message: &Submission) -> Outcome {
        // A connection that was lost is opened again.
        if let Err(error) = self.open().await {
            return Outcome::not_sent(error.to_string());
        }
        let id = message.id.to_string();
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), answer);
        let text = message.text.replace('\n', " ");
        let request = format!("send {id} {} {text}\n", message.to);
        let mut writer = self.writer.lock().await;
        let Some(half) = writer.as_mut() else { return Outcome::not_sent("closed") };
        if half.write_all(request.as_bytes()).await.is_err() {
            // A part of it may have been written.
            *writer = None;
            return Outcome::unknown("the connection was lost");
        }
        drop(writer);
        match answered.await {
            Ok(()) => Outcome::accepted(id),
            Err(_) => Outcome::unknown("the connection was lost"),
        }
    }
}

#[async_trait]
impl Provider for ConnectedProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self) -> Limits {
        Limits::new(10, Duration::from_secs(5))
    }

    async fn open(&self) -> Result<()> {
        let mut writer = self.writer.lock().await;
        if writer.is_some() {
            return Ok(());
        }
        let stream = TcpStream::connect(&self.address)
            .await
            .map_err(|error| Error::unavailable("the line cannot be connected", error))?;
        let (read, write) = stream.into_split();
        tokio::spawn(listen(read, Arc::clone(&self.waiting), self.arrived.clone()));
        *writer = Some(write);
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        // The other side closes its half after that, and the task that reads ends.
        *self.writer.lock().await = None;
        Ok(())
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for message in batch {
            outcomes.push(self.send(message).await);
        }
        outcomes
    }

    fn incoming(&self) -> Option<&dyn IncomingReceipts> {
        Some(self)
    }
}

#[async_trait]
impl IncomingReceipts for ConnectedProvider {
    async fn next(&self) -> Vec<Receipt> {
        self.receipts.lock().await.recv().await.into_iter().collect()
    }
}

/// Reads what arrives, until the connection ends.
async fn listen(read: OwnedReadHalf, waiting: Waiting, arrived: UnboundedSender<Receipt>) {
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.split_once(' ') {
            Some(("ok", id)) => {
                let answer = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
                answer.map(|answer| answer.send(()));
            }
            Some(("delivered", id)) => {
                let _ = arrived.send(Receipt::new(NAME, id, ReceiptState::Delivered));
            }
            _ => {}
        }
    }
    // Nobody can tell what became of those that wait.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// The other end of the line: accepts every message and reports it delivered.
async fn operator() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let id = line.split(' ').nth(1).unwrap_or_default();
                    let reply = format!("ok {id}\ndelivered {id}\n");
                    if write.write_all(reply.as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    Ok(address)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let line = ConnectedProvider::new(operator().await?);
    line.open().await?;
    let to = PhoneNumber::parse("+79251234567")?;
    let message = Submission::new(MessageId::new(), to, "Hello");
    println!("{:?}", line.submit(&[message]).await);
    println!("{:?}", line.next().await);
    line.close().await?;
    Ok(())
}

#[cfg(test)]
sms_testkit::provider!({
    let address = operator().await.expect("a port");
    sms_testkit::ProviderHarness::new(ConnectedProvider::new(address))
});

#[cfg(test)]
mod in_the_server {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use secrecy::ExposeSecret;
    use sms_core::{MemoryStore, Sms};
    use sms_server::{App, KeyRing, KeyScope};
    use tower::ServiceExt as _;

    use super::*;

    /// The body of the reply to a request with this key.
    async fn ask(server: &axum::Router, key: &str, method: &str, path: &str, body: &str) -> String {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", format!("Bearer {key}"))
            .header("Content-Type", "application/json")
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let reply = server.clone().oneshot(request).await.expect("a reply");
        let body = to_bytes(reply.into_body(), usize::MAX).await.expect("a body");
        String::from_utf8(body.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn a_message_that_was_sent_over_http_is_shown_as_delivered() {
        let line = ConnectedProvider::new(operator().await.expect("a port"));
        let provider: Arc<dyn Provider> = Arc::new(line);
        let store = Arc::new(MemoryStore::new());
        let sms = Sms::open(store.clone(), provider.clone()).await.expect("opened");
        let registry = Arc::new(sms_core::MemoryRegistry::new());
        let keys = KeyRing::new(registry.clone(), None);
        let key = keys.create("test", &KeyScope::ALL).await.expect("a key");
        let server = App::builder(sms.sender().clone(), store, sms.queue().clone(), keys)
            .provider(provider, registry)
            .build()
            .router();

        let key = key.expose_secret();
        let message = r#"{"to":"+79251234567","text":"Hello"}"#;
        let accepted = ask(&server, key, "POST", "/v1/messages", message).await;
        let id = accepted.split('"').nth(3).expect("an id").parse().expect("an id");
        sms.wait(id, Duration::from_secs(10)).await.expect("readable");
        let shown = ask(&server, key, "GET", &format!("/v1/messages/{id}"), "").await;
        assert!(shown.contains(r#""status":"delivered""#), "{shown}");
        assert!(shown.contains(r#""provider":"line""#), "{shown}");
        sms.close().await.expect("closed");
    }
}
