//! Conversion of errors of SQLite.

use std::sync::Arc;

use rusqlite::{ErrorCode, ffi};
use sms_core::{Error, ErrorKind, StoreFault};

/// The result of work on a connection.
pub(crate) type DbResult<T> = std::result::Result<T, Failure>;

/// The error of work on a connection.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of SQLite.
    Sqlite(Arc<rusqlite::Error>),
    /// A refusal of the store, or stored data that cannot be decoded.
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

/// Converts an error of SQLite. The kind says what a caller can do about it.
pub(crate) fn from_sqlite(error: Arc<rusqlite::Error>) -> Error {
    let (kind, message) = if is_passing(&error) {
        (ErrorKind::Unavailable, "the SQLite store cannot be read or written now")
    } else {
        (ErrorKind::Internal, "the SQLite store failed")
    };
    Error::new(kind, message).with_fault(fault(&error)).with_source(error)
}

/// The reason why SQLite cannot be used now. <https://sqlite.org/rescode.html>
fn fault(error: &rusqlite::Error) -> Option<StoreFault> {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed,
        PermissionDenied, ReadOnly, SystemIoFailure,
    };
    match error.sqlite_error()?.extended_code {
        ffi::SQLITE_READONLY_DBMOVED => return Some(StoreFault::Unreachable),
        // The index of the write-ahead log could not be extended.
        ffi::SQLITE_IOERR_SHMSIZE => return Some(StoreFault::Full),
        // The triggers are those of a fence.
        ffi::SQLITE_CONSTRAINT_TRIGGER => return Some(StoreFault::ReadOnly),
        _ => {}
    }
    match error.sqlite_error_code()? {
        ReadOnly | PermissionDenied => Some(StoreFault::ReadOnly),
        DiskFull => Some(StoreFault::Full),
        DatabaseBusy | DatabaseLocked | FileLockingProtocolFailed => Some(StoreFault::Locked),
        CannotOpen | SystemIoFailure => Some(StoreFault::Unreachable),
        _ => None,
    }
}

/// True if the same call may succeed later. <https://sqlite.org/rescode.html>
pub(crate) fn is_passing(error: &rusqlite::Error) -> bool {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed,
        OperationInterrupted, OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure,
    };
    let code = error.sqlite_error().map(|error| error.extended_code);
    if code == Some(ffi::SQLITE_CONSTRAINT_TRIGGER) {
        return true;
    }
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

/// The error for stored data that cannot be decoded.
pub(crate) fn undecodable(what: &'static str) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the SQLite store holds a message or event with an unreadable {what}"),
    )
}

/// The error of a call that took too long. There is no network here: the call has waited for its
/// turn while others wrote.
pub(crate) fn timed_out(elapsed: tokio::time::error::Elapsed) -> Error {
    Error::unavailable("the SQLite store did not answer in time", elapsed)
        .with_fault(StoreFault::Locked)
}

/// The error of a read with a caller that has gone.
pub(crate) fn abandoned() -> Error {
    Error::new(ErrorKind::Unavailable, "the read was given up before it began")
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the SQLite store has been closed")
}

/// The error of work that panicked. Only an application's own work can.
pub(crate) fn stopped() -> Error {
    Error::new(ErrorKind::Internal, "work on the SQLite store was stopped")
}
