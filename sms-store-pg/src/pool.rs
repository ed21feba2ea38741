//! The pool of connections.
//!
//! Not sqlx's pool, because that one pings every connection that comes back, and by default every
//! one that is taken: two more round trips for each statement, which takes one. And a connection on
//! which a statement was interrupted, by a timeout or by a dropped caller, must never be used
//! again, because its state is unknown.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sms_core::{Error, ErrorKind, Result};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::{ends_connection, from_sqlx};
use crate::opening::no_connection;

/// A statement with its arguments.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// Idle time after which a connection is pinged before it is used.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);
/// Idle time after which a connection is closed.
const MAX_IDLE: Duration = Duration::from_mins(5);
/// Age at which a connection is closed: the plans and caches of a session grow, and addresses of
/// servers change.
const MAX_AGE: Duration = Duration::from_mins(30);

/// One connection in this many may be used by scans.
const CONNECTIONS_PER_SCAN: usize = 3;

/// Connections that are opened on demand. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: PgConnectOptions,
    connections: usize,
    permits: Arc<Semaphore>,
    /// Permits of [scans](Pool::take_to_scan): fewer than connections, so that some are left for
    /// writes and key checks.
    scans: Arc<Semaphore>,
    /// The connection that came back last is used first, so that surplus ones grow old.
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
            connections,
            permits: Arc::new(Semaphore::new(connections)),
            scans: Arc::new(Semaphore::new((connections / CONNECTIONS_PER_SCAN).max(1))),
            idle: Mutex::default(),
        }))
    }

    /// Takes a connection, waiting for a permit. The caller bounds the time.
    pub(crate) async fn take(&self) -> Result<PooledConnection> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|_| closed())?;
        let pooled = |conn, opened| PooledConnection {
            conn: Some(conn),
            opened,
            is_clean: true,
            pool: self.clone(),
            _permit: permit,
            scan: None,
        };
        while let Some(mut idle) = self.pop() {
            if idle.since.elapsed() < PING_AFTER_IDLE || idle.conn.ping().await.is_ok() {
                return Ok(pooled(idle.conn, idle.opened));
            }
        }
        let refused = |error| no_connection(&self.0.options, error);
        let conn = PgConnection::connect_with(&self.0.options).await.map_err(refused)?;
        Ok(pooled(conn, Instant::now()))
    }

    /// Takes a connection for a read that may take long. The caller bounds the time.
    pub(crate) async fn take_to_scan(&self) -> Result<PooledConnection> {
        // Taken first, so that a scan that waits for other scans holds no connection.
        let scan = Arc::clone(&self.0.scans).acquire_owned().await.map_err(|_| closed())?;
        let mut conn = self.take().await?;
        conn.scan = Some(scan);
        Ok(conn)
    }

    /// Connections that nobody uses, and those in use.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let idle = self.with_idle(|idle| idle.len());
        (idle, self.0.connections.saturating_sub(self.0.permits.available_permits()))
    }

    /// Closes idle connections now and others when they come back. Later calls are refused.
    pub(crate) async fn close(&self) {
        self.0.permits.close();
        self.0.scans.close();
        while let Some(idle) = self.pop() {
            // An error means that it is closed already.
            let _ = idle.conn.close().await;
        }
    }

    fn pop(&self) -> Option<Idle> {
        self.with_idle(VecDeque::pop_back)
    }

    fn push(&self, idle: Idle) {
        if self.0.permits.is_closed() || idle.opened.elapsed() > MAX_AGE {
            return;
        }
        self.with_idle(|all| {
            while all.front().is_some_and(|oldest| oldest.since.elapsed() > MAX_IDLE) {
                all.pop_front();
            }
            all.push_back(idle);
        });
    }

    /// Closes idle connections: the fault that broke one connection has probably broken the others.
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

/// A connection that is in use. If it is dropped inside a statement or a transaction, it is closed,
/// and the server rolls back.
#[derive(Debug)]
pub(crate) struct PooledConnection {
    conn: Option<PgConnection>,
    opened: Instant,
    is_clean: bool,
    pool: Pool,
    _permit: OwnedSemaphorePermit,
    /// Held while a scan has the connection.
    scan: Option<OwnedSemaphorePermit>,
}

impl PooledConnection {
    /// Runs a statement and returns its rows.
    pub(crate) async fn rows(&mut self, query: Query<'_>) -> Result<Vec<PgRow>> {
        let was_clean = std::mem::replace(&mut self.is_clean, false);
        let found = query.fetch_all(self.conn()?).await;
        self.note(was_clean, found)
    }

    /// Runs a statement that is a transaction by itself, and returns its rows; `None` if it wrote
    /// nothing because of a unique violation.
    pub(crate) async fn rows_unless_taken(
        &mut self,
        query: Query<'_>,
    ) -> Result<Option<Vec<PgRow>>> {
        let was_clean = std::mem::replace(&mut self.is_clean, false);
        match query.fetch_all(self.conn()?).await {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                self.note(was_clean, Ok(None))
            }
            found => self.note(was_clean, found.map(Some)),
        }
    }

    /// Runs a statement and returns the number of rows it wrote.
    pub(crate) async fn execute(&mut self, query: Query<'_>) -> Result<u64> {
        let was_clean = std::mem::replace(&mut self.is_clean, false);
        let done = query.execute(self.conn()?).await;
        self.note(was_clean, done).map(|done| done.rows_affected())
    }

    /// Runs statements without arguments, which may begin a transaction.
    pub(crate) async fn script(&mut self, script: &'static str) -> Result<Vec<PgRow>> {
        self.is_clean = false;
        let found = sqlx::raw_sql(script).fetch_all(self.conn()?).await;
        // The caller that began a transaction marks its end.
        self.note(false, found)
    }

    /// Runs statements without arguments that end as they began, outside of a transaction.
    pub(crate) async fn run(&mut self, script: String) -> Result<()> {
        self.is_clean = false;
        let done = sqlx::raw_sql(AssertSqlSafe(script)).execute(self.conn()?).await;
        // A script that failed may have left a transaction open.
        let was_clean = done.is_ok();
        self.note(was_clean, done).map(drop)
    }

    /// The connection itself, for work that may leave it in any state.
    pub(crate) fn conn(&mut self) -> Result<&mut PgConnection> {
        // It is `Some` until it is dropped.
        self.conn.as_mut().ok_or_else(closed)
    }

    /// Marks the connection as clean: no statement and no transaction is open on it.
    pub(crate) fn mark_clean(&mut self) {
        self.is_clean = true;
    }

    fn note<T>(&mut self, was_clean: bool, done: sqlx::Result<T>) -> Result<T> {
        match &done {
            Err(error) if ends_connection(error) => self.pool.forget(),
            _ => self.is_clean = was_clean,
        }
        done.map_err(from_sqlx)
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take().filter(|_| self.is_clean) {
            self.pool.push(Idle { conn, opened: self.opened, since: Instant::now() });
        }
    }
}
