//! The store: opening the file, and whose turn it is to write.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sms_core::{Clock, Error, ErrorKind, Message, MessageId, Result, SystemClock};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite, SqliteConnection};
use tokio::time::timeout;

use crate::config::SqliteConfig;
use crate::error::{from_sqlx, timed_out};
use crate::{insert, migrations, sql};

/// A [`Store`](sms_core::Store) and [`Registry`](sms_core::Registry) in one SQLite file.
///
/// Cheap to clone; clones share their connections. Several stores, also of several processes, may be open on one file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    /// One connection: SQLite has one writer at a time, and whoever waits here waits fairly and asynchronously.
    writer: SqlitePool,
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

/// A piece of work on the writing connection.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'c>>;

impl SqliteStore {
    /// Opens the file, makes it and its folder where there is none, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// `Config` when the folder cannot be made, or the file was made by a newer version; `Unavailable` when SQLite cannot
    /// open or write the file now; `Internal` when it is not a database.
    pub async fn open(config: SqliteConfig) -> Result<Self> {
        config.check()?;
        make_folder(config.path()).await?;
        let store = Self {
            writer: writer_pool(&config),
            readers: reader_pool(&config),
            clock: Arc::new(SystemClock),
            timeout: config.timeout,
        };
        let mut writer = store.transaction().await?;
        check_version(&mut writer).await?;
        migrations::run(&mut writer).await?;
        writer.commit().await.map_err(from_sqlx)?;
        Ok(store)
    }

    /// The same store on another clock. For tests.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Begins a transaction on the connection that writes, so that an application can change tables of its own in the
    /// same file together with [`insert_in`](Self::insert_in).
    ///
    /// Every other write through this store waits until it ends: keep it short, and do not call the store's other
    /// methods meanwhile from the same task, for they would wait for themselves. Dropping it rolls it back.
    ///
    /// # Errors
    ///
    /// `Unavailable` when somebody else keeps writing for too long.
    pub async fn transaction(&self) -> Result<sqlx::Transaction<'static, Sqlite>> {
        timeout(self.timeout, self.writer.begin_with(sql::BEGIN_IMMEDIATE)).await.map_err(timed_out)?.map_err(from_sqlx)
    }

    /// Accepts a message in the caller's own transaction: it is stored if and when that commits. The caretaker of a worker
    /// then finds it, within its interval.
    ///
    /// Answers with its id: a new one, or that of the first message with its idempotency key.
    ///
    /// # Errors
    ///
    /// `Invalid` with the wrong fields; `KeyReused`; `Unavailable`. After any of them the transaction is still the
    /// caller's, to go on with or to roll back.
    pub async fn insert_in(&self, conn: &mut SqliteConnection, message: &Message) -> Result<MessageId> {
        let work = insert::insert_in(conn, self.now(), message);
        timeout(self.timeout, work).await.map_err(timed_out)?
    }

    /// Closes every connection, after the calls that are under way. Without it the file is closed when the last clone is
    /// gone.
    pub async fn close(&self) {
        self.readers.close().await;
        // Last, so that closing it checkpoints and removes the write-ahead log.
        self.writer.close().await;
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Runs one statement that writes, or several that each may stand alone.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection, i64) -> Work<'c, T> + Send + 'static,
    {
        let (writer, clock) = (self.writer.clone(), Arc::clone(&self.clock));
        self.finish(async move {
            let mut conn = writer.acquire().await.map_err(from_sqlx)?;
            work(&mut conn, clock.now_ms()).await
        })
        .await
    }

    /// Runs several statements as one transaction, which begins as a writing one: one that began by reading could not
    /// become a writing one while another process writes.
    pub(crate) async fn write_together<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection, i64) -> Work<'c, T> + Send + 'static,
    {
        let (writer, clock) = (self.writer.clone(), Arc::clone(&self.clock));
        self.finish(async move {
            let mut transaction = writer.begin_with(sql::BEGIN_IMMEDIATE).await.map_err(from_sqlx)?;
            let answer = work(&mut transaction, clock.now_ms()).await?;
            transaction.commit().await.map_err(from_sqlx)?;
            Ok(answer)
        })
        .await
    }

    /// Runs a write in a task of its own: a caller that goes away cancels nothing half-way. One that does not end in time
    /// may still happen, which is what `Unavailable` says.
    async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let stopped = |error| Error::new(ErrorKind::Internal, "a write to the SQLite store was stopped").with_source(error);
        timeout(self.timeout, tokio::spawn(work)).await.map_err(timed_out)?.map_err(stopped)?
    }

    /// Runs statements that read.
    pub(crate) async fn read<T, W>(&self, work: W) -> Result<T>
    where
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
    {
        let read = async {
            let mut conn = self.readers.acquire().await.map_err(from_sqlx)?;
            work(&mut conn).await
        };
        timeout(self.timeout, read).await.map_err(timed_out)?
    }
}

async fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let folder = folder.to_owned();
    let refused = |error| Error::new(ErrorKind::Config, "the folder of the SQLite file cannot be made").with_source(error);
    let made = tokio::task::spawn_blocking(move || std::fs::create_dir_all(folder)).await;
    made.map_err(|error| Error::new(ErrorKind::Internal, "stopped").with_source(error))?.map_err(refused)
}

fn options(config: &SqliteConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(config.path())
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode only FULL syncs at every commit, which is what `Ok(id)` promises.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(config.busy_timeout)
        // Nothing refers to anything: events go with their message in `purge`.
        .foreign_keys(false)
        .pragma("temp_store", "memory")
        // Each statement over rows is prepared for nine numbers of rows.
        .statement_cache_capacity(128)
        // Rows wait in memory rather than making the connection's thread wait for the reader every fifty.
        .row_buffer_size(1024)
}

fn writer_pool(config: &SqliteConfig) -> SqlitePool {
    let writing = options(config)
        .pragma("cache_size", "-8000")
        // After 8 MB the log is copied into the file; one that grew beyond 64 MB is cut.
        .pragma("wal_autocheckpoint", "2000")
        .pragma("journal_size_limit", "67108864");
    pool(config, 1).connect_lazy_with(writing)
}

fn reader_pool(config: &SqliteConfig) -> SqlitePool {
    pool(config, config.readers).connect_lazy_with(options(config).pragma("query_only", "on"))
}

fn pool(config: &SqliteConfig, connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(config.timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // SQLite rolls some failures back by itself (disk full, I/O error); sqlx then still counts the transaction as open,
        // and could never begin another one on this connection. Such a connection is replaced.
        .before_acquire(|conn, _| Box::pin(async move { Ok(!conn.is_in_transaction()) }))
}

/// The oldest SQLite without the bug that could corrupt a database when a write-ahead log is reset.
const OLDEST: (u32, u32, u32) = (3, 51, 3);

async fn check_version(conn: &mut SqliteConnection) -> Result<()> {
    let version: String = sqlx::query_scalar(sql::VERSION).fetch_one(conn).await.map_err(from_sqlx)?;
    if parse_version(&version).is_some_and(|version| version >= OLDEST) {
        return Ok(());
    }
    let message = format!("SQLite {version} can corrupt its file; 3.51.3 or later is needed");
    Err(Error::new(ErrorKind::Config, message))
}

fn parse_version(version: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(parse_version("3.51.3").is_some_and(|version| version >= OLDEST));
        assert!(parse_version("3.100.0").is_some_and(|version| version >= OLDEST));
        assert!(parse_version("3.9.9").is_some_and(|version| version < OLDEST));
        assert_eq!(parse_version("3.x"), None);
    }
}
