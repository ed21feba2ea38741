//! Connections, and whose turn it is to use one.
//!
//! A pool of our own, because sqlx's asks every connection that comes back, and by default every
//! one that is taken, whether it is alive: two more trips to the server for each statement, which
//! takes one. And a connection whose statement was given up, by a timeout or by a caller that went
//! away, must never be used again: nobody knows what it is doing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sms_core::{Error, ErrorKind, Result};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::{Connection as _, PgConnection, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::{ends_connection, from_sqlx};
use crate::opening::no_connection;

/// A statement with its arguments.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// A connection that was idle for longer is asked whether it is alive.
const FRESH: Duration = Duration::from_secs(1);
/// One that was idle for longer is closed.
const MAX_IDLE: Duration = Duration::from_mins(5);
/// One that is older is closed: the plans and caches of a session grow, and addresses of servers
/// change.
const MAX_AGE: Duration = Duration::from_mins(30);

/// One connection in so many may be used by scans.
const SCANS: usize = 3;

/// Connections that are opened when they are needed.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: PgConnectOptions,
    turns: Arc<Semaphore>,
    /// Turns of [scans](Pool::take_to_scan): fewer than connections, so that some are left for
    /// writes and key checks.
    scans: Arc<Semaphore>,
    /// The one that came back last is used first, so that those beyond the need grow old.
    idle: Mutex<VecDeque<Idle>>,
}

#[derive(Debug)]
struct Idle {
    conn: PgConnection,
    opened: Instant,
    since: Instant,
}

impl Pool {
    pub(crate) fn new(options: PgConnectOptions, connections: usize) -> Self {
        Self(Arc::new(Shared {
            options,
            turns: Arc::new(Semaphore::new(connections)),
            scans: Arc::new(Semaphore::new((connections / SCANS).max(1))),
            idle: Mutex::default(),
        }))
    }

    /// Takes a connection, when it is one's turn. The caller bounds the time.
    pub(crate) async fn take(&self) -> Result<PooledConnection> {
        let turn = Arc::clone(&self.0.turns).acquire_owned().await.map_err(|_| closed())?;
        let lent = |conn, opened| PooledConnection {
            conn: Some(conn),
            opened,
            clean: true,
            pool: self.clone(),
            _turn: turn,
            scan: None,
        };
        while let Some(mut idle) = self.pop() {
            if idle.since.elapsed() < FRESH || idle.conn.ping().await.is_ok() {
                return Ok(lent(idle.conn, idle.opened));
            }
        }
        let refused = |error| no_connection(&self.0.options, error);
        let conn = PgConnection::connect_with(&self.0.options).await.map_err(refused)?;
        Ok(lent(conn, Instant::now()))
    }

    /// Takes a connection for a read that may take long. The caller bounds the time.
    pub(crate) async fn take_to_scan(&self) -> Result<PooledConnection> {
        // First, so that a scan that waits for others holds no connection.
        let scan = Arc::clone(&self.0.scans).acquire_owned().await.map_err(|_| closed())?;
        let mut lent = self.take().await?;
        lent.scan = Some(scan);
        Ok(lent)
    }

    /// Closes what is idle now and what comes back later; who asks for a connection is told so.
    pub(crate) async fn close(&self) {
        self.0.turns.close();
        self.0.scans.close();
        while let Some(idle) = self.pop() {
            // It may be dead already.
            let _ = idle.conn.close().await;
        }
    }

    fn pop(&self) -> Option<Idle> {
        self.with_idle(VecDeque::pop_back)
    }

    fn push(&self, idle: Idle) {
        if self.0.turns.is_closed() || idle.opened.elapsed() > MAX_AGE {
            return;
        }
        self.with_idle(|all| {
            while all.front().is_some_and(|oldest| oldest.since.elapsed() > MAX_IDLE) {
                all.pop_front();
            }
            all.push_back(idle);
        });
    }

    /// Closes what is idle: what broke one connection has broken the others.
    fn forget(&self) {
        self.with_idle(VecDeque::clear);
    }

    fn with_idle<T>(&self, work: impl FnOnce(&mut VecDeque<Idle>) -> T) -> T {
        work(&mut self.0.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the PostgreSQL store has been closed")
}

/// A connection in somebody's hands. Dropped in the middle of a statement or a transaction, it is
/// closed, and the server rolls back.
#[derive(Debug)]
pub(crate) struct PooledConnection {
    conn: Option<PgConnection>,
    opened: Instant,
    clean: bool,
    pool: Pool,
    _turn: OwnedSemaphorePermit,
    /// Held for as long as a scan has the connection.
    scan: Option<OwnedSemaphorePermit>,
}

impl PooledConnection {
    /// Runs a statement: its rows.
    pub(crate) async fn rows(&mut self, query: Query<'_>) -> Result<Vec<PgRow>> {
        let before = std::mem::replace(&mut self.clean, false);
        let found = query.fetch_all(self.conn()?).await;
        self.note(before, found)
    }

    /// Runs a statement, which is a transaction by itself: its rows; `None` when it wrote nothing,
    /// because a key was taken.
    pub(crate) async fn rows_unless_taken(
        &mut self,
        query: Query<'_>,
    ) -> Result<Option<Vec<PgRow>>> {
        let before = std::mem::replace(&mut self.clean, false);
        match query.fetch_all(self.conn()?).await {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                self.note(before, Ok(None))
            }
            found => self.note(before, found.map(Some)),
        }
    }

    /// Runs a statement: how many rows it wrote.
    pub(crate) async fn execute(&mut self, query: Query<'_>) -> Result<u64> {
        let before = std::mem::replace(&mut self.clean, false);
        let done = query.execute(self.conn()?).await;
        self.note(before, done).map(|done| done.rows_affected())
    }

    /// Runs statements without arguments, which may begin a transaction.
    pub(crate) async fn script(&mut self, script: &'static str) -> Result<Vec<PgRow>> {
        self.clean = false;
        let found = sqlx::raw_sql(script).fetch_all(self.conn()?).await;
        // Whoever began a transaction says when it is over.
        self.note(false, found)
    }

    /// The connection itself, for what may leave it in any state.
    pub(crate) fn conn(&mut self) -> Result<&mut PgConnection> {
        // It is there until it is dropped.
        self.conn.as_mut().ok_or_else(closed)
    }

    /// Says that nothing is under way on it any more.
    pub(crate) fn mark_clean(&mut self) {
        self.clean = true;
    }

    fn note<T>(&mut self, clean: bool, done: sqlx::Result<T>) -> Result<T> {
        match &done {
            Err(error) if ends_connection(error) => self.pool.forget(),
            _ => self.clean = clean,
        }
        done.map_err(from_sqlx)
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take().filter(|_| self.clean) {
            self.pool.push(Idle { conn, opened: self.opened, since: Instant::now() });
        }
    }
}
