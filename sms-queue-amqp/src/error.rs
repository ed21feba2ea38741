//! What goes wrong between us and RabbitMQ, in the library's words.

use std::fmt;
use std::time::Duration;

use lapin::ErrorKind as Broker;
use sms_core::{Error, ErrorKind};
use tokio::time::timeout;

use crate::config::AmqpConfig;

/// Why a connection, or a call on it, came to nothing.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// RabbitMQ, the network or the client library said so.
    Broker(lapin::Error),
    /// An answer did not come in time.
    Silent(&'static str),
    /// RabbitMQ cancelled a consumer, as it does when its queue is deleted.
    Cancelled,
    /// Published messages came back: their queue is gone.
    Unroutable,
    /// RabbitMQ has messages and a consumer with room, and delivers none.
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
            Self::Silent(what) => write!(f, "RabbitMQ did not {what} in time"),
            Self::Cancelled => f.write_str("RabbitMQ cancelled a consumer: its queue is gone"),
            Self::Unroutable => f.write_str("published messages came back: their queue is gone"),
            Self::Stalled => f.write_str("RabbitMQ has messages and delivers none"),
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
    /// What a call answers that this kept from being done.
    pub(crate) fn unavailable(self) -> Error {
        Error::unavailable("the RabbitMQ queue cannot be reached now", self)
    }

    /// The error that a person has to mend at this address, if it is one.
    pub(crate) fn config(&self, config: &AmqpConfig) -> Option<Error> {
        let Self::Broker(error) = self else { return None };
        let Broker::ProtocolError(said) = error.kind() else { return None };
        let (place, user, vhost) = (config.place(), config.user(), config.vhost());
        let is_login = said.to_string().contains("Login was refused");
        let message = match said.get_id() {
            403 if is_login => {
                format!("RabbitMQ at {place} refuses the user {user} or its password")
            }
            403 => format!(
                "RabbitMQ at {place} does not let the user {user} configure, write and read the queues {}.*",
                config.prefix
            ),
            406 => format!(
                "the queues {}.* exist with other options (or RabbitMQ at {place} is older than 3.10): delete them, \
                 or use another prefix",
                config.prefix
            ),
            530 => format!(
                "RabbitMQ at {place} has no virtual host {vhost}, or does not let the user {user} into it"
            ),
            _ => return None,
        };
        let error = Error::new(ErrorKind::Config, message);
        // What RabbitMQ says adds the queue and the option; of a refused login it says no more than
        // this.
        Some(if is_login || said.get_id() == 530 { error } else { error.with_source(self.clone()) })
    }
}

/// Waits for RabbitMQ's answer, but not for ever. `what` completes "RabbitMQ did not … in time".
pub(crate) async fn within<T, E: Into<Failure>>(
    limit: Duration,
    what: &'static str,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    timeout(limit, answer).await.map_err(|_| Failure::Silent(what))?.map_err(Into::into)
}
