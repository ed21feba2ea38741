//! The connection that the calls of the queue share.

use std::time::Duration;

use redis::{RedisError, ScriptInvocation, Value};
use sms_core::{Error, ErrorKind, Result};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::connection::Connection;
use crate::connector::Connector;
use crate::error::{ends_connection, from_redis, timed_out};

/// Delay after the first failed attempt to connect. It doubles with each further one.
const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(50);
/// Limit of the delay, however many attempts have failed.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// A connection that all calls share. It is opened by the first call, and by the next one after it
/// was lost.
///
/// While the server is down, one call per delay tries to connect, and the others fail at once.
pub(crate) struct SharedConnection {
    connector: Connector,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Number of the connection, so that a call that lost an old one does not drop the new one.
    number: u64,
    failed_attempts: u32,
    failure: Option<Failure>,
}

/// The last failed attempt to connect. Holds texts, because an error cannot be cloned.
struct Failure {
    /// Time until which other calls answer with it.
    until: Instant,
    kind: ErrorKind,
    message: String,
    cause: Option<String>,
}

impl SharedConnection {
    pub(crate) fn new(connector: Connector, timeout: Duration) -> Self {
        Self { connector, timeout, state: Mutex::default() }
    }

    /// Runs a script. If the connection turns out to be closed, runs it again on a new one: every
    /// script can run twice.
    ///
    /// # Errors
    ///
    /// Those of connecting and of the script; `Unavailable` when Redis does not answer.
    pub(crate) async fn run(&self, script: &ScriptInvocation<'_>) -> Result<Value> {
        for _ in 0..2 {
            let (number, is_new, mut connection) = self.connection().await?;
            let answer = timeout(self.timeout, script.invoke_async(&mut connection)).await;
            let error: RedisError = match answer {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(elapsed) => {
                    self.drop_connection(number).await;
                    return Err(timed_out(elapsed));
                }
            };
            if ends_connection(&error) {
                self.drop_connection(number).await;
            }
            if is_new || !error.is_connection_dropped() {
                return Err(from_redis(error));
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "Redis closes its connections"))
    }

    /// The connection, its number, and whether it was opened by this call.
    async fn connection(&self) -> Result<(u64, bool, Connection)> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((state.number, false, connection.clone()));
        }
        if let Some(failure) = state.failure.as_ref().filter(|last| Instant::now() < last.until) {
            return Err(failure.error());
        }
        match self.connector.connect(self.timeout).await {
            Ok(connection) => {
                if state.failure.take().is_some() {
                    tracing::debug!("Redis can be reached again");
                }
                state.failed_attempts = 0;
                state.number += 1;
                state.connection = Some(connection.clone());
                Ok((state.number, true, connection))
            }
            Err(error) => {
                state.fail(&error);
                Err(error)
            }
        }
    }

    async fn drop_connection(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.number == number {
            state.connection = None;
        }
    }
}

impl State {
    fn fail(&mut self, error: &Error) {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        if self.failed_attempts == 0 {
            // At debug level, because each call fails with the error and the caller reports it.
            tracing::debug!(%error, cause, "Redis cannot be reached; reconnecting");
        }
        let factor = 2_u32.saturating_pow(self.failed_attempts.min(16));
        let delay = (MIN_RECONNECT_DELAY * factor).min(MAX_RECONNECT_DELAY);
        self.failed_attempts = self.failed_attempts.saturating_add(1);
        // Jitter, so that the processes of a fleet do not all reconnect at the same time.
        let until = Instant::now() + delay.mul_f64(0.5 + fastrand::f64() / 2.0);
        let (kind, message) = (error.kind(), error.to_string());
        self.failure = Some(Failure { until, kind, message, cause });
    }
}

impl Failure {
    fn error(&self) -> Error {
        let error = Error::new(self.kind, self.message.clone());
        match &self.cause {
            Some(cause) => error.with_source(cause.clone()),
            None => error,
        }
    }
}
