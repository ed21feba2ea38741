//! A session as the registry keeps it.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sms_core::registry::Record;
use sms_core::{Error, ErrorKind, Result};
use time::OffsetDateTime;

use crate::keys::KeyScope;
use crate::secret_hash::SecretHash;

/// The time after which a session ends that is not used.
pub(crate) const IDLE: Duration = Duration::from_hours(12);
/// The time after which every session ends.
pub(crate) const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// A session as the registry keeps it: without its token. The record is written at the sign-in and
/// with the uses, so that the time of the last write is that of the last use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The public part of the token.
    #[serde(skip)]
    pub(crate) id: String,
    /// The person, or the name of the key.
    pub(crate) name: String,
    /// The id of the client.
    pub(crate) client: String,
    /// The permissions of a session without a key; empty for one with a key, which has those of
    /// the key as it is now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) scopes: Vec<KeyScope>,
    /// The id of the key that it was begun with; `None` for a session that was begun with a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// The hash of the token.
    pub(super) sha256: SecretHash,
    /// The address from which the person signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) signed_in_at: OffsetDateTime,
    /// The last use, up to a minute too early.
    #[serde(skip, default = "epoch")]
    pub(crate) last_seen_at: OffsetDateTime,
}

/// A session that is about to begin. It gets an id and a hash with its token.
pub(super) struct NewSession {
    pub(super) name: String,
    pub(super) client: String,
    pub(super) scopes: Vec<KeyScope>,
    pub(super) key: Option<String>,
    pub(super) address: Option<IpAddr>,
}

impl NewSession {
    pub(super) fn begin(self, id: String, sha256: SecretHash, now: OffsetDateTime) -> Session {
        let Self { name, client, scopes, key, address } = self;
        Session {
            id,
            name,
            client,
            scopes,
            key,
            sha256,
            address: address.as_ref().map(ToString::to_string),
            signed_in_at: now,
            last_seen_at: now,
        }
    }
}

impl Session {
    /// The session in a record.
    ///
    /// # Errors
    ///
    /// `Internal` for a record that is not a session.
    pub(super) fn read(record: &Record) -> Result<Self> {
        let unreadable = |error| {
            Error::new(ErrorKind::Internal, "a session in the registry cannot be read")
                .with_source(error)
        };
        let session: Self = serde_json::from_value(record.value.clone()).map_err(unreadable)?;
        Ok(Self { id: record.name.clone(), last_seen_at: record.updated_at, ..session })
    }

    /// The document for the registry.
    pub(super) fn to_json(&self) -> Result<serde_json::Value> {
        let unwritable = |error| {
            Error::new(ErrorKind::Internal, "a session cannot be written").with_source(error)
        };
        serde_json::to_value(self).map_err(unwritable)
    }

    /// The time at which the session ends if it is not used any more.
    pub(crate) fn expires_at(&self) -> OffsetDateTime {
        (self.last_seen_at + IDLE).min(self.signed_in_at + LIFETIME)
    }

    /// True if both sessions are of the same person, or of the same key.
    pub(crate) fn is_of_same_person(&self, other: &Self) -> bool {
        (&self.key, &self.client) == (&other.key, &other.client)
            && (self.key.is_some() || self.name == other.name)
    }
}

fn epoch() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}
