//! Cache of the sessions that requests bring.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sms_core::Result;
use sms_core::registry::Record;
use tokio::time::Instant;

use super::session::{IDLE, LIFETIME, Session};

/// The time for which a session is taken from the cache: the delay of its end on other nodes, less
/// than the 5 s that are promised.
const TTL: Duration = Duration::from_secs(3);
/// The most sessions in the cache, unknown ones included.
const MAX_SESSIONS: usize = 10_000;

/// Sessions by id, as they were read in the last three seconds.
#[derive(Debug, Default)]
pub(super) struct SessionCache(RwLock<HashMap<String, Entry>>);

/// A session as it was read.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The session; `None` for one that is unknown or has ended.
    pub(super) session: Option<OpenSession>,
    read_at: Instant,
}

/// A session that was open when it was read.
#[derive(Clone, Debug)]
pub(super) struct OpenSession {
    pub(super) session: Arc<Session>,
    ends_at: Instant,
}

impl SessionCache {
    /// The entry with this id; `None` when it is absent or too old, and has to be read.
    pub(super) fn get(&self, id: &str) -> Option<Entry> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(id).filter(|entry| entry.read_at.elapsed() < TTL).cloned()
    }

    /// Remembers a session as it was read at this time.
    pub(super) fn insert(&self, id: &str, session: Option<OpenSession>, read_at: Instant) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_SESSIONS {
            entries.clear();
        }
        entries.insert(id.to_owned(), Entry { session, read_at });
    }

    /// Forgets a session that has changed.
    pub(super) fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl OpenSession {
    /// The session in a record that was read at this time; `None` if it has ended.
    ///
    /// # Errors
    ///
    /// `Internal` for a record that is not a session.
    pub(super) fn read(record: &Record, at: Instant) -> Result<Option<Self>> {
        let session = Arc::new(Session::read(record)?);
        // Sessions end by the store's clock, from which this node's clock may differ.
        let age = record.updated_at + record.age - session.signed_in_at;
        let age = Duration::try_from(age).unwrap_or_default();
        let left = IDLE.saturating_sub(record.age).min(LIFETIME.saturating_sub(age));
        Ok((!left.is_zero()).then_some(Self { session, ends_at: at + left }))
    }

    /// Tells whether the session is still open.
    pub(super) fn is_open(&self) -> bool {
        Instant::now() < self.ends_at
    }
}
