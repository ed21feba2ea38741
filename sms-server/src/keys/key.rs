//! A key as the registry keeps it, and a caller as a key identifies them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sms_core::registry::Record;
use sms_core::{Error, ErrorKind, Result, Scope};
use time::OffsetDateTime;

/// A permission of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// Sends messages, and cancels and resolves those of its client.
    Send,
    /// Reads the messages of its client.
    Read,
    /// Reads and controls everything, the messages of all clients included.
    Admin,
}

impl KeyScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Send, Self::Read, Self::Admin];

    /// The name in requests and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// The scope of this name; `None` for an unknown name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

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
    /// The hash of the key's text.
    pub(super) sha256: String,
    /// The time at which it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The time from which it is refused, by the store's clock; `None` if it does not expire.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub expires_at: Option<OffsetDateTime>,
    /// The time at which it was revoked.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub revoked_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// A key that does not expire.
    pub(super) fn new(
        id: &str,
        name: &str,
        client: &str,
        scopes: &[KeyScope],
        sha256: String,
        created_at: OffsetDateTime,
    ) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            client: client.to_owned(),
            scopes: scopes.to_vec(),
            sha256,
            created_at,
            expires_at: None,
            revoked_at: None,
        }
    }

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

/// The caller of a request, as a key identifies them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Principal {
    /// The id of the client, which owns the messages; `admin` for the configured key.
    pub client: Arc<str>,
    /// The id of the key, for the record of who did something; `admin` for the configured key.
    pub key: Arc<str>,
    scopes: Arc<[KeyScope]>,
}

impl Principal {
    /// The caller with the key in the configuration.
    pub(super) fn admin() -> Self {
        let name: Arc<str> = "admin".into();
        Self { client: Arc::clone(&name), key: name, scopes: [KeyScope::Admin].into() }
    }

    /// Checks that the key has this scope; `admin` includes every other one.
    pub fn may(&self, scope: KeyScope) -> bool {
        self.scopes.iter().any(|own| *own == scope || *own == KeyScope::Admin)
    }

    /// The messages that the caller sees: all for `admin`, those of the client for others.
    pub fn scope(&self) -> Scope {
        if self.may(KeyScope::Admin) { Scope::All } else { Scope::Owner(self.client.to_string()) }
    }
}

impl From<&ApiKey> for Principal {
    fn from(key: &ApiKey) -> Self {
        Self {
            client: key.client.as_str().into(),
            key: key.id.as_str().into(),
            scopes: key.scopes.as_slice().into(),
        }
    }
}
