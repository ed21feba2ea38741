//! Small named records beside the messages: API keys, settings, heartbeats.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use time::OffsetDateTime;

use crate::clock::datetime_from_ms;
use crate::error::Result;

/// JSON documents by kind and name, each with a version, so that a new kind of record needs no new
/// SQL.
///
/// # Contract
///
/// * `put` and `delete` are durable when they return.
/// * Versions start at 1 and grow by 1 with every `put` of the same record. A record that was
///   deleted and made again starts over.
/// * Two writers that expect the same version: exactly one succeeds.
///
/// ```
/// use sms_core::registry::Expect;
/// use sms_core::serde_json::json;
/// use sms_core::{MemoryRegistry, Registry as _};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let registry = MemoryRegistry::new();
/// let version = registry.put("template", "code", &json!("Код {}"), Expect::Absent).await?;
/// // Written only if nobody has changed the record in between.
/// registry.put("template", "code", &json!("Ваш код {}"), Expect::Version(version)).await?;
/// let record = registry.get("template", "code").await?.expect("a record");
/// assert_eq!((record.version, record.value), (2, json!("Ваш код {}")));
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Registry: Debug + Send + Sync + 'static {
    /// Writes a record and answers with its new version.
    ///
    /// # Errors
    ///
    /// `Conflict` when the record is not at the expected version; `Unavailable`.
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64>;

    /// Reads one record.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>>;

    /// Reads every record of a kind, by name.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    async fn list(&self, kind: &str) -> Result<Vec<Record>>;

    /// Removes a record; whether there was one.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    async fn delete(&self, kind: &str, name: &str) -> Result<bool>;
}

/// What a writer knows about the record it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing: write whatever is there.
    Anything,
    /// There is none yet.
    Absent,
    /// It is at this version.
    Version(u64),
}

impl Expect {
    /// The version the record gets, given the one it has; `None` on a conflict.
    pub fn next_version(self, current: Option<u64>) -> Option<u64> {
        match (self, current) {
            (Self::Anything, _) | (Self::Absent, None) => Some(current.unwrap_or(0) + 1),
            (Self::Version(expected), Some(version)) if expected == version => Some(version + 1),
            _ => None,
        }
    }
}

/// One record of a [`Registry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The record's name, unique within its kind.
    pub name: String,
    /// How often it has been written.
    pub version: u64,
    /// The document.
    pub value: Value,
    /// When it was last written, by the store's clock.
    pub updated_at: OffsetDateTime,
    /// How long ago that was, by the same clock; zero if that one was set back. The reader's own
    /// clock may differ.
    pub age: Duration,
}

impl Record {
    /// A record that was written at `updated_at`, read at `now`, both in milliseconds since the
    /// Unix epoch by the store's clock.
    pub fn read(name: String, version: u64, value: Value, updated_at: i64, now: i64) -> Self {
        let age = Duration::from_millis(now.saturating_sub(updated_at).max(0).cast_unsigned());
        Self { name, version, value, updated_at: datetime_from_ms(updated_at), age }
    }
}

#[async_trait]
impl<T: Registry + ?Sized> Registry for Arc<T> {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        (**self).put(kind, name, value, expect).await
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        (**self).get(kind, name).await
    }

    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        (**self).list(kind).await
    }

    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        (**self).delete(kind, name).await
    }
}
