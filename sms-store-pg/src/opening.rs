//! Errors of opening, for the person who set up the database: what refuses, where, and how to fix
//! it.

use sms_core::{Error, ErrorKind, StoreFault};
use sqlx::postgres::PgConnectOptions;

use crate::config::PgConfig;
use crate::error::from_sqlx;

/// The error of a connection that was not opened.
pub(crate) fn no_connection(server: &PgConnectOptions, error: sqlx::Error) -> Error {
    let error = refusal(server, error);
    if error.is_retryable() && error.fault().is_none() {
        return error.with_fault(StoreFault::Unreachable);
    }
    error
}

fn refusal(server: &PgConnectOptions, error: sqlx::Error) -> Error {
    let (place, user) = (place(server), server.get_username());
    let database = server.get_database().unwrap_or(user);
    let config = |message: String| Error::new(ErrorKind::Config, message);
    match error {
        sqlx::Error::Io(cause) => {
            Error::unavailable(format!("PostgreSQL at {place} cannot be reached"), cause)
        }
        sqlx::Error::Tls(cause) => config(format!(
            "TLS with PostgreSQL at {place} failed; sslmode in the address sets the mode"
        ))
        .with_source(cause),
        sqlx::Error::Database(said) => match said.code().as_deref().unwrap_or_default() {
            "28P01" => {
                config(format!("PostgreSQL at {place} refuses the password of the user {user}"))
            }
            "28000" => config(format!(
                "PostgreSQL at {place} does not let the user {user} in: {}",
                said.message()
            )),
            "3D000" => {
                config(format!("PostgreSQL at {place} has no database {database}; create it first"))
            }
            "42501" => config(format!(
                "PostgreSQL at {place} does not let the user {user} into the database {database}: \
                 GRANT CONNECT ON DATABASE {database} TO {user}"
            )),
            "57P03" => Error::new(
                ErrorKind::Unavailable,
                format!("PostgreSQL at {place} is starting or stopping"),
            ),
            "53300" => Error::new(
                ErrorKind::Unavailable,
                format!("PostgreSQL at {place} takes no more connections"),
            ),
            _ => from_sqlx(sqlx::Error::Database(said)),
        },
        other => from_sqlx(other),
    }
}

/// The error of a connection, or a first statement, that took too long.
pub(crate) fn too_slow(config: &PgConfig) -> Error {
    let (place, limit) = (place(&config.server), config.timeout.as_secs());
    let message = format!(
        "PostgreSQL at {place} did not answer within {limit} s (timeout_seconds in the address)"
    );
    Error::new(ErrorKind::Unavailable, message).with_fault(StoreFault::Unreachable)
}

/// The same error; or, if a right is missing, one with the statement that grants it.
pub(crate) fn with_missing_right(config: &PgConfig, error: Error) -> Error {
    let Some(right) = missing_right(config, &error) else { return error };
    let (schema, user) = (&config.schema, config.server.get_username());
    let database = config.server.get_database().unwrap_or(user);
    let message = match right {
        Right::CreateSchema => format!(
            "the user {user} may not create the schema {schema}; as its administrator: \
             CREATE SCHEMA {schema} AUTHORIZATION {user}, or GRANT CREATE \
             ON DATABASE {database} TO {user}"
        ),
        Right::Schema => format!(
            "the user {user} may not use the schema {schema} or create tables in it; as its owner: \
             GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}"
        ),
        Right::Tables => format!(
            "the user {user} may not use the tables in the schema {schema}; as their owner: \
             GRANT USAGE ON SCHEMA {schema} TO {user}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {user}"
        ),
    };
    Error::new(ErrorKind::Config, message)
}

enum Right {
    CreateSchema,
    Schema,
    Tables,
}

/// The right that is missing according to PostgreSQL. Its message names the kind of object in
/// English or in the server's language; if that cannot be read, the tables are meant.
fn missing_right(config: &PgConfig, error: &Error) -> Option<Right> {
    let source = std::error::Error::source(error)?.downcast_ref::<sqlx::Error>()?;
    let said = source.as_database_error().filter(|said| said.code().as_deref() == Some("42501"))?;
    Some(match said.message() {
        // A store that does not migrate needs no right to create anything.
        _ if !config.migrate => Right::Tables,
        message if message.contains("for database") => Right::CreateSchema,
        message if message.contains("for schema") => Right::Schema,
        _ => Right::Tables,
    })
}

/// Host and port, or the folder of a Unix socket.
fn place(server: &PgConnectOptions) -> String {
    match server.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", server.get_host(), server.get_port()),
    }
}
