//! Small named records next to the messages, such as API keys, settings and heartbeats: the
//! [`Registry`] trait.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use time::OffsetDateTime;

use crate::clock::datetime_from_ms;
use crate::error::Result;

/// Storage of JSON documents by kind and name, each with a version. A new kind of record needs no
/// new SQL.
///
/// # Contract
///
/// * `put` and `delete` are durable when they return.
/// * Versions start at 1 and grow by 1 with every `put` of the same record. A record that is
///   created again after a deletion starts at 1.
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
    /// Writes a record and returns its new version.
    ///
    /// # Errors
    ///
    /// `Conflict` when the record does not have the expected version; `Unavailable`.
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64>;

    /// Reads one record.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>>;

    /// Reads every record of a kind, sorted by name.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    async fn list(&self, kind: &str) -> Result<Vec<Record>>;

    /// Removes a record. Returns true if it existed.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    async fn delete(&self, kind: &str, name: &str) -> Result<bool>;
}

/// Condition under which a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No condition: create the record, or overwrite any version.
    Anything,
    /// The record does not exist.
    Absent,
    /// The record has this version.
    Version(u64),
}

impl Expect {
    /// The version after the write, given the current one; `None` on a conflict.
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
    /// Number of times it has been written since it was created.
    pub version: u64,
    /// The document.
    pub value: Value,
    /// Time of the last write, by the store's clock.
    pub updated_at: OffsetDateTime,
    /// Time since the last write, by the same clock; zero if that clock was set back. The reader's
    /// clock may differ.
    pub age: Duration,
}

impl Record {
    /// A record that was written at `updated_ms` and read at `now_ms`, both in milliseconds since
    /// the Unix epoch, by the store's clock.
    pub fn read(name: String, version: u64, value: Value, updated_ms: i64, now_ms: i64) -> Self {
        let age = Duration::from_millis(now_ms.saturating_sub(updated_ms).max(0).cast_unsigned());
        Self { name, version, value, updated_at: datetime_from_ms(updated_ms), age }
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
