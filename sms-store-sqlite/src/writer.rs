//! The thread that writes.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use sms_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

use crate::config::SqliteConfig;
use crate::connect;
use crate::error::{DbResult, closed, from_sqlite, stopped};
use crate::files::Files;

/// A handle to the thread that writes. SQLite has one writer at a time, so one thread does all
/// writes, in the order in which they come. It ends with the last handle.
#[derive(Clone)]
pub(crate) struct Writer {
    turns: mpsc::Sender<Turn>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

enum Turn {
    /// Shares a transaction with other shared turns that wait.
    Shared(Box<dyn Share>),
    /// Has the connection to itself.
    Alone(Box<Alone>),
    /// Closes the connection.
    Close(oneshot::Sender<()>),
}

/// A write that has its own transaction.
type Alone = dyn FnOnce(&mut Connection, &Files) + Send;

/// A write that shares its transaction with others.
trait Share: Send {
    /// True while its caller waits for the answer.
    fn is_awaited(&self) -> bool;
    /// Runs it. Returns false if it failed. May be run again after a rollback.
    fn run(&mut self, conn: &Connection) -> bool;
    /// Sends the answer to its caller, or the failure of the whole transaction.
    fn reply(self: Box<Self>, failure: Option<&Arc<Error>>);
}

struct Shared<T, W> {
    work: W,
    answer: Option<DbResult<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, W: FnMut(&Connection) -> DbResult<T> + Send> Share for Shared<T, W> {
    fn is_awaited(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, conn: &Connection) -> bool {
        self.answer.insert((self.work)(conn)).is_ok()
    }

    fn reply(self: Box<Self>, failure: Option<&Arc<Error>>) {
        let answer = match (failure, self.answer) {
            (Some(failure), _) => Err(failure.shared()),
            (None, Some(answer)) => answer.map_err(Error::from),
            (None, None) => Err(stopped()),
        };
        // If the caller has gone, the write is done all the same.
        drop(self.reply.send(answer));
    }
}

/// Largest number of writes in one transaction: the first ones must not wait long for its end.
const MAX_GROUP_SIZE: usize = 32;

impl Writer {
    /// Starts the thread with this connection.
    pub(crate) fn start(config: SqliteConfig, conn: Connection, files: Arc<Files>) -> Result<Self> {
        let (turns, waiting) = mpsc::channel();
        let thread = Thread { config, conn, files, waiting, next: None };
        let refused = |error| {
            Error::new(ErrorKind::Unavailable, "no thread for the SQLite store").with_source(error)
        };
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || thread.run())
            .map_err(refused)?;
        Ok(Self { turns })
    }

    /// Runs work in one transaction with other shared work that waits (group commit): each commit
    /// is a sync of the disk, and a page that several of them change is written once. If one of
    /// them fails, all are run again, each in a transaction of its own.
    pub(crate) async fn share<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> DbResult<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let shared = Shared { work, answer: None, reply };
        self.turns.send(Turn::Shared(Box::new(shared))).map_err(|_| closed())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Runs work that has the connection to itself, and begins its own transactions.
    pub(crate) async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &Files) -> T + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let run = move |conn: &mut Connection, files: &Files| {
            if !reply.is_closed() {
                drop(reply.send(work(conn, files)));
            }
        };
        self.turns.send(Turn::Alone(Box::new(run))).map_err(|_| closed())?;
        answer.await.map_err(|_| stopped())
    }

    pub(crate) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.turns.send(Turn::Close(reply)).is_ok() {
            // There is no answer if another call has closed it at the same time.
            drop(answer.await);
        }
    }
}

/// Begins a transaction that writes: one that began by reading could not start to write while
/// another process writes.
pub(crate) fn begin(conn: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    conn.transaction_with_behavior(TransactionBehavior::Immediate)
}

struct Thread {
    config: SqliteConfig,
    conn: Connection,
    files: Arc<Files>,
    waiting: mpsc::Receiver<Turn>,
    /// The turn that came after a group and is not part of it.
    next: Option<Turn>,
}

impl Thread {
    fn run(mut self) {
        while let Some(turn) = self.next.take().or_else(|| self.waiting.recv().ok()) {
            if let Turn::Close(reply) = turn {
                // Before the reply, so that the caller finds the write-ahead log removed, and the
                // store closed.
                drop((self.conn, self.waiting));
                let _ = reply.send(());
                return;
            }
            // The work of an application may panic. Then its transaction is rolled back and its
            // caller gets no answer.
            let work = AssertUnwindSafe(|| self.take(turn));
            drop(catch_unwind(work));
            self.replace_broken_connection();
        }
    }

    fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Shared(first) => {
                let mut writes = vec![first];
                while writes.len() < MAX_GROUP_SIZE {
                    match self.waiting.try_recv() {
                        Ok(Turn::Shared(write)) => writes.push(write),
                        Ok(other) => {
                            self.next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                writes.retain(|write| write.is_awaited());
                write_together(&mut self.conn, &self.files, writes);
            }
            Turn::Alone(work) => work(&mut self.conn, &self.files),
            Turn::Close(_) => {}
        }
    }

    /// Replaces a connection that could not even roll back: it could never begin another
    /// transaction.
    fn replace_broken_connection(&mut self) {
        if !self.conn.is_autocommit()
            && let Ok(conn) = connect::writer(&self.config, &self.files)
        {
            self.conn = conn;
        }
    }
}

fn write_together(conn: &mut Connection, files: &Files, mut writes: Vec<Box<dyn Share>>) {
    match commit(conn, files, &mut writes) {
        Ok(false) if writes.len() > 1 => {
            for write in writes {
                write_together(conn, files, vec![write]);
            }
        }
        done => {
            let failure = done.err().map(Arc::new);
            for write in writes {
                write.reply(failure.as_ref());
            }
        }
    }
}

/// Runs and commits all of them. Returns false, and commits nothing, if one of them failed.
fn commit(conn: &mut Connection, files: &Files, writes: &mut [Box<dyn Share>]) -> Result<bool> {
    if writes.is_empty() {
        return Ok(true);
    }
    let failed = |error: rusqlite::Error| from_sqlite(error.into());
    files.check_again(conn)?;
    let transaction = begin(conn).map_err(failed)?;
    if !writes.iter_mut().all(|write| write.run(&transaction)) {
        return Ok(false);
    }
    transaction.commit().map_err(failed)?;
    files.check_commit(conn)?;
    Ok(true)
}
