//! A key as the registry keeps it.

use serde::{Deserialize, Serialize};
use sms_core::registry::Record;
use sms_core::{Clock as _, Error, ErrorKind, PhoneNumber, Result, SystemClock};
use time::OffsetDateTime;

use super::kind::KeyKind;
use super::scope::KeyScope;
use crate::secret_hash::SecretHash;

/// A key as the registry keeps it: without its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiKey {
    /// The public part of the key.
    #[serde(skip)]
    pub id: String,
    /// The purpose of the key, for people.
    pub name: String,
    /// The id of the client that owns the messages sent with the key. Records of early builds name
    /// none: such a key belongs to a client with the key's own id, so that its messages keep their
    /// owner.
    #[serde(default)]
    pub client: String,
    /// The permissions.
    pub scopes: Vec<KeyScope>,
    /// The kind. Records of early builds name none: those keys are live.
    #[serde(default)]
    pub kind: KeyKind,
    /// The partition of its client's test messages that a test key has: the id of the first key of
    /// its rotations. `None` for that first key, and for live keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) partition: Option<String>,
    /// The only recipients that the key may send to; empty if it may send to every number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_numbers: Vec<PhoneNumber>,
    /// The hash of the key's text.
    pub(super) sha256: SecretHash,
    /// The time at which it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The time from which it is refused, by the store's clock; `None` if it does not expire.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub expires_at: Option<OffsetDateTime>,
    /// The seconds for which it was made to be valid. A key that is made by a rotation is valid for
    /// as long; `expires_at` of a rotated key is only the end of its overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lifetime_seconds: Option<u64>,
    /// The time at which it was revoked.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub revoked_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// The key in a record.
    ///
    /// # Errors
    ///
    /// `Internal` for a record that is not a key.
    pub(super) fn read(record: &Record) -> Result<Self> {
        let unreadable = |error| {
            Error::new(ErrorKind::Internal, "a key in the registry cannot be read")
                .with_source(error)
        };
        let mut key: Self = serde_json::from_value(record.value.clone()).map_err(unreadable)?;
        key.id.clone_from(&record.name);
        if key.client.is_empty() {
            key.client.clone_from(&key.id);
        }
        Ok(key)
    }

    /// The partition of the messages of a test key, the same for each key of its rotations.
    pub(super) fn partition(&self) -> &str {
        self.partition.as_deref().unwrap_or(&self.id)
    }

    /// The document for the registry.
    pub(super) fn to_json(&self) -> Result<serde_json::Value> {
        let unwritable =
            |error| Error::new(ErrorKind::Internal, "a key cannot be written").with_source(error);
        serde_json::to_value(self).map_err(unwritable)
    }

    /// Checks that the key is neither revoked nor expired at this time of the store's clock.
    pub(super) fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// The time of the store's clock at which a record was read.
pub(super) fn read_at(record: &Record) -> OffsetDateTime {
    record.updated_at + record.age
}

/// The time by the clock of this process.
pub(crate) fn now() -> OffsetDateTime {
    sms_core::clock::datetime_from_ms(SystemClock.now_ms())
}
