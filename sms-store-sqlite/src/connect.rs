//! Opening of connections.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sms_core::{Error, ErrorKind, Result};

use crate::config::SqliteConfig;
use crate::error::DbResult;
use crate::files::Files;

const WAL_PRAGMA: &str = "PRAGMA journal_mode = WAL";

/// Settings of every connection. In WAL mode only FULL syncs at every commit, as `Ok(id)` promises.
/// No table has foreign keys: the events of a message are removed with it in `purge`.
const COMMON_PRAGMAS: &str =
    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY";

/// Settings of the writer. After 8 MB the log is copied into the file; one that grew beyond 64 MB
/// is cut.
const WRITER_PRAGMAS: &str = "\
    PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = 2000; \
    PRAGMA journal_size_limit = 67108864";

const READER_PRAGMAS: &str = "PRAGMA query_only = ON";

/// Number of statements that a connection keeps prepared: more than there are.
const STATEMENT_CACHE_SIZE: usize = 128;

/// The connection that opens the store. Creates the file if it does not exist.
pub(crate) fn first(config: &SqliteConfig) -> DbResult<Connection> {
    connect(config, WRITER_PRAGMAS, OpenFlags::SQLITE_OPEN_CREATE)
}

/// A connection that replaces a writer which cannot write any more.
pub(crate) fn writer(config: &SqliteConfig, files: &Files) -> DbResult<Connection> {
    further(config, WRITER_PRAGMAS, files)
}

pub(crate) fn reader(config: &SqliteConfig, files: &Files) -> DbResult<Connection> {
    further(config, READER_PRAGMAS, files)
}

/// A connection to the files that are in use, and to no others: SQLite would copy a log that it
/// finds into any database next to it.
fn further(config: &SqliteConfig, pragmas: &str, files: &Files) -> DbResult<Connection> {
    files.check()?;
    let conn = connect(config, pragmas, OpenFlags::empty())?;
    files.check()?;
    Ok(conn)
}

fn connect(config: &SqliteConfig, pragmas: &str, create: OpenFlags) -> DbResult<Connection> {
    // The path is never read as a URI. A connection is used by one thread at a time, so it needs no
    // lock of its own.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(config.path(), flags | create)?;
    conn.busy_timeout(config.busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE_SIZE);
    use_wal(&conn, config.busy_timeout)?;
    conn.execute_batch(COMMON_PRAGMAS)?;
    conn.execute_batch(pragmas)?;
    Ok(conn)
}

/// Switches a new file to WAL mode. SQLite does not wait for the lock of that by itself, as it does
/// for others.
fn use_wal(conn: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    let mut waited = Duration::ZERO;
    loop {
        match conn.execute_batch(WAL_PRAGMA) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && waited < busy_timeout =>
            {
                std::thread::sleep(RETRY_PAUSE);
                waited += RETRY_PAUSE;
            }
            done => return done,
        }
    }
}

const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// The oldest SQLite without the bug that could corrupt a database when a write-ahead log is reset,
/// by [its number](https://sqlite.org/c3ref/libversion.html).
const MIN_VERSION: i32 = 3_051_003;

pub(crate) fn check_version() -> Result<()> {
    if rusqlite::version_number() >= MIN_VERSION {
        return Ok(());
    }
    let message =
        format!("SQLite {} can corrupt its file; 3.51.3 or later is needed", rusqlite::version());
    Err(Error::new(ErrorKind::Config, message))
}
