//! The store's clock: the server's clock, corrected when somebody sets it.
//!
//! Each node asks for the server's time once a second, and takes the time that passes in between
//! from the uptime of its own machine. Every statement gets the time as an argument, so a jump of
//! the server's clock moves no statement. One record of the registry holds the store time of all
//! nodes: a node that starts reads from it what the others know, and a node that stood still
//! catches up by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use sms_core::clock::{KeptTime, StoreClock, StoreTime, Uptime};
use sms_core::{Clock, Error, ErrorKind, Result, SystemClock};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::error::{timed_out, undecodable};
use crate::pool::Pool;
use crate::sql::row::Columns;

/// Interval at which a node asks for the server's time.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// Interval at which the time is stored, by the node that comes first, in milliseconds.
const KEEP_INTERVAL_MS: i64 = 2_000;
/// Longest round trip of an answer that is used: a longer one says too little about the time.
const MAX_ROUND_TRIP_MS: i64 = 1_000;

/// The clock of one store, and the task that corrects it.
#[derive(Debug)]
pub(crate) struct ServerClock {
    clock: Arc<StoreClock>,
    /// Stops with the store.
    task: Option<AbortHandle>,
}

impl ServerClock {
    /// A clock that does not ask a server.
    pub(crate) fn of(clock: Arc<dyn Clock>) -> Self {
        Self { clock: Arc::new(StoreClock::new(clock)), task: None }
    }

    /// The clock of the server, or `other` in its place. It continues from the time stored in the
    /// schema.
    pub(crate) async fn start(
        pool: Pool,
        limit: Duration,
        other: Option<Arc<dyn Clock>>,
    ) -> Result<Self> {
        let wall = Arc::new(ServerWall::default());
        let server = ServerTime { pool, wall: Arc::clone(&wall) };
        let kept = timeout(limit, server.ask(None)).await.map_err(timed_out)??;
        let clock = Arc::new(StoreClock::resume(other.unwrap_or(wall), kept));
        let task = tokio::spawn(follow_server(server, Arc::clone(&clock), limit));
        Ok(Self { clock, task: Some(task.abort_handle()) })
    }

    pub(crate) fn read(&self) -> StoreTime {
        self.clock.read()
    }

    pub(crate) fn is_comparable(&self) -> bool {
        self.clock.is_comparable()
    }
}

impl Drop for ServerClock {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn follow_server(server: ServerTime, clock: Arc<StoreClock>, limit: Duration) {
    let mut keep_at = i64::MIN;
    loop {
        let mine = clock.keep();
        let kept = timeout(limit, server.ask((mine.store_ms >= keep_at).then_some(mine))).await;
        match kept.map_err(timed_out).and_then(|kept| kept) {
            Ok(Some(kept)) => {
                clock.follow(kept);
                keep_at = kept.store_ms.saturating_add(KEEP_INTERVAL_MS);
            }
            Ok(None) => keep_at = i64::MIN,
            Err(error) if error.kind() == ErrorKind::Closed => return,
            // The uptime continues, and so does the store's time.
            Err(error) => tracing::debug!(%error, "the time of the PostgreSQL server is not known"),
        }
        sleep(ASK_INTERVAL).await;
    }
}

/// The requests to the server.
#[derive(Debug)]
struct ServerTime {
    pool: Pool,
    wall: Arc<ServerWall>,
}

/// The clock of the server, in milliseconds since the Unix epoch.
macro_rules! wall {
    () => {
        "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    };
}

/// The stored time of the store's clock.
macro_rules! kept {
    () => {
        "(SELECT value FROM registry WHERE kind = 'clock' AND name = 'store')"
    };
}

/// The server's time, and the stored time.
pub(crate) const CLOCK: &str = concat!("SELECT ", wall!(), ", ", kept!());

/// The same, after the store's time was stored, unless a later one is there. It is stored again
/// soon, so the commit does not wait for the disk. $1 value, $2 the time.
pub(crate) const KEEP_CLOCK: &str = concat!(
    "WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE)), kept AS ( \
         INSERT INTO registry AS r (kind, name, version, value, updated_at) \
         VALUES ('clock', 'store', 1, $1, $2) \
         ON CONFLICT (kind, name) DO UPDATE \
         SET version = r.version + 1, value = excluded.value, updated_at = excluded.updated_at \
         WHERE excluded.updated_at > r.updated_at RETURNING value \
     ) SELECT ",
    wall!(),
    ", coalesce((SELECT value FROM kept), ",
    kept!(),
    ") FROM quick"
);

impl ServerTime {
    /// Asks for the server's time and for the stored one. Stores `keep` if it is later than that.
    async fn ask(&self, keep: Option<KeptTime>) -> Result<Option<KeptTime>> {
        let refused = |error| {
            Error::new(ErrorKind::Internal, "the time cannot be encoded").with_source(error)
        };
        let value =
            |keep: KeptTime| serde_json::to_string(&keep).map(|value| (value, keep.store_ms));
        let keep = keep.map(value).transpose().map_err(refused)?;
        let mut conn = self.pool.take().await?;
        let before = SystemClock.uptime();
        let rows = conn.rows(match keep {
            Some((value, store_ms)) => sqlx::query(KEEP_CLOCK).bind(value).bind(store_ms),
            None => sqlx::query(CLOCK),
        });
        let rows = rows.await?;
        let mut columns = Columns::new(rows.first().ok_or_else(|| undecodable("time"))?);
        let (wall, kept): (i64, Option<String>) = (columns.take()?, columns.take()?);
        self.wall.set(wall, before, SystemClock.uptime());
        // Any other value was not written by this program.
        Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()))
    }
}

/// The server's wall clock, from the last answer and the uptime of this machine since.
#[derive(Debug, Default)]
struct ServerWall {
    /// The wall clock minus the uptime of this machine.
    offset_ms: AtomicI64,
    is_known: AtomicBool,
}

impl ServerWall {
    fn set(&self, wall_ms: i64, before: Uptime, after: Uptime) {
        let is_first = !self.is_known.swap(true, Ordering::SeqCst);
        if is_first || after.ms - before.ms <= MAX_ROUND_TRIP_MS {
            // Taken as the time at the end of the round trip, so that it is never ahead of the
            // server's.
            self.offset_ms.store(wall_ms.saturating_sub(after.ms), Ordering::SeqCst);
        }
    }
}

impl Clock for ServerWall {
    fn now_ms(&self) -> i64 {
        self.uptime().ms.saturating_add(self.offset_ms.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Uptime {
        SystemClock.uptime()
    }
}
