//! A registry in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::clock::{Clock, StoreClock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::registry::{Expect, Record, Registry};

/// A [`Registry`] in memory: not durable, for tests.
#[derive(Debug)]
pub struct MemoryRegistry {
    clock: StoreClock,
    /// Records by kind and name.
    records: Mutex<BTreeMap<(String, String), Written>>,
}

/// The version, the value and the time of a record.
type Written = (u64, Value, i64);

impl Default for MemoryRegistry {
    fn default() -> Self {
        Self { clock: StoreClock::new(Arc::new(SystemClock)), records: Mutex::default() }
    }
}

impl MemoryRegistry {
    /// An empty registry on the system's clock.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the clock. Defaults to the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = StoreClock::new(Arc::new(clock));
        self
    }

    fn read(&self, name: &str, (version, value, updated_at): &Written) -> Record {
        Record::read(
            name.to_owned(),
            *version,
            value.clone(),
            *updated_at,
            self.clock.read().now_ms,
        )
    }
}

#[async_trait]
impl Registry for MemoryRegistry {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind.to_owned(), name.to_owned());
        let current = records.get(&key).map(|(version, ..)| *version);
        let Some(version) = expect.next_version(current) else {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the record is not at the expected version",
            ));
        };
        records.insert(key, (version, value.clone(), self.clock.read().now_ms));
        Ok(version)
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let found = records.get(&(kind.to_owned(), name.to_owned()));
        Ok(found.map(|record| self.read(name, record)))
    }

    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let found = records.iter().filter(|((of, _), _)| of == kind);
        Ok(found.map(|((_, name), record)| self.read(name, record)).collect())
    }

    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(records.remove(&(kind.to_owned(), name.to_owned())).is_some())
    }
}
