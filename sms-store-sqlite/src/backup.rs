//! Copies of the database while it is in use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};
use serde_json::Value;
use sms_core::{Error, ErrorKind, MessageId, Result, StoreFault};

use crate::config::SqliteConfig;
use crate::error::{DbResult, from_sqlite, stopped};
use crate::{connect, opening};

/// Request of [`SqliteStore::backup`](crate::SqliteStore::backup).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BackupRequest {
    /// The new file.
    pub file: PathBuf,
    /// Kind of the record that marks the copy.
    pub kind: String,
    /// Name of the record that marks the copy.
    pub name: String,
    /// The document of that record.
    pub mark: Value,
}

impl BackupRequest {
    /// Copies the database to this file, and writes a record into the registry of the copy alone.
    pub fn new(
        file: impl Into<PathBuf>,
        kind: impl Into<String>,
        name: impl Into<String>,
        mark: Value,
    ) -> Self {
        Self { file: file.into(), kind: kind.into(), name: name.into(), mark }
    }
}

/// A backup that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// Size of the file.
    pub bytes: u64,
    /// Number of messages in it.
    pub messages: u64,
}

/// Copies everything that is committed. Others go on writing. ?1 file.
const COPY: &str = "VACUUM INTO ?1";

/// Marks the copy. ?1 kind, ?2 name, ?3 value, ?4 the time.
const MARK: &str = "\
    INSERT OR REPLACE INTO registry (kind, name, version, value, updated_at) \
    VALUES (?1, ?2, 1, ?3, ?4)";

/// One file without a log: the copy is complete by itself.
const ONE_FILE: &str = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL";

const NEWEST_TIME: &str = "SELECT ifnull(max(updated_at), 0) FROM registry";

const COUNT: &str = "SELECT count(*) FROM messages";

/// Lists what is wrong, or `ok`.
const INTEGRITY: &str = "PRAGMA integrity_check(10)";

pub(crate) async fn backup(config: &SqliteConfig, request: BackupRequest) -> Result<Backup> {
    config.check()?;
    connect::check_version()?;
    let config = config.clone();
    let write = tokio::task::spawn_blocking(move || write(&config, &request));
    write.await.map_err(|error| stopped().with_source(error))?
}

fn write(config: &SqliteConfig, request: &BackupRequest) -> Result<Backup> {
    let (source, file) = (config.path(), request.file.as_path());
    if !source.exists() {
        let message = format!("there is no SQLite file {}", source.display());
        return Err(Error::new(ErrorKind::Config, message));
    }
    // A backup that has been taken is never overwritten by one that may be worse.
    if fs::symlink_metadata(file).is_ok() {
        let message = format!("{} is there already", file.display());
        return Err(Error::new(ErrorKind::Config, message));
    }
    let temporary = Temporary::create(file)?;
    let copied = || -> DbResult<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(source, flags)?;
        conn.busy_timeout(config.busy_timeout)?;
        conn.execute(COPY, [temporary.0.to_string_lossy()])?;
        Ok(())
    };
    copied().map_err(|failure| match failure {
        crate::error::Failure::Sqlite(error) => not_copied(source, file, error),
        refused @ crate::error::Failure::Refused(_) => refused.into(),
    })?;
    let checked = mark_and_check(&temporary.0, request);
    let messages = checked.map_err(|failure| opening::refused(&temporary.0, failure))?;
    temporary
        .keep_as(file)
        .map_err(|error| not_written(file, error))
        .map(|bytes| Backup { bytes, messages })
}

fn not_copied(source: &Path, file: &Path, error: std::sync::Arc<rusqlite::Error>) -> Error {
    let message = format!("{} cannot be copied to {}: {error}", source.display(), file.display());
    let error = from_sqlite(error);
    let copied = Error::new(error.kind(), message);
    match error.fault() {
        Some(fault) => copied.with_fault(fault),
        None => copied,
    }
}

fn not_written(file: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!("{} cannot be written", file.display()), error)
        .with_fault(StoreFault::Unreachable)
}

/// Marks the copy and checks it. Returns its number of messages.
fn mark_and_check(copy: &Path, request: &BackupRequest) -> DbResult<u64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(copy, flags)?;
    conn.execute_batch(ONE_FILE)?;
    let at: i64 = conn.query_row(NEWEST_TIME, [], |row| row.get(0))?;
    conn.execute(MARK, params![request.kind, request.name, request.mark.to_string(), at])?;
    let found: String = conn.query_row(INTEGRITY, [], |row| row.get(0))?;
    if found != "ok" {
        let message = format!("the copy is damaged, and so is the store it was made of: {found}");
        return Err(Error::new(ErrorKind::Internal, message).into());
    }
    let messages: i64 = conn.query_row(COUNT, [], |row| row.get(0))?;
    conn.close().map_err(|(_, error)| error)?;
    Ok(messages.unsigned_abs())
}

/// The copy under another name, until it is complete. Removed when dropped.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Temporary {
    /// Creates an empty file next to this one, for this user alone.
    fn create(file: &Path) -> Result<Self> {
        let mut path = file.as_os_str().to_owned();
        path.push(format!(".part-{}", MessageId::new()));
        let path = PathBuf::from(path);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let refused = |error| {
            let message = format!("{} cannot be created", path.display());
            Error::new(ErrorKind::Config, message).with_source(error)
        };
        options.open(&path).map_err(refused)?;
        Ok(Self(path))
    }

    /// Makes the copy durable under its own name. Returns its size.
    fn keep_as(self, file: &Path) -> std::io::Result<u64> {
        let copy = File::open(&self.0)?;
        copy.sync_all()?;
        let bytes = copy.metadata()?.len();
        fs::rename(&self.0, file)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(bytes)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Gone already if it was kept.
        let mut journal = self.0.clone().into_os_string();
        journal.push("-journal");
        let _ = fs::remove_file(journal);
        let _ = fs::remove_file(&self.0);
    }
}
