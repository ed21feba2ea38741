//! Conversion of errors of PostgreSQL.

use sms_core::{Error, ErrorKind, StoreFault};

/// Converts an error of PostgreSQL or of sqlx. The kind says what a caller can do about it.
pub(crate) fn from_sqlx(error: sqlx::Error) -> Error {
    let kind = kind(&error);
    let message = match kind {
        ErrorKind::Unavailable => "the PostgreSQL store cannot be read or written now",
        ErrorKind::Config => "the PostgreSQL store refuses the connection or its rights",
        _ => "the PostgreSQL store failed",
    };
    Error::new(kind, message).with_fault(fault(&error)).with_source(error)
}

fn kind(error: &sqlx::Error) -> ErrorKind {
    match error {
        sqlx::Error::Database(database) => {
            kind_of_code(database.code().as_deref().unwrap_or_default())
        }
        // sqlx reports a reply that was cut off as a protocol error.
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::BeginFailed => {
            ErrorKind::Unavailable
        }
        sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => ErrorKind::Config,
        _ => ErrorKind::Internal,
    }
}

/// The kind of an SQLSTATE. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn kind_of_code(code: &str) -> ErrorKind {
    // Codes that differ from the rest of their class.
    match code {
        // deadlock, serialization failure and the like are all of class 40
        "55P03" // lock timeout
        | "55006" // object in use
        | "25006" // read-only transaction: a standby, or a server in recovery
        | "25P03" // idle in transaction for too long
        | "55000" // not in the prerequisite state: a database that takes no connections
        => return ErrorKind::Unavailable,
        "42501" // insufficient privilege
        => return ErrorKind::Config,
        _ => {}
    }
    match code.get(..2).unwrap_or_default() {
        "08" // connection
        | "40" // rolled back: deadlock, serialization failure
        | "53" // insufficient resources: disk full, out of memory, too many connections
        | "57" // operator intervention: shutdown, crash of another session, statement timeout
        | "58" // system error: I/O
        => ErrorKind::Unavailable,
        "28" // invalid authorization
        | "3D" // no such database
        | "3F" // no such schema
        => ErrorKind::Config,
        _ => ErrorKind::Internal,
    }
}

fn fault(error: &sqlx::Error) -> Option<StoreFault> {
    match error {
        sqlx::Error::Database(database) => {
            fault_of_code(database.code().as_deref().unwrap_or_default())
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::BeginFailed => {
            Some(StoreFault::Unreachable)
        }
        _ => None,
    }
}

/// The fault of an SQLSTATE. Every `Unavailable` code has one, except for a lack of memory.
fn fault_of_code(code: &str) -> Option<StoreFault> {
    match code {
        "25006" => Some(StoreFault::ReadOnly),
        "53100" => Some(StoreFault::Full),
        // A statement is cancelled while it waits for a lock, or because its waits together took
        // too long.
        "55P03" | "55006" | "57014" => Some(StoreFault::Locked),
        // Too many connections; a session that was ended while it was idle; a database that takes
        // no connections.
        "53300" | "25P03" | "55000" => Some(StoreFault::Unreachable),
        _ => match code.get(..2).unwrap_or_default() {
            "40" => Some(StoreFault::Locked),
            "08" | "57" | "58" => Some(StoreFault::Unreachable),
            _ => None,
        },
    }
}

/// True if the connection is unusable after this error.
pub(crate) fn ends_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code();
            let code = code.as_deref().unwrap_or_default();
            code.starts_with("08") || code.starts_with("57P") || code == "25P03"
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        _ => false,
    }
}

/// The error for stored data that cannot be decoded.
pub(crate) fn undecodable(what: &'static str) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the PostgreSQL store holds a message or event with an unreadable {what}"),
    )
}

/// The error for a number that does not fit in its column.
pub(crate) fn too_large(what: &'static str) -> Error {
    Error::new(ErrorKind::Internal, format!("the {what} is too large for the PostgreSQL store"))
}

pub(crate) fn timed_out(elapsed: tokio::time::error::Elapsed) -> Error {
    // Not a lock: a wait for a lock ends earlier, with an error of the server.
    Error::unavailable("the PostgreSQL store did not answer in time", elapsed)
        .with_fault(StoreFault::Unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_unavailable() {
        let passing = [
            "08006", "57P01", "57P02", "57P03", "57014", "53300", "53100", "53200", "40P01",
            "40001", "55P03", "25006", "25P03", "58030",
        ];
        for code in passing {
            assert_eq!(kind_of_code(code), ErrorKind::Unavailable, "{code}");
        }
    }

    #[test]
    fn what_may_pass_says_why() {
        for (fault, codes) in [
            (StoreFault::ReadOnly, &["25006"][..]),
            (StoreFault::Full, &["53100"]),
            (StoreFault::Locked, &["55P03", "55006", "57014", "40001", "40P01"]),
            (
                StoreFault::Unreachable,
                &["08006", "53300", "57P01", "57P02", "57P03", "57P04", "58030", "25P03"],
            ),
        ] {
            for code in codes {
                assert_eq!(fault_of_code(code), Some(fault), "{code}");
                assert_eq!(kind_of_code(code), ErrorKind::Unavailable, "{code}");
            }
        }
        for code in ["28P01", "42501", "23505", "XX000", ""] {
            assert_eq!(fault_of_code(code), None, "{code}");
        }
        assert_eq!(
            fault(&sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())),
            Some(StoreFault::Unreachable)
        );
    }

    #[test]
    fn what_a_person_must_mend_is_said_so() {
        for code in ["28P01", "28000", "3D000", "42501"] {
            assert_eq!(kind_of_code(code), ErrorKind::Config, "{code}");
        }
        for code in ["23505", "22003", "42P01", "XX000", ""] {
            assert_eq!(kind_of_code(code), ErrorKind::Internal, "{code}");
        }
    }
}
