//! Whose turn it is to write.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sms_core::Result;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection as _, Sqlite, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::from_sqlx;
use crate::sql;

/// The one connection that writes: SQLite has one writer at a time, and whoever waits here waits fairly, without a thread
/// and without polling.
///
/// Between the store's own writes the connection is kept out of its pool, because the pool asks a connection that comes back
/// whether it is alive, which takes as long as a small write. It goes back for [`begin`](Self::begin), and after every
/// error, for the pool to look at.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pool: SqlitePool,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept(Option<PoolConnection<Sqlite>>);

impl Drop for Kept {
    fn drop(&mut self) {
        // A connection that goes back to its pool needs a runtime, and a store may be dropped outside of any.
        drop(self.0.take().map(PoolConnection::leak));
    }
}

/// A piece of work on a connection.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'c>>;

impl Writer {
    pub(crate) fn new(pool: SqlitePool) -> Self {
        Self { pool, kept: Arc::default() }
    }

    /// A transaction for somebody else. Writes wait in the pool until it ends.
    pub(crate) async fn begin(&self) -> Result<sqlx::Transaction<'static, Sqlite>> {
        drop(self.kept.lock().await.0.take());
        self.pool.begin_with(sql::BEGIN_IMMEDIATE).await.map_err(from_sqlx)
    }

    /// Runs one statement, which is a transaction by itself.
    pub(crate) async fn run<T>(
        self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
    ) -> Result<T> {
        let (turn, mut conn) = self.turn().await?;
        let answer = work(&mut conn).await?;
        keep(turn, conn);
        Ok(answer)
    }

    /// Runs several statements as one transaction, which is rolled back when they come to nothing. It begins as a writing
    /// one: one that began by reading could not become a writing one while another process writes.
    pub(crate) async fn run_together<T>(
        self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, Option<T>>,
    ) -> Result<Option<T>> {
        let (turn, mut conn) = self.turn().await?;
        let mut transaction = conn.begin_with(sql::BEGIN_IMMEDIATE).await.map_err(from_sqlx)?;
        let answer = work(&mut transaction).await?;
        let end = if answer.is_some() { transaction.commit().await } else { transaction.rollback().await };
        end.map_err(from_sqlx)?;
        keep(turn, conn);
        Ok(answer)
    }

    async fn turn(self) -> Result<(OwnedMutexGuard<Kept>, PoolConnection<Sqlite>)> {
        let mut turn = self.kept.lock_owned().await;
        let conn = match turn.0.take() {
            Some(conn) => conn,
            None => self.pool.acquire().await.map_err(from_sqlx)?,
        };
        Ok((turn, conn))
    }

    pub(crate) async fn close(&self) {
        drop(self.kept.lock().await.0.take());
        self.pool.close().await;
    }
}

fn keep(mut turn: OwnedMutexGuard<Kept>, conn: PoolConnection<Sqlite>) {
    turn.0 = Some(conn);
}
