//! SQLite's errors in the library's words.

use std::sync::Arc;

use rusqlite::ErrorCode;
use sms_core::{Error, ErrorKind};

/// What a piece of work on a connection comes to.
pub(crate) type Done<T> = std::result::Result<T, Failure>;

/// Why a piece of work came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite failed.
    Sqlite(Arc<rusqlite::Error>),
    /// The store refuses it, or cannot read what it has stored.
    Refused(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sqlite(error) => from_sqlite(error),
            Failure::Refused(error) => error,
        }
    }
}

/// What a caller can do about this error of SQLite.
pub(crate) fn from_sqlite(error: Arc<rusqlite::Error>) -> Error {
    let (kind, message) = if is_passing(&error) {
        (ErrorKind::Unavailable, "the SQLite store cannot be read or written now")
    } else {
        (ErrorKind::Internal, "the SQLite store failed")
    };
    Error::new(kind, message).with_source(error)
}

/// Whether SQLite says "not now": the same call may succeed later. <https://sqlite.org/rescode.html>
pub(crate) fn is_passing(error: &rusqlite::Error) -> bool {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, OperationInterrupted,
        OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure,
    };
    matches!(
        error.sqlite_error_code(),
        Some(
            PermissionDenied
                | DatabaseBusy
                | DatabaseLocked
                | OutOfMemory
                | ReadOnly
                | OperationInterrupted
                | SystemIoFailure
                | DiskFull
                | CannotOpen
                | FileLockingProtocolFailed
        )
    )
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

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the SQLite store has been closed")
}

/// The error of work that panicked: it can only be that of an application.
pub(crate) fn stopped() -> Error {
    Error::new(ErrorKind::Internal, "work on the SQLite store was stopped")
}
