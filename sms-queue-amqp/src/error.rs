//! Failures of connections and calls, and their conversion to errors of `sms-core`.

use std::fmt;
use std::time::Duration;

use lapin::ErrorKind as BrokerErrorKind;
use sms_core::{Error, ErrorKind};
use tokio::time::timeout;

use crate::config::AmqpConfig;

/// Cause of a failed connection, or of a failed call on it.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// An error of RabbitMQ, the network or the client library.
    Broker(lapin::Error),
    /// No answer within the time limit. The text completes "RabbitMQ did not … in time".
    Timeout(&'static str),
    /// RabbitMQ cancelled a consumer, as it does when its queue is deleted.
    Cancelled,
    /// RabbitMQ returned published messages, because their queue is gone.
    Unroutable,
    /// RabbitMQ has ready messages and a consumer with room, and delivers nothing.
    Stalled,
    /// The connection is closed.
    Closed,
    /// There is no connection yet.
    Starting,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(error) => error.fmt(f),
            Self::Timeout(action) => write!(f, "RabbitMQ did not {action} in time"),
            Self::Cancelled => f.write_str("RabbitMQ cancelled a consumer: its queue is gone"),
            Self::Unroutable => {
                f.write_str("RabbitMQ returned published messages: their queue is gone")
            }
            Self::Stalled => f.write_str("RabbitMQ has ready messages and delivers none"),
            Self::Closed => f.write_str("the connection is closed"),
            Self::Starting => f.write_str("there is no connection yet"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broker(error) => std::error::Error::source(error),
            _ => None,
        }
    }
}

impl From<lapin::Error> for Failure {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(error)
    }
}

impl Failure {
    /// Error of a call that this failure prevented.
    pub(crate) fn unavailable(self) -> Error {
        Error::unavailable("the RabbitMQ queue cannot be reached now", self)
    }

    /// `Config` error if this failure lasts until an operator changes the configuration.
    pub(crate) fn config_error(&self, config: &AmqpConfig) -> Option<Error> {
        let Self::Broker(error) = self else { return None };
        let BrokerErrorKind::ProtocolError(reply) = error.kind() else { return None };
        let (place, user, vhost) = (config.place(), config.user(), config.vhost());
        let is_login = reply.to_string().contains("Login was refused");
        let message = match reply.get_id() {
            403 if is_login => {
                format!("RabbitMQ at {place} refuses the user {user} or its password")
            }
            403 => format!(
                "RabbitMQ at {place} does not let the user {user} configure, write and read the \
                 queues {}.*",
                config.prefix
            ),
            406 => format!(
                "the queues {}.* exist with other options (or RabbitMQ at {place} is older than \
                 3.10): delete them, or use another prefix",
                config.prefix
            ),
            530 => format!(
                "RabbitMQ at {place} has no virtual host {vhost}, or does not let the user {user} \
                 use it"
            ),
            _ => return None,
        };
        let error = Error::new(ErrorKind::Config, message);
        // As a source, RabbitMQ's reply adds the queue and the option. On a refused login or
        // virtual host it only repeats the message.
        let repeats = is_login || reply.get_id() == 530;
        Some(if repeats { error } else { error.with_source(self.clone()) })
    }
}

/// Waits for an answer of RabbitMQ up to a time limit. `action` completes "RabbitMQ did not … in
/// time".
pub(crate) async fn within<T, E: Into<Failure>>(
    limit: Duration,
    action: &'static str,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    timeout(limit, answer).await.map_err(|_| Failure::Timeout(action))?.map_err(Into::into)
}
