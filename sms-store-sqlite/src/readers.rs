//! The pool of connections that read.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, InterruptHandle};
use sms_core::Result;
use tokio::sync::Semaphore;

use crate::config::SqliteConfig;
use crate::connect;
use crate::error::{DbResult, abandoned, closed, stopped};
use crate::files::Files;

/// A handle that stops a read with a caller that has gone.
#[derive(Clone, Default)]
struct Interrupt(Arc<Mutex<ReadState>>);

#[derive(Default)]
enum ReadState {
    #[default]
    Waiting,
    Running(InterruptHandle),
    /// The caller has gone, or the read is done: the connection may serve another read by now.
    Over,
}

impl Interrupt {
    /// Marks the read as running. Returns false if its caller has gone.
    fn begin(&self, conn: &Connection) -> bool {
        let mut state = self.state();
        let is_wanted = matches!(*state, ReadState::Waiting);
        if is_wanted {
            *state = ReadState::Running(conn.get_interrupt_handle());
        }
        is_wanted
    }

    fn end(&self) {
        *self.state() = ReadState::Over;
    }

    fn state(&self) -> MutexGuard<'_, ReadState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct InterruptOnDrop<'a>(&'a Interrupt);

impl Drop for InterruptOnDrop<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        // Under the lock, so that it cannot interrupt the next read of the connection.
        if let ReadState::Running(handle) = &*state {
            handle.interrupt();
        }
        *state = ReadState::Over;
    }
}

/// The connections that read. One is opened when it is first needed, and lost when its work panics.
pub(crate) struct Readers {
    config: SqliteConfig,
    files: Arc<Files>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    /// Permits of [scans](Self::scan): half as many, so that a short read does not wait for long
    /// ones.
    scans: Semaphore,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("permits", &self.permits).finish_non_exhaustive()
    }
}

impl Readers {
    pub(crate) fn new(config: SqliteConfig, files: Arc<Files>) -> Self {
        let permits = Arc::new(Semaphore::new(config.readers as usize));
        let scans = Semaphore::new((config.readers as usize / 2).max(1));
        Self { config, files, idle: Mutex::default(), permits, scans }
    }

    /// A [read](Self::read) that may take long.
    pub(crate) async fn scan<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> DbResult<T> + Send + 'static,
    ) -> Result<T> {
        let _scan = self.scans.acquire().await.map_err(|_| closed())?;
        self.read(work).await
    }

    /// Runs a read on a thread that may block. It is interrupted when the caller goes away.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> DbResult<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed())?;
        let (readers, interrupt) = (Arc::clone(self), Interrupt::default());
        let running = interrupt.clone();
        let read = tokio::task::spawn_blocking(move || {
            let conn = readers.take()?;
            let answer = if running.begin(&conn) { work(&conn) } else { Err(abandoned().into()) };
            running.end();
            readers.idle().push(conn);
            drop(permit);
            answer
        });
        let _interrupted_when_dropped = InterruptOnDrop(&interrupt);
        Ok(read.await.map_err(|error| stopped().with_source(error))??)
    }

    fn take(&self) -> DbResult<Connection> {
        let idle = self.idle().pop();
        idle.map_or_else(|| connect::reader(&self.config, &self.files), Ok)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes every connection, after the reads that are running.
    pub(crate) async fn close(&self) {
        // An error means that they are closed already.
        let all = self.permits.acquire_many(self.config.readers).await;
        self.permits.close();
        drop(all);
        self.idle().clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Readers of a new file, and the connection that keeps its log there.
    fn readers(folder: &tempfile::TempDir) -> (Arc<Readers>, Connection) {
        let config = SqliteConfig::new(folder.path().join("sms.db"));
        let first = connect::first(&config).expect("opened");
        first.execute_batch("CREATE TABLE a (b)").expect("written");
        let files = Arc::new(Files::of(config.path()).expect("there"));
        (Arc::new(Readers::new(config, files)), first)
    }

    /// A read that never ends by itself.
    fn count_forever(conn: &Connection) -> DbResult<i64> {
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
            SELECT count(*) FROM n";
        Ok(conn.query_row(endless, [], |row| row.get(0))?)
    }

    fn one(conn: &Connection) -> DbResult<i64> {
        Ok(conn.query_row("SELECT 1", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_read_ends_when_its_caller_has_gone_and_its_connection_serves_others() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, _first) = readers(&folder);
        for _ in 0..8 {
            let dropped = timeout(Duration::from_millis(20), readers.read(count_forever)).await;
            assert!(dropped.is_err(), "{dropped:?}");
        }
        let read = timeout(PATIENCE, readers.read(one)).await;
        assert_eq!(read.expect("reads without a caller go on").unwrap(), 1);
        timeout(PATIENCE, readers.close()).await.expect("a read without a caller goes on");
    }

    #[tokio::test]
    async fn many_long_scans_leave_connections_to_short_reads() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, _first) = readers(&folder);
        let mut scans = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let readers = Arc::clone(&readers);
            scans.spawn(async move { readers.scan(count_forever).await });
        }
        tokio::task::yield_now().await;
        let read = timeout(PATIENCE, readers.read(one)).await;
        assert_eq!(read.expect("a key check waits for scans").unwrap(), 1);
        scans.shutdown().await;
        readers.close().await;
    }
}
