//! SQLite's errors in the library's words.

use std::borrow::Cow;

use sms_core::{Error, ErrorKind};

/// SQLite's primary result codes that say "not now": the same call may succeed later.
/// <https://sqlite.org/rescode.html>
const PASSING: [i32; 10] = [
    3,  // SQLITE_PERM
    5,  // SQLITE_BUSY
    6,  // SQLITE_LOCKED
    7,  // SQLITE_NOMEM
    8,  // SQLITE_READONLY
    9,  // SQLITE_INTERRUPT
    10, // SQLITE_IOERR
    13, // SQLITE_FULL
    14, // SQLITE_CANTOPEN
    15, // SQLITE_PROTOCOL: locking went wrong
];

/// What a caller can do about this error of SQLite or of sqlx.
pub(crate) fn from_sqlx(error: sqlx::Error) -> Error {
    let kind = match &error {
        sqlx::Error::Database(database) => kind_of_code(database.code()),
        sqlx::Error::PoolClosed => ErrorKind::Closed,
        sqlx::Error::PoolTimedOut
        | sqlx::Error::Io(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        | sqlx::Error::InvalidSavePointStatement => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    let message = match kind {
        ErrorKind::Unavailable => "the SQLite store cannot be read or written now",
        ErrorKind::Closed => "the SQLite store has been closed",
        _ => "the SQLite store failed",
    };
    Error::new(kind, message).with_source(error)
}

/// The kind of an extended result code: its low byte is the primary one.
fn kind_of_code(code: Option<Cow<'_, str>>) -> ErrorKind {
    let primary = code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
    if primary.is_some_and(|primary| PASSING.contains(&primary)) {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Internal
    }
}

/// Stored data nobody can read.
pub(crate) fn undecodable(what: &'static str) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the SQLite store holds a message or event with an unreadable {what}"),
    )
}

pub(crate) fn timed_out(elapsed: tokio::time::error::Elapsed) -> Error {
    Error::unavailable("the SQLite store did not answer in time", elapsed)
}
