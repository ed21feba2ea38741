//! Stores on a file of their own.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Transaction;
use sms_core::store::{InsertRequest, Inserted, ListRequest};
use sms_core::{Archive, Error, ErrorKind, Message, MessageId, NewMessage, Result, Store as _};
use sms_store_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A folder with a file in it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("data/sms.db")
    }

    pub(crate) fn config(&self) -> SqliteConfig {
        patient(self.file())
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.config()).await.expect("the store opens")
    }
}

/// The machine may be busy with many tests at once.
pub(crate) fn patient(file: impl Into<PathBuf>) -> SqliteConfig {
    SqliteConfig::new(file).busy_timeout(Duration::from_mins(1)).timeout(Duration::from_mins(2))
}

pub(crate) fn message(text: &str) -> Message {
    Message::new("+79251234567", text)
}

pub(crate) fn messages(count: usize) -> Vec<NewMessage> {
    (0..count).map(|n| message(&format!("text {n}")).prepare().expect("valid")).collect()
}

pub(crate) fn ids(messages: &[NewMessage]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}

pub(crate) async fn insert(store: &SqliteStore, messages: &[NewMessage]) -> Result<Vec<Inserted>> {
    store.insert(InsertRequest::new(messages)).await
}

/// Inserts messages, and returns how many of them are stored.
pub(crate) async fn inserted(store: &SqliteStore, messages: &[NewMessage]) -> usize {
    let inserted = insert(store, messages).await.expect("inserted");
    inserted.iter().filter(|inserted| inserted.is_stored()).count()
}

pub(crate) async fn count(store: &SqliteStore) -> usize {
    let all = ListRequest::new(100_000);
    store.list(&all).await.expect("a list").messages.len()
}

/// Runs statements on the connection that writes, and keeps what they did.
pub(crate) async fn run(store: &SqliteStore, statements: &str) {
    let script = statements.to_owned();
    let done: Result<(), anyhow::Error> =
        store.transaction(move |transaction| Ok(transaction.execute_batch(&script)?)).await;
    done.expect(statements);
}

/// The first column of the first row of a statement.
pub(crate) async fn ask(store: &SqliteStore, statement: &'static str) -> String {
    let answer: Result<String, anyhow::Error> = store
        .transaction(move |transaction| Ok(transaction.query_one(statement, [], |row| row.get(0))?))
        .await;
    answer.expect(statement)
}

/// Another transaction on the store's writing connection, until this is dropped; it is then rolled
/// back.
pub(crate) struct Held {
    release: mpsc::Sender<()>,
    ended: JoinHandle<Result<()>>,
}

impl Held {
    /// Ends it, and waits until it has ended.
    pub(crate) async fn release(self) {
        drop(self.release);
        self.ended.await.expect("no panic").expect_err("rolled back");
    }
}

/// Begins one, and waits until it has begun.
pub(crate) async fn hold_write_lock(store: &SqliteStore) -> Held {
    let (release, released) = mpsc::channel();
    let (begun, has_begun) = oneshot::channel();
    let store = store.clone();
    let ended = tokio::spawn(async move {
        let wait = move |_: &Transaction<'_>| {
            begun.send(()).expect("awaited");
            // An error, because nothing is ever sent: the other end is dropped.
            let end = released.recv().expect_err("released");
            Err(Error::new(ErrorKind::Conflict, "released").with_source(end))
        };
        store.transaction(wait).await
    });
    has_begun.await.expect("begun");
    Held { release, ended }
}
