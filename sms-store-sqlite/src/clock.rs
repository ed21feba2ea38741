//! The clock of the store, kept in the file, so that the next process goes on from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, OptionalExtension as _, params};
use sms_core::clock::{KeptTime, StoreClock, StoreTime};
use sms_core::{Clock, Error, ErrorKind};

use crate::error::DbResult;
use crate::sql;

/// The pause between two times that are kept, in milliseconds. After a restart of the machine with
/// a clock that shows an earlier time, what was written last waits for this long at most.
const KEEP_EVERY_MS: i64 = 1_000;

/// A [`StoreClock`] that is kept as a record of the registry.
#[derive(Debug)]
pub(crate) struct KeptClock {
    clock: StoreClock,
    /// The store time from which on it is to be kept again.
    keep_at: AtomicI64,
}

impl KeptClock {
    /// A clock that is the wall clock's now, whatever the file says.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock: StoreClock::new(clock), keep_at: AtomicI64::new(i64::MIN) }
    }

    /// A clock that goes on from what the file says.
    pub(crate) fn load(conn: &Connection, clock: Arc<dyn Clock>) -> DbResult<Self> {
        let kept: Option<String> = conn.query_row(sql::CLOCK, [], |row| row.get(0)).optional()?;
        // Whatever else is written there was not written by this program.
        let kept = kept.and_then(|kept| serde_json::from_str::<KeptTime>(&kept).ok());
        Ok(Self { clock: StoreClock::resume(clock, kept), keep_at: AtomicI64::new(i64::MIN) })
    }

    pub(crate) fn read(&self) -> StoreTime {
        self.clock.read()
    }

    pub(crate) fn is_comparable(&self) -> bool {
        self.clock.is_comparable()
    }

    /// Keeps the time together with a write that changed something, once a second: it never costs a
    /// commit of its own.
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
        conn.prepare_cached(sql::KEEP_CLOCK)?.execute(params![value, kept.store_ms])?;
        self.keep_at.store(kept.store_ms.saturating_add(KEEP_EVERY_MS), Ordering::Relaxed);
        Ok(())
    }
}
