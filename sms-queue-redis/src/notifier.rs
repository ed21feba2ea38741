//! Waiting for jobs.

use std::time::Duration;

use redis::{Cmd, Value};
use sms_core::Result;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, timeout, timeout_at};

use crate::connection::Connection;
use crate::connector::Connector;
use crate::error::{from_redis, timed_out};

/// Limit of the time that one read blocks. A longer wait takes several reads.
pub(crate) const MAX_BLOCK: Duration = Duration::from_secs(5);

/// Tells waiting pulls that there is a new entry.
///
/// Has a connection of its own, on which one pull at a time blocks; when an entry comes, it wakes
/// all. It reads without the consumer group and so takes nothing: a pull that stops waiting, at any
/// time, loses nothing.
pub(crate) struct Notifier {
    connector: Connector,
    /// Time that an answer may take, in addition to the time that the read blocks.
    timeout: Duration,
    keys: Vec<String>,
    connection: Mutex<Option<Connection>>,
    notify: Notify,
}

impl Notifier {
    /// A notifier of entries in the streams of these keys.
    pub(crate) fn new(connector: Connector, timeout: Duration, keys: Vec<String>) -> Self {
        Self { connector, timeout, keys, connection: Mutex::default(), notify: Notify::new() }
    }

    /// Waits up to `wait` or [`MAX_BLOCK`] for an entry later than `last`, which has an entry for
    /// each key. Returns true if there was one; another pull may have taken it by then.
    ///
    /// # Errors
    ///
    /// Those of connecting; `Unavailable` when Redis does not answer.
    pub(crate) async fn wait(&self, last: &[String], wait: Duration) -> Result<bool> {
        let end = Instant::now() + wait.min(MAX_BLOCK);
        let notified = self.notify.notified();
        let slot = tokio::select! {
            // Another pull of this process blocked, and an entry came.
            () = notified => return Ok(true),
            slot = timeout_at(end, self.connection.lock()) => slot,
        };
        let Ok(mut slot) = slot else { return Ok(false) };
        // Taken out, so that a pull that is dropped while it blocks drops the connection. If it
        // stayed, the next pull would have to wait until its read ends.
        let kept = slot.take();
        let is_reused = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut answer = self.read(&mut connection, last, end).await?;
        if is_reused && answer.as_ref().is_err_and(redis::RedisError::is_connection_dropped) {
            connection = self.connect().await?;
            answer = self.read(&mut connection, last, end).await?;
        }
        let answer = answer.map_err(from_redis)?;
        *slot = Some(connection);
        let has_news = answer != Value::Nil;
        if has_news {
            self.notify.notify_waiters();
        }
        Ok(has_news)
    }

    async fn connect(&self) -> Result<Connection> {
        self.connector.connect(MAX_BLOCK + self.timeout).await
    }

    async fn read(
        &self,
        connection: &mut Connection,
        last: &[String],
        end: Instant,
    ) -> Result<redis::RedisResult<Value>> {
        let block = end.saturating_duration_since(Instant::now());
        // At least 1, because 0 means no limit.
        let milliseconds = u64::try_from(block.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = Cmd::new();
        command.arg("XREAD").arg("COUNT").arg(1).arg("BLOCK").arg(milliseconds);
        command.arg("STREAMS").arg(&self.keys).arg(last);
        timeout(block + self.timeout, command.query_async(connection)).await.map_err(timed_out)
    }
}
