//! Whose turn it is to write.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use sms_core::Result;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection as _, Sqlite, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

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
    sharing: Arc<StdMutex<VecDeque<Sharing>>>,
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

/// A write that shares its transaction with whatever waits beside it, until it has run: then what tells its caller, once
/// that is committed.
struct Sharing {
    /// One statement, so a transaction by itself.
    single: bool,
    run: Run,
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing").field("single", &self.single).finish_non_exhaustive()
    }
}

type Run = Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, Option<Told>> + Send>;
type Told = Box<dyn FnOnce() + Send>;

/// The most writes in one transaction: those that came first must not wait long for it to end.
const MOST_SHARING: usize = 32;

impl Writer {
    pub(crate) fn new(pool: SqlitePool) -> Self {
        Self { pool, kept: Arc::default(), sharing: Arc::default() }
    }

    /// A transaction for somebody else. Writes wait in the pool until it ends.
    pub(crate) async fn begin(&self) -> Result<sqlx::Transaction<'static, Sqlite>> {
        drop(self.kept.lock().await.0.take());
        self.pool.begin_with(sql::BEGIN_IMMEDIATE).await.map_err(from_sqlx)
    }

    /// Runs several statements as one transaction. It begins as a writing one: one that began by reading could not become
    /// a writing one while another process writes.
    pub(crate) async fn run<T>(
        self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
    ) -> Result<T> {
        let (turn, mut conn) = self.turn().await?;
        let mut transaction = conn.begin_with(sql::BEGIN_IMMEDIATE).await.map_err(from_sqlx)?;
        let answer = work(&mut transaction).await?;
        transaction.commit().await.map_err(from_sqlx)?;
        keep(turn, conn);
        Ok(answer)
    }

    /// Runs statements in one transaction with whatever else waits for its turn (group commit): each commit is a sync of
    /// the disk, and pages that several of them change are written once.
    ///
    /// `None` when the transaction came to nothing, because of this or of another one of its writes: then each is to be
    /// repeated by itself. A `single` statement that is alone may have been carried out all the same.
    pub(crate) async fn share<T: Send + 'static>(
        self,
        single: bool,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, Option<T>> + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let sharing = Sharing { single, run: Box::new(move |conn| run_and_tell(work(conn), reply)) };
        self.waiting().push_back(sharing);
        // A task of its own: a caller that goes away cancels nothing for the others.
        tokio::spawn(self.run_shared());
        answer.await.ok()
    }

    /// Runs what waits. Whoever is not told repeats it and meets the error himself, if it is still there.
    async fn run_shared(self) -> Result<()> {
        let turn = self.turn().await;
        // Not before: the longer the turn took, the more came. If it failed, they all have to know.
        let sharing = self.take_waiting();
        let (turn, mut conn) = turn?;
        let told = match sharing.as_slice() {
            [] => None,
            [Sharing { single: true, .. }] => run_all(&mut conn, sharing).await?,
            _ => run_together(&mut conn, sharing).await?,
        };
        keep(turn, conn);
        told.into_iter().flatten().for_each(|tell| tell());
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Sharing>> {
        self.sharing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_waiting(&self) -> Vec<Sharing> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(MOST_SHARING);
        waiting.drain(..count).collect()
    }

    async fn turn(&self) -> Result<(OwnedMutexGuard<Kept>, PoolConnection<Sqlite>)> {
        let mut turn = Arc::clone(&self.kept).lock_owned().await;
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

fn run_and_tell<T: Send + 'static>(
    work: Work<'_, Option<T>>,
    reply: oneshot::Sender<T>,
) -> Work<'_, Option<Told>> {
    Box::pin(async move {
        // A caller that has gone away leaves its write done.
        let tell = |value| -> Told { Box::new(|| drop(reply.send(value))) };
        Ok(work.await?.map(tell))
    })
}

async fn run_together(conn: &mut SqliteConnection, sharing: Vec<Sharing>) -> Result<Option<Vec<Told>>> {
    let mut transaction = conn.begin_with(sql::BEGIN_IMMEDIATE).await.map_err(from_sqlx)?;
    let told = run_all(&mut transaction, sharing).await?;
    let end = if told.is_some() { transaction.commit().await } else { transaction.rollback().await };
    end.map_err(from_sqlx)?;
    Ok(told)
}

/// Runs all, up to one that comes to nothing.
async fn run_all(conn: &mut SqliteConnection, sharing: Vec<Sharing>) -> Result<Option<Vec<Told>>> {
    let mut told = Vec::with_capacity(sharing.len());
    for Sharing { run, .. } in sharing {
        let Some(tell) = run(conn).await? else { return Ok(None) };
        told.push(tell);
    }
    Ok(Some(told))
}
