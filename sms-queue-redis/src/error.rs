//! Redis's errors in the library's words.

use std::io;
use std::sync::Arc;

use redis::{ErrorKind as Redis, RedisError, ServerErrorKind};
use sms_core::{Error, ErrorKind};

/// Codes of answers that say "not now": the same call may succeed later.
const PASSING: [&str; 12] = [
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

/// Codes of answers that a person has to mend.
const WRONG: [(&str, &str); 6] = [
    ("NOAUTH", "Redis wants a password"),
    ("WRONGPASS", "Redis refused the user name or password"),
    ("NOPERM", "Redis does not let this user run what the queue needs"),
    ("WRONGTYPE", "something else uses the Redis keys of this prefix"),
    ("MOVED", "this Redis is part of a cluster: its address is redis+cluster://"),
    ("CROSSSLOT", "this Redis is part of a cluster: its address is redis+cluster://"),
];

/// What a caller can do about this error of Redis or of its client.
pub(crate) fn from_redis(error: RedisError) -> Error {
    let (kind, message) = classify(&error);
    Error::new(kind, message).with_source(error)
}

/// Why there is no connection to the servers at this place. What a person has to mend is said in
/// our words alone, which say it all; the client's would say it again.
pub(crate) fn no_connection(place: &str, error: RedisError) -> Error {
    match classify(&error) {
        (ErrorKind::Unavailable, _) => {
            Error::unavailable(format!("Redis at {place} cannot be reached"), error)
        }
        (ErrorKind::Config, message) if error.kind() != Redis::Io => {
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
        Redis::AuthenticationFailed => {
            (ErrorKind::Config, "Redis refused the user name or password")
        }
        Redis::InvalidClientConfig | Redis::EmptySentinelList => {
            (ErrorKind::Config, "the address of Redis cannot be used")
        }
        Redis::Parse => (ErrorKind::Config, "what answers at the address of Redis is not Redis"),
        Redis::Io if is_foreign(error) => {
            (ErrorKind::Config, "the TLS of Redis cannot be trusted or is none")
        }
        Redis::MasterNameNotFoundBySentinel => {
            (ErrorKind::Unavailable, "the sentinels name no master now")
        }
        Redis::Io | Redis::ClusterConnectionNotFound | Redis::NoValidReplicasFoundBySentinel => {
            DOWN
        }
        _ => match error.code() {
            Some(code) if PASSING.contains(&code) => DOWN,
            Some("ERR") => classify_details(error.detail().unwrap_or_default()),
            code => WRONG
                .iter()
                .find(|(wrong, _)| Some(*wrong) == code)
                .map_or(REFUSED, |(_, message)| (ErrorKind::Config, *message)),
        },
    }
}

type Kept = Arc<dyn std::error::Error + Send + Sync>;

/// Whether TLS found a certificate it does not trust, or no TLS at all.
fn is_foreign(error: &RedisError) -> bool {
    // The client gives the `Arc` it keeps the cause in as the cause.
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Kept>());
    let error = source.and_then(|kept| kept.downcast_ref::<io::Error>());
    error.is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
}

/// The code `ERR` says nothing; the words after it do.
fn classify_details(details: &str) -> (ErrorKind, &'static str) {
    const TOO_OLD: &str = "this Redis is too old: the queue needs 6.2 or later";
    const WORDS: [(&str, ErrorKind, &str); 6] = [
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
    let known = WORDS.iter().find(|(words, ..)| details.contains(words));
    known.map_or(REFUSED, |(_, kind, message)| (*kind, *message))
}

/// Whether the connection is of no more use: it is broken, it hangs, or a failover left it with a
/// replica.
pub(crate) fn ends_connection(error: &RedisError) -> bool {
    let replica = error.kind() == Redis::Server(ServerErrorKind::ReadOnly);
    error.is_unrecoverable_error() || error.is_io_error() || replica
}

/// An answer nobody can read.
pub(crate) fn unreadable() -> Error {
    Error::new(ErrorKind::Internal, "Redis gave an answer that the queue cannot read")
}

pub(crate) fn timed_out(elapsed: tokio::time::error::Elapsed) -> Error {
    Error::unavailable("Redis did not answer in time", elapsed)
}

pub(crate) fn config(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}
