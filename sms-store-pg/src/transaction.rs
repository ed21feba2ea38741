//! Transactions of several statements that may write events.

use sms_core::Result;
use sqlx::postgres::PgRow;

use crate::error::undecodable;
use crate::pool::{PooledConnection, Query};
use crate::sql::row::Columns;

/// Begins a transaction that may write events. It locks the table before it has a number, so that
/// [`HORIZON`](crate::sql::read::HORIZON) sees every transaction that may still write.
const BEGIN: &str = "BEGIN; LOCK TABLE events IN ROW EXCLUSIVE MODE";

pub(crate) const COMMIT: &str = "COMMIT";

const ROLLBACK: &str = "ROLLBACK";

/// A transaction of several statements. Dropped, it is rolled back.
#[derive(Debug)]
pub(crate) struct Transaction {
    conn: PooledConnection,
    now: i64,
}

impl Transaction {
    /// Begins a transaction; `now` is the time its statements are told.
    pub(crate) async fn begin(mut conn: PooledConnection, now: i64) -> Result<Self> {
        conn.script(BEGIN).await?;
        Ok(Self { conn, now })
    }

    /// The time at which it began.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    /// Runs one statement and returns its rows.
    pub(crate) async fn rows(&mut self, query: Query<'_>) -> Result<Vec<PgRow>> {
        self.conn.rows(query).await
    }

    /// Runs one statement that returns one boolean.
    pub(crate) async fn is_true(&mut self, query: Query<'_>) -> Result<bool> {
        let rows = self.rows(query).await?;
        Columns::new(rows.first().ok_or_else(|| undecodable("answer"))?).take()
    }

    pub(crate) async fn commit(self) -> Result<()> {
        self.end(COMMIT).await
    }

    pub(crate) async fn roll_back(self) -> Result<()> {
        self.end(ROLLBACK).await
    }

    async fn end(mut self, statement: &'static str) -> Result<()> {
        self.conn.script(statement).await?;
        self.conn.mark_clean();
        Ok(())
    }
}
