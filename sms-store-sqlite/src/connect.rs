//! How SQLite is opened.

use std::path::Path;

use sms_core::{Error, ErrorKind, Result};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqliteConnection};

use crate::config::SqliteConfig;
use crate::error::from_sqlx;
use crate::sql;

pub(crate) async fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let folder = folder.to_owned();
    let refused = |error| {
        Error::new(ErrorKind::Config, "the folder of the SQLite file cannot be made").with_source(error)
    };
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

pub(crate) fn writer_pool(config: &SqliteConfig) -> SqlitePool {
    let writing = options(config)
        .pragma("cache_size", "-8000")
        // After 8 MB the log is copied into the file; one that grew beyond 64 MB is cut.
        .pragma("wal_autocheckpoint", "2000")
        .pragma("journal_size_limit", "67108864");
    pool(config, 1).connect_lazy_with(writing)
}

pub(crate) fn reader_pool(config: &SqliteConfig) -> SqlitePool {
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

pub(crate) async fn check_version(conn: &mut SqliteConnection) -> Result<()> {
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
