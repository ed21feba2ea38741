//! How SQLite is opened.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sms_core::{Error, ErrorKind, Result};

use crate::config::SqliteConfig;
use crate::error::DbResult;
use crate::files::Files;

const WAL: &str = "PRAGMA journal_mode = WAL";

/// For every connection. In WAL mode only FULL syncs at every commit, which is what `Ok(id)`
/// promises. Nothing refers to anything: events go with their message in `purge`.
const ALL: &str =
    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY";

/// After 8 MB the log is copied into the file; one that grew beyond 64 MB is cut.
const WRITER: &str = "\
    PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864";

const READER: &str = "PRAGMA query_only = ON";

/// How many statements a connection keeps prepared: more than there are.
const PREPARED: usize = 128;

/// The connection that opens the store, and makes the file where there is none.
pub(crate) fn first(config: &SqliteConfig) -> DbResult<Connection> {
    connect(config, WRITER, OpenFlags::SQLITE_OPEN_CREATE)
}

/// One that takes the place of a connection which cannot write any more.
pub(crate) fn writer(config: &SqliteConfig, files: &Files) -> DbResult<Connection> {
    further(config, WRITER, files)
}

pub(crate) fn reader(config: &SqliteConfig, files: &Files) -> DbResult<Connection> {
    further(config, READER, files)
}

/// A connection to the files that are in use, and to no others: SQLite would copy a log it finds
/// into whatever database has come next to it.
fn further(config: &SqliteConfig, pragmas: &str, files: &Files) -> DbResult<Connection> {
    files.check()?;
    let conn = connect(config, pragmas, OpenFlags::empty())?;
    files.check()?;
    Ok(conn)
}

fn connect(config: &SqliteConfig, pragmas: &str, create: OpenFlags) -> DbResult<Connection> {
    // A path is a path, not a URI. A connection is used by one thread at a time, so it needs no
    // lock of its own.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(config.path(), flags | create)?;
    conn.busy_timeout(config.busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(PREPARED);
    use_wal(&conn, config.busy_timeout)?;
    conn.execute_batch(ALL)?;
    conn.execute_batch(pragmas)?;
    Ok(conn)
}

/// The first who opens a new file changes its mode. For that lock SQLite does not wait by itself.
fn use_wal(conn: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    let mut waited = Duration::ZERO;
    loop {
        match conn.execute_batch(WAL) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && waited < busy_timeout =>
            {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            done => return done,
        }
    }
}

const PAUSE: Duration = Duration::from_millis(5);

/// The oldest SQLite without the bug that could corrupt a database when a write-ahead log is reset,
/// by [its number](https://sqlite.org/c3ref/libversion.html).
const OLDEST: i32 = 3_051_003;

pub(crate) fn check_version() -> Result<()> {
    if rusqlite::version_number() >= OLDEST {
        return Ok(());
    }
    let message =
        format!("SQLite {} can corrupt its file; 3.51.3 or later is needed", rusqlite::version());
    Err(Error::new(ErrorKind::Config, message))
}
