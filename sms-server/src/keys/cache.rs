//! Cache of the keys that requests bring.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use sms_core::Result;
use sms_core::registry::Record;
use tokio::time::Instant;

use super::key::{ApiKey, read_at};
use super::principal::Principal;
use crate::secret_hash::SecretHash;

/// The time for which a key is taken from the cache: the delay of a revocation on other nodes, less
/// than the 5 s that are promised.
const TTL: Duration = Duration::from_secs(3);
/// The most keys in the cache, unknown ones included.
const MAX_KEYS: usize = 10_000;

/// Keys by id, as they were read in the last three seconds.
#[derive(Debug, Default)]
pub(super) struct KeyCache(RwLock<HashMap<String, Entry>>);

/// A key as it was read.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The key; `None` for one that is unknown, revoked or expired.
    pub(super) key: Option<ValidKey>,
    read_at: Instant,
}

/// A key that was valid when it was read.
#[derive(Clone, Debug)]
pub(super) struct ValidKey {
    pub(super) principal: Principal,
    sha256: SecretHash,
    expires_at: Option<Instant>,
}

impl KeyCache {
    /// The entry with this id; `None` when it is absent or too old, and has to be read.
    pub(super) fn get(&self, id: &str) -> Option<Entry> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(id).filter(|entry| entry.read_at.elapsed() < TTL).cloned()
    }

    /// Remembers a key as it was read at this time.
    pub(super) fn insert(&self, id: &str, key: Option<ValidKey>, read_at: Instant) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_KEYS {
            entries.clear();
        }
        entries.insert(id.to_owned(), Entry { key, read_at });
    }

    /// Tells whether a key with this id and hash was valid when it was read last, however long ago.
    pub(super) fn has_admitted(&self, id: &str, sha256: &SecretHash) -> bool {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = entries.get(id).and_then(|entry| entry.key.as_ref());
        known.is_some_and(|key| key.sha256.matches(sha256))
    }

    /// Forgets a key that has changed.
    pub(super) fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl ValidKey {
    /// The key in a record that was read at this time; `None` if it is revoked or expired.
    ///
    /// # Errors
    ///
    /// `Internal` for a record that is not a key.
    pub(super) fn read(record: &Record, at: Instant) -> Result<Option<Self>> {
        let (key, now) = (ApiKey::read(record)?, read_at(record));
        if !key.is_valid_at(now) {
            return Ok(None);
        }
        // Keys expire by the store's clock, from which this node's clock may differ.
        let left = key.expires_at.map(|end| Duration::try_from(end - now).unwrap_or_default());
        Ok(Some(Self {
            principal: Principal::from(&key),
            sha256: key.sha256,
            expires_at: left.map(|left| at + left),
        }))
    }

    /// Tells whether the key has expired since it was read.
    pub(super) fn is_expired(&self) -> bool {
        self.expires_at.is_some_and(|end| Instant::now() >= end)
    }

    /// Checks that the key has this hash and has not expired since it was read.
    pub(super) fn admits(&self, sha256: &SecretHash) -> bool {
        !self.is_expired() && self.sha256.matches(sha256)
    }
}
