//! Stores on a file of their own.

use std::path::PathBuf;
use std::time::Duration;

use sms_core::store::{InsertRequest, Inserted, ListRequest};
use sms_core::{Message, MessageId, NewMessage, Result, Store as _};
use sms_store_sqlite::{SqliteConfig, SqliteStore};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;

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
    store.insert(InsertRequest { messages, push_after: Duration::ZERO }).await
}

pub(crate) async fn count(store: &SqliteStore) -> usize {
    let all = ListRequest { limit: 100_000, ..ListRequest::default() };
    store.list(&all).await.expect("a list").len()
}

/// Runs a statement on the connection that writes, and keeps what it did.
pub(crate) async fn run(store: &SqliteStore, statement: &str) {
    let mut transaction = store.transaction().await.expect("a transaction");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await.expect(statement);
    transaction.commit().await.expect("a commit");
}

/// What a statement answers with first.
pub(crate) async fn ask(store: &SqliteStore, statement: &'static str) -> String {
    let mut transaction = store.transaction().await.expect("a transaction");
    sqlx::query_scalar(statement).fetch_one(&mut *transaction).await.expect(statement)
}
