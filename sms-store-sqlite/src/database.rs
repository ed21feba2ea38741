//! The database as the statements see it: the connection that writes, those that read, and the
//! time.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction};
use sms_core::clock::StoreTime;
use sms_core::{Error, Result};
use tokio::time::timeout;

use crate::clock::KeptClock;
use crate::error::{DbResult, from_sqlite, timed_out};
use crate::files::Files;
use crate::readers::Readers;
use crate::writer::{Writer, begin};

/// The connections and the clock of one store. Clones share them. Every call ends within the
/// timeout.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    writer: Writer,
    readers: Arc<Readers>,
    clock: Arc<KeptClock>,
    timeout: Duration,
}

impl Database {
    pub(crate) fn new(
        writer: Writer,
        readers: Readers,
        clock: KeptClock,
        timeout: Duration,
    ) -> Self {
        Self { writer, readers: Arc::new(readers), clock: Arc::new(clock), timeout }
    }

    /// The same connections with another clock.
    pub(crate) fn clock(self, clock: KeptClock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The time.
    pub(crate) fn time(&self) -> StoreTime {
        self.clock.read()
    }

    /// See [`StoreClock::is_comparable`](sms_core::clock::StoreClock::is_comparable).
    pub(crate) fn are_times_comparable(&self) -> bool {
        self.clock.is_comparable()
    }

    /// Runs `work` as a transaction of its own. It is committed if `work` returns `Ok`, and rolled
    /// back otherwise.
    pub(crate) async fn transaction<T, E, W>(&self, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        W: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let failed = |error: rusqlite::Error| from_sqlite(error.into());
        let run = move |conn: &mut Connection, files: &Files| {
            files.check_again(conn)?;
            let transaction = begin(conn).map_err(failed)?;
            let answer = work(&transaction)?;
            transaction.commit().map_err(failed)?;
            files.check_commit(conn)?;
            Ok(answer)
        };
        timeout(self.timeout, self.writer.alone(run)).await.map_err(timed_out)??
    }

    /// Runs statements as a transaction of their own.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection, i64) -> DbResult<T> + Send + 'static,
    {
        let clock = Arc::clone(&self.clock);
        let write = move |conn: &Connection| {
            let before = conn.total_changes();
            let answer = work(conn, clock.read().now_ms)?;
            clock.keep(conn, before)?;
            DbResult::Ok(answer)
        };
        self.transaction(move |conn| write(conn).map_err(Error::from)).await
    }

    /// Runs statements in one transaction with others that wait. See [`Writer::share`].
    pub(crate) async fn share<T, W>(&self, mut work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&Connection, StoreTime) -> DbResult<T> + Send + 'static,
    {
        let clock = Arc::clone(&self.clock);
        let shared = self.writer.share(move |conn| {
            let before = conn.total_changes();
            let answer = work(conn, clock.read())?;
            clock.keep(conn, before)?;
            Ok(answer)
        });
        timeout(self.timeout, shared).await.map_err(timed_out)?
    }

    /// Runs statements that read.
    pub(crate) async fn read<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> DbResult<T> + Send + 'static,
    {
        timeout(self.timeout, self.readers.read(work)).await.map_err(timed_out)?
    }

    /// Runs statements that may read many rows. They leave connections to [`read`](Self::read).
    pub(crate) async fn scan<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> DbResult<T> + Send + 'static,
    {
        timeout(self.timeout, self.readers.scan(work)).await.map_err(timed_out)?
    }

    /// Closes every connection, after the calls that are running.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        // The writer is the last, because the last connection to close checkpoints and removes the
        // write-ahead log.
        self.writer.close().await;
    }
}
