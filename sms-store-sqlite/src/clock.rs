//! The store's clock, stored in the file, so that the next process continues from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, OptionalExtension as _, params};
use sms_core::clock::{KeptTime, StoreClock, StoreTime};
use sms_core::{Clock, Error, ErrorKind};

use crate::error::DbResult;

/// Interval at which the time is stored, in milliseconds. After a restart of the machine with a
/// clock that shows an earlier time, the newest messages wait for this long at most.
const KEEP_INTERVAL_MS: i64 = 1_000;

/// A [`StoreClock`] that is stored as a record of the registry.
#[derive(Debug)]
pub(crate) struct KeptClock {
    clock: StoreClock,
    /// The store time from which it is to be stored again.
    keep_at: AtomicI64,
}

/// The stored time of the store's clock.
pub(crate) const CLOCK: &str = "SELECT value FROM registry WHERE kind = 'clock' AND name = 'store'";

/// Stores the time of the store's clock. ?1 value, ?2 the time.
pub(crate) const KEEP_CLOCK: &str = "\
    INSERT INTO registry (kind, name, version, value, updated_at) \
    VALUES ('clock', 'store', 1, ?1, ?2) \
    ON CONFLICT (kind, name) DO UPDATE \
    SET version = version + 1, value = excluded.value, updated_at = excluded.updated_at";

impl KeptClock {
    /// A clock that starts at the wall clock, whatever is stored in the file.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock: StoreClock::new(clock), keep_at: AtomicI64::new(i64::MIN) }
    }

    /// A clock that continues from the time stored in the file.
    pub(crate) fn load(conn: &Connection, clock: Arc<dyn Clock>) -> DbResult<Self> {
        let kept: Option<String> = conn.query_row(CLOCK, [], |row| row.get(0)).optional()?;
        // Any other value was not written by this program.
        let kept = kept.and_then(|kept| serde_json::from_str::<KeptTime>(&kept).ok());
        Ok(Self { clock: StoreClock::resume(clock, kept), keep_at: AtomicI64::new(i64::MIN) })
    }

    pub(crate) fn read(&self) -> StoreTime {
        self.clock.read()
    }

    pub(crate) fn is_comparable(&self) -> bool {
        self.clock.is_comparable()
    }

    /// Stores the time together with a write that changed something, once a second: so it never
    /// costs a commit of its own.
    pub(crate) fn keep(&self, conn: &Connection, changes_before: u64) -> DbResult<()> {
        if conn.total_changes() == changes_before {
            return Ok(());
        }
        let kept = self.clock.keep();
        if kept.store_ms < self.keep_at.load(Ordering::Relaxed) {
            return Ok(());
        }
        let refused = |error| {
            Error::new(ErrorKind::Internal, "the time cannot be encoded").with_source(error)
        };
        let value = serde_json::to_string(&kept).map_err(refused)?;
        conn.prepare_cached(KEEP_CLOCK)?.execute(params![value, kept.store_ms])?;
        self.keep_at.store(kept.store_ms.saturating_add(KEEP_INTERVAL_MS), Ordering::Relaxed);
        Ok(())
    }
}
