//! Last use of each key, for people who decide which keys to revoke.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use sms_core::registry::Expect;
use sms_core::{Registry, Result};
use time::OffsetDateTime;
use tokio::time::Instant;

/// The kind of the records in the registry. They are apart from the keys, so that a use never
/// conflicts with a rotation. Only the time at which they were written counts.
const KIND: &str = "api_key_use";
/// The least time between two records of one key, by one process. It is also how far the last use
/// that is shown can lag behind.
const INTERVAL: Duration = Duration::from_mins(10);

/// Records the uses of keys, each key once in ten minutes.
#[derive(Debug, Default)]
pub(super) struct Usage(Mutex<HashMap<String, Instant>>);

impl Usage {
    /// Notes that a valid key was used. The record is written in the background: a request neither
    /// waits for it nor fails with it.
    pub(super) fn note(&self, registry: &Arc<dyn Registry>, id: &str) {
        let now = Instant::now();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(id).is_some_and(|at| now - *at < INTERVAL) {
            return;
        }
        noted.insert(id.to_owned(), now);
        drop(noted);
        let (registry, id) = (Arc::clone(registry), id.to_owned());
        tokio::spawn(async move {
            if let Err(error) = registry.put(KIND, &id, &json!({}), Expect::Anything).await {
                tracing::debug!(key = id, reason = error.report(), "use of a key not recorded");
            }
        });
    }
}

/// The last use of one key; `None` if it was never used.
///
/// # Errors
///
/// The registry's.
pub(super) async fn last_use(registry: &dyn Registry, id: &str) -> Result<Option<OffsetDateTime>> {
    Ok(registry.get(KIND, id).await?.map(|record| record.updated_at))
}

/// The last use of each key, by its id; keys that were never used are absent.
///
/// # Errors
///
/// The registry's.
pub(super) async fn last_uses(registry: &dyn Registry) -> Result<HashMap<String, OffsetDateTime>> {
    let records = registry.list(KIND).await?;
    Ok(records.into_iter().map(|record| (record.name, record.updated_at)).collect())
}
