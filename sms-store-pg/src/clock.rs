//! The clock of the store: that of the server, as far as it can be believed.
//!
//! Each node asks for the server's time once a second and takes the time that passes in between
//! from the uptime of its own machine. So every statement is told the time, and a jump of the
//! server's clock moves no statement. One record of the registry holds the store time of all nodes:
//! it is how a node that starts finds out what the others know, and how one that stood still
//! catches up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use sms_core::clock::{KeptTime, StoreClock, StoreTime, Uptime};
use sms_core::{Clock, Error, ErrorKind, Result, SystemClock};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::error::{timed_out, undecodable};
use crate::pool::Pool;
use crate::sql;
use crate::sql::row::Columns;

/// The pause between two questions of a node for the server's time.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The pause between two times that are kept, by the node that comes first, in milliseconds.
const KEEP_EVERY_MS: i64 = 2_000;
/// An answer that took longer says too little about the time.
const LONGEST_TRIP_MS: i64 = 1_000;

/// The clock of one store, and the task that keeps it right.
#[derive(Debug)]
pub(crate) struct ServerClock {
    clock: Arc<StoreClock>,
    /// Ends with the store.
    asking: Option<AbortHandle>,
}

impl ServerClock {
    /// A clock that asks nobody.
    pub(crate) fn of(clock: Arc<dyn Clock>) -> Self {
        Self { clock: Arc::new(StoreClock::new(clock)), asking: None }
    }

    /// The clock of the server, or this one in its place, which goes on from what was kept in the
    /// schema.
    pub(crate) async fn start(
        pool: Pool,
        limit: Duration,
        other: Option<Arc<dyn Clock>>,
    ) -> Result<Self> {
        let wall = Arc::new(ServerWall::default());
        let ask = Ask { pool, wall: Arc::clone(&wall) };
        let kept = timeout(limit, ask.ask(None)).await.map_err(timed_out)??;
        let clock = Arc::new(StoreClock::resume(other.unwrap_or(wall), kept));
        let task = tokio::spawn(keep_right(ask, Arc::clone(&clock), limit));
        Ok(Self { clock, asking: Some(task.abort_handle()) })
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
        if let Some(asking) = &self.asking {
            asking.abort();
        }
    }
}

async fn keep_right(ask: Ask, clock: Arc<StoreClock>, limit: Duration) {
    let mut keep_at = i64::MIN;
    loop {
        let mine = clock.keep();
        let kept = timeout(limit, ask.ask((mine.store_ms >= keep_at).then_some(mine))).await;
        match kept.map_err(timed_out).and_then(|kept| kept) {
            Ok(Some(kept)) => {
                clock.follow(kept);
                keep_at = kept.store_ms.saturating_add(KEEP_EVERY_MS);
            }
            Ok(None) => keep_at = i64::MIN,
            Err(error) if error.kind() == ErrorKind::Closed => return,
            // The uptime goes on, and so does the store's time.
            Err(error) => tracing::debug!(%error, "the time of the PostgreSQL server is not known"),
        }
        sleep(ASK_EVERY).await;
    }
}

/// The questions to the server.
#[derive(Debug)]
struct Ask {
    pool: Pool,
    wall: Arc<ServerWall>,
}

impl Ask {
    /// Asks for the server's time and for the one that is kept; keeps another one, if it is
    /// further.
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
            Some((value, store_ms)) => sqlx::query(sql::KEEP_CLOCK).bind(value).bind(store_ms),
            None => sqlx::query(sql::CLOCK),
        });
        let rows = rows.await?;
        let mut columns = Columns::new(rows.first().ok_or_else(|| undecodable("time"))?);
        let (wall, kept): (i64, Option<String>) = (columns.take()?, columns.take()?);
        self.wall.set(wall, before, SystemClock.uptime());
        // Whatever else is written there was not written by this program.
        Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()))
    }
}

/// The server's wall clock, as of the last answer, and the uptime of this machine.
#[derive(Debug, Default)]
struct ServerWall {
    /// The wall clock less the uptime of this machine.
    offset_ms: AtomicI64,
    is_known: AtomicBool,
}

impl ServerWall {
    fn set(&self, wall_ms: i64, before: Uptime, after: Uptime) {
        let is_first = !self.is_known.swap(true, Ordering::SeqCst);
        if is_first || after.ms - before.ms <= LONGEST_TRIP_MS {
            // As of the end of the trip: so it is never ahead of the server's.
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
