//! Transactions of several statements that may write events.

use sms_core::Result;
use sqlx::postgres::PgRow;

use crate::error::undecodable;
use crate::pool::{PooledConnection, Query};
use crate::sql;
use crate::sql::row::Columns;

/// A transaction of several statements. Dropped, it is rolled back.
#[derive(Debug)]
pub(crate) struct Transaction {
    conn: PooledConnection,
    now: i64,
}

impl Transaction {
    /// Begins a transaction; `now` is the time its statements are told.
    pub(crate) async fn begin(mut conn: PooledConnection, now: i64) -> Result<Self> {
        conn.script(sql::BEGIN_TOGETHER).await?;
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
        self.end(sql::COMMIT).await
    }

    pub(crate) async fn roll_back(self) -> Result<()> {
        self.end(sql::ROLLBACK).await
    }

    async fn end(mut self, statement: &'static str) -> Result<()> {
        self.conn.script(statement).await?;
        self.conn.mark_clean();
        Ok(())
    }
}
