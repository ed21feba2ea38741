//! A registry. It delegates to the memory registry, and builds every record itself.

use serde_json::Value;
use sms_core::clock::{datetime_to_ms, duration_to_ms};
use sms_core::registry::{Expect, Record};
use sms_core::{MemoryRegistry, Registry, Result, async_trait};

/// A registry in memory.
#[derive(Debug)]
pub struct OutsideRegistry(MemoryRegistry);

impl OutsideRegistry {
    /// A registry on top of a memory registry.
    pub fn new(memory: MemoryRegistry) -> Self {
        Self(memory)
    }
}

fn record(from: Record) -> Record {
    let updated_at = datetime_to_ms(from.updated_at);
    let now = updated_at + duration_to_ms(from.age);
    Record::read(from.name, from.version, from.value, updated_at, now)
}

#[async_trait]
impl Registry for OutsideRegistry {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        self.0.put(kind, name, value, expect).await
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        Ok(self.0.get(kind, name).await?.map(record))
    }

    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        Ok(self.0.list(kind).await?.into_iter().map(record).collect())
    }

    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        self.0.delete(kind, name).await
    }
}
