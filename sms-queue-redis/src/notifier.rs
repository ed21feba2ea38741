//! Waiting for something to pull.

use std::time::Duration;

use redis::{Cmd, Value};
use sms_core::Result;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, timeout, timeout_at};

use crate::connection::{Connection, Target};
use crate::error::{from_redis, timed_out};

/// The longest one read blocks; a longer wait is several.
pub(crate) const LONGEST: Duration = Duration::from_secs(5);

/// A connection of its own on which one pull at a time blocks until there is a new entry; then all
/// look.
///
/// It reads without the group, so it takes nothing: whoever stops waiting, in whatever instant,
/// loses nothing.
pub(crate) struct Bell {
    target: Target,
    /// Of an answer, beyond the time it blocks.
    timeout: Duration,
    keys: Vec<String>,
    line: Mutex<Option<Connection>>,
    rung: Notify,
}

impl Bell {
    pub(crate) fn new(target: Target, timeout: Duration, keys: Vec<String>) -> Self {
        Self { target, timeout, keys, line: Mutex::default(), rung: Notify::new() }
    }

    /// Waits for an entry later than `last`, one for each key, but no longer than `wait` or
    /// [`LONGEST`]. Whether there was one; somebody else may have taken it meanwhile.
    pub(crate) async fn wait(&self, last: &[String], wait: Duration) -> Result<bool> {
        let end = Instant::now() + wait.min(LONGEST);
        let rung = self.rung.notified();
        let line = tokio::select! {
            // Somebody else of this process was waiting, and there is something.
            () = rung => return Ok(true),
            line = timeout_at(end, self.line.lock()) => line,
        };
        let Ok(mut line) = line else { return Ok(false) };
        // Taken out: when this pull is dropped while it blocks, the connection goes with it, and
        // the server forgets it. Left in, it would keep everybody else waiting.
        let kept = line.take();
        let reused = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut answer = self.read(&mut connection, last, end).await?;
        if reused && answer.as_ref().is_err_and(redis::RedisError::is_connection_dropped) {
            connection = self.connect().await?;
            answer = self.read(&mut connection, last, end).await?;
        }
        let answer = answer.map_err(from_redis)?;
        *line = Some(connection);
        let news = answer != Value::Nil;
        if news {
            self.rung.notify_waiters();
        }
        Ok(news)
    }

    async fn connect(&self) -> Result<Connection> {
        self.target.connect(LONGEST + self.timeout).await
    }

    async fn read(
        &self,
        connection: &mut Connection,
        last: &[String],
        end: Instant,
    ) -> Result<redis::RedisResult<Value>> {
        let block = end.saturating_duration_since(Instant::now());
        // 0 would be for ever.
        let milliseconds = u64::try_from(block.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = Cmd::new();
        command.arg("XREAD").arg("COUNT").arg(1).arg("BLOCK").arg(milliseconds);
        command.arg("STREAMS").arg(&self.keys).arg(last);
        timeout(block + self.timeout, command.query_async(connection)).await.map_err(timed_out)
    }
}
