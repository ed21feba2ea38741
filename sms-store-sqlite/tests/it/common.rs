//! Stores on a file of their own.

use std::time::Duration;

use sms_core::store::{InsertRequest, Inserted};
use sms_core::{Message, MessageId, NewMessage, Result, Store as _};
use sms_store_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

/// A folder, and where in it the file is.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn config(&self) -> SqliteConfig {
        // The machine may be busy with many tests at once.
        SqliteConfig::new(self.0.path().join("data/sms.db"))
            .busy_timeout(Duration::from_secs(30))
            .timeout(Duration::from_secs(60))
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.config()).await.expect("the store opens")
    }
}

pub(crate) fn message(text: &str) -> Message {
    Message::new("+79251234567", text)
}

pub(crate) fn messages(count: usize) -> Vec<NewMessage> {
    (0..count).map(|n| message(&format!("text {n}")).prepare().expect("valid")).collect()
}

pub(crate) async fn insert(store: &SqliteStore, messages: &[NewMessage]) -> Result<Vec<Inserted>> {
    store.insert(InsertRequest { messages, push_after: Duration::ZERO }).await
}

pub(crate) fn ids(messages: &[NewMessage]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}
