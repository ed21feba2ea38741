//! A connection that comes back by itself.

use std::time::Duration;

use redis::{RedisError, ScriptInvocation, Value};
use sms_core::{Error, ErrorKind, Result};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::connection::{Connection, Target};
use crate::error::{ends_connection, from_redis, timed_out};

/// After a failed attempt to connect: doubled with each further one, up to the last, and half of it
/// by chance.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The connection all calls share, made when it is first needed, and anew when it was lost.
///
/// While the server is down one call in a pause tries to connect, and the others fail at once.
pub(crate) struct Link {
    target: Target,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Numbers the connections, so that one that was replaced is not dropped a second time.
    number: u64,
    failures: u32,
    /// The last failure in its words, and until when it is everybody's answer.
    failed: Option<(Instant, ErrorKind, String, Option<String>)>,
}

impl Link {
    pub(crate) fn new(target: Target, timeout: Duration) -> Self {
        Self { target, timeout, state: Mutex::default() }
    }

    /// Runs a script. When the connection turns out to have been closed meanwhile, once more on a
    /// new one: no script does harm when it runs twice.
    pub(crate) async fn run(&self, script: &ScriptInvocation<'_>) -> Result<Value> {
        for _ in 0..2 {
            let (number, fresh, mut connection) = self.connection().await?;
            let answer = timeout(self.timeout, script.invoke_async(&mut connection)).await;
            let error: RedisError = match answer {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(elapsed) => {
                    self.lose(number).await;
                    return Err(timed_out(elapsed));
                }
            };
            if ends_connection(&error) {
                self.lose(number).await;
            }
            if fresh || !error.is_connection_dropped() {
                return Err(from_redis(error));
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "Redis closes its connections"))
    }

    async fn connection(&self) -> Result<(u64, bool, Connection)> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((state.number, false, connection.clone()));
        }
        if let Some((until, kind, message, cause)) = &state.failed
            && Instant::now() < *until
        {
            let error = Error::new(*kind, message.clone());
            return Err(match cause {
                Some(cause) => error.with_source(cause.clone()),
                None => error,
            });
        }
        match self.target.connect(self.timeout).await {
            Ok(connection) => {
                if state.failed.take().is_some() {
                    tracing::debug!("Redis can be reached again");
                }
                state.failures = 0;
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

    async fn lose(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.number == number {
            state.connection = None;
        }
    }
}

impl State {
    fn fail(&mut self, error: &Error) {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        if self.failures == 0 {
            // Each call fails with it, and who makes them reports it.
            tracing::debug!(%error, cause, "Redis cannot be reached; connecting is tried again and again");
        }
        let pause = (FIRST_PAUSE * 2_u32.saturating_pow(self.failures.min(16))).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        // By chance, so that the processes of a fleet do not all come back in one instant.
        let until = Instant::now() + pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.failed = Some((until, error.kind(), error.to_string(), cause));
    }
}
