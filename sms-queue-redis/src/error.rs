//! Conversion of the errors of Redis to errors of `sms-core`.

use std::io;
use std::sync::Arc;

use redis::{ErrorKind as RedisErrorKind, RedisError, ServerErrorKind};
use sms_core::{Error, ErrorKind};

/// Codes of temporary errors: the same call may succeed later.
const TEMPORARY_CODES: [&str; 12] = [
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "ASK",
    "UNBLOCKED",
    "NOMASTERLINK",
];

/// Codes of errors that last until an operator changes the configuration, and their messages.
const CONFIG_CODES: [(&str, &str); 6] = [
    ("NOAUTH", "Redis wants a password"),
    ("WRONGPASS", "Redis refused the user name or password"),
    ("NOPERM", "Redis does not let this user run what the queue needs"),
    ("WRONGTYPE", "something else uses the Redis keys of this prefix"),
    ("MOVED", "this Redis is part of a cluster: its address is redis+cluster://"),
    ("CROSSSLOT", "this Redis is part of a cluster: its address is redis+cluster://"),
];

/// Converts an error of Redis or of its client.
pub(crate) fn from_redis(error: RedisError) -> Error {
    let (kind, message) = classify(&error);
    Error::new(kind, message).with_source(error)
}

/// Error of an attempt to connect to the servers at this place. An error of the configuration has
/// no source, because the client's text only repeats the message.
pub(crate) fn no_connection(place: &str, error: RedisError) -> Error {
    match classify(&error) {
        (ErrorKind::Unavailable, _) => {
            Error::unavailable(format!("Redis at {place} cannot be reached"), error)
        }
        (ErrorKind::Config, message) if error.kind() != RedisErrorKind::Io => {
            Error::new(ErrorKind::Config, format!("{message} (Redis at {place})"))
        }
        (kind, message) => {
            Error::new(kind, format!("{message} (Redis at {place})")).with_source(error)
        }
    }
}

const REFUSED: (ErrorKind, &str) = (ErrorKind::Internal, "Redis refused a command");

fn classify(error: &RedisError) -> (ErrorKind, &'static str) {
    const DOWN: (ErrorKind, &str) = (ErrorKind::Unavailable, "Redis cannot be asked now");
    match error.kind() {
        RedisErrorKind::AuthenticationFailed => {
            (ErrorKind::Config, "Redis refused the user name or password")
        }
        RedisErrorKind::InvalidClientConfig | RedisErrorKind::EmptySentinelList => {
            (ErrorKind::Config, "the address of Redis cannot be used")
        }
        RedisErrorKind::Parse => {
            (ErrorKind::Config, "what answers at the address of Redis is not Redis")
        }
        RedisErrorKind::Io if is_tls_error(error) => (
            ErrorKind::Config,
            "the server of Redis has no TLS, or a certificate that is not trusted",
        ),
        RedisErrorKind::MasterNameNotFoundBySentinel => {
            (ErrorKind::Unavailable, "the sentinels name no master now")
        }
        RedisErrorKind::Io
        | RedisErrorKind::ClusterConnectionNotFound
        | RedisErrorKind::NoValidReplicasFoundBySentinel => DOWN,
        _ => match error.code() {
            Some(code) if TEMPORARY_CODES.contains(&code) => DOWN,
            Some("ERR") => classify_details(error.detail().unwrap_or_default()),
            code => CONFIG_CODES
                .iter()
                .find(|(wrong, _)| Some(*wrong) == code)
                .map_or(REFUSED, |(_, message)| (ErrorKind::Config, *message)),
        },
    }
}

type SharedCause = Arc<dyn std::error::Error + Send + Sync>;

/// True if TLS met a certificate that it does not trust, or a server without TLS.
fn is_tls_error(error: &RedisError) -> bool {
    // The client returns the `Arc` around the cause as the source.
    let source =
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<SharedCause>());
    let error = source.and_then(|cause| cause.downcast_ref::<io::Error>());
    error.is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
}

/// Kind and message of an error with the code `ERR`, which only its text tells apart.
fn classify_details(details: &str) -> (ErrorKind, &'static str) {
    const TOO_OLD: &str = "this Redis is too old: the queue needs 6.2 or later";
    const TEXTS: [(&str, ErrorKind, &str); 6] = [
        ("max number of clients", ErrorKind::Unavailable, "Redis takes no more connections"),
        (
            "DB index is out of range",
            ErrorKind::Config,
            "this Redis has no database of this number",
        ),
        (
            "cluster support disabled",
            ErrorKind::Config,
            "this Redis is no cluster: its address is redis://",
        ),
        ("unknown command", ErrorKind::Config, TOO_OLD),
        ("Unknown Redis command", ErrorKind::Config, TOO_OLD),
        ("syntax error", ErrorKind::Config, TOO_OLD),
    ];
    let known = TEXTS.iter().find(|(text, ..)| details.contains(text));
    known.map_or(REFUSED, |(_, kind, message)| (*kind, *message))
}

/// True if the connection must be replaced: it is broken, or a failover has turned its server into
/// a replica.
pub(crate) fn ends_connection(error: &RedisError) -> bool {
    let replica = error.kind() == RedisErrorKind::Server(ServerErrorKind::ReadOnly);
    error.is_unrecoverable_error() || error.is_io_error() || replica
}

/// Error for an answer of an unexpected form.
pub(crate) fn unreadable() -> Error {
    Error::new(ErrorKind::Internal, "Redis gave an answer that the queue cannot read")
}

/// Error for an answer that did not come in time.
pub(crate) fn timed_out(elapsed: tokio::time::error::Elapsed) -> Error {
    Error::unavailable("Redis did not answer in time", elapsed)
}

/// Error of the configuration.
pub(crate) fn config(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}
