//! The database as the statements see it: connections, transactions and the time.

use std::sync::Arc;

use sms_core::Result;
use sms_core::clock::StoreTime;
use sqlx::postgres::PgRow;

use crate::clock::ServerClock;
use crate::pool::{Pool, PooledConnection, Query};
use crate::transaction::{COMMIT, Transaction};

/// Begins a transaction for one read, which the server ends after 5 s at the latest. The limit of
/// the session may be lower.
const BEGIN_SCAN: &str = "\
    BEGIN READ ONLY; SELECT set_config('statement_timeout', '5000', true) \
    WHERE current_setting('statement_timeout')::interval > '5 s'::interval";

/// The connections and the clock of one store. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pool: Pool,
    clock: Arc<ServerClock>,
}

impl Database {
    pub(crate) fn new(pool: Pool, clock: ServerClock) -> Self {
        Self { pool, clock: Arc::new(clock) }
    }

    /// The same connections with another clock.
    pub(crate) fn clock(self, clock: ServerClock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The time.
    pub(crate) fn time(&self) -> StoreTime {
        self.clock.read()
    }

    /// The time that statements are told.
    pub(crate) fn now(&self) -> i64 {
        self.time().now_ms
    }

    /// See [`StoreClock::is_comparable`](sms_core::clock::StoreClock::is_comparable).
    pub(crate) fn are_times_comparable(&self) -> bool {
        self.clock.is_comparable()
    }

    /// Connections that nobody uses, and those in use.
    pub(crate) fn connections(&self) -> (usize, usize) {
        self.pool.connections()
    }

    /// Takes a connection from the pool, waiting for one if all are in use.
    pub(crate) async fn connection(&self) -> Result<PooledConnection> {
        self.pool.take().await
    }

    /// Runs one statement, which is a transaction by itself, and returns its rows.
    pub(crate) async fn rows(&self, query: Query<'_>) -> Result<Vec<PgRow>> {
        self.connection().await?.rows(query).await
    }

    /// Runs one statement that may read many rows, and returns them. It takes none of the
    /// connections kept for writes, and the server itself ends it after 5 s, even if its caller has
    /// gone.
    pub(crate) async fn scan(&self, query: Query<'_>) -> Result<Vec<PgRow>> {
        let mut conn = self.pool.take_to_scan().await?;
        conn.script(BEGIN_SCAN).await?;
        let found = conn.rows(query).await?;
        conn.script(COMMIT).await?;
        conn.mark_clean();
        Ok(found)
    }

    /// Runs one statement that reads a bounded number of rows, on a connection that
    /// [scans](Self::scan) may take.
    pub(crate) async fn scan_briefly(&self, query: Query<'_>) -> Result<Vec<PgRow>> {
        self.pool.take_to_scan().await?.rows(query).await
    }

    /// Begins a transaction of several statements.
    pub(crate) async fn begin_transaction(&self) -> Result<Transaction> {
        Transaction::begin(self.connection().await?, self.now()).await
    }

    /// Closes every connection: idle ones now, others when their calls are done.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
