//! The one thread that writes.

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

/// SQLite has one writer at a time, so one thread does it, in the order in which the writes come.
/// It ends with the last handle.
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
    /// Goes with whatever waits beside it.
    Shared(Box<dyn Share>),
    /// By itself.
    Alone(Box<Alone>),
    /// Closes the connection.
    Close(oneshot::Sender<()>),
}

/// A write that has its own transaction.
type Alone = dyn FnOnce(&mut Connection, &Files) + Send;

/// A write that shares its transaction with others.
trait Share: Send {
    /// Whether anybody still waits for it.
    fn is_awaited(&self) -> bool;
    /// Runs it: whether it came to something. May be run again after a rollback.
    fn run(&mut self, conn: &Connection) -> bool;
    /// Tells its caller what it came to, or what kept the whole transaction from it.
    fn tell(self: Box<Self>, failure: Option<&Arc<Error>>);
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

    fn tell(self: Box<Self>, failure: Option<&Arc<Error>>) {
        let answer = match (failure, self.answer) {
            (Some(failure), _) => Err(failure.shared()),
            (None, Some(answer)) => answer.map_err(Error::from),
            (None, None) => Err(stopped()),
        };
        // A caller that has gone away leaves its write done.
        drop(self.reply.send(answer));
    }
}

/// The most writes in one transaction: those that came first must not wait long for it to end.
const MOST_SHARING: usize = 32;

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

    /// Runs work in one transaction with whatever else waits for its turn (group commit): each
    /// commit is a sync of the disk, and pages that several of them change are written once. Where
    /// one of them fails, all are run again, each by itself.
    pub(crate) async fn share<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> DbResult<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let shared = Shared { work, answer: None, reply };
        self.turns.send(Turn::Shared(Box::new(shared))).map_err(|_| closed())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Runs work by itself, with the connection; its own transactions are its own matter.
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
            // Nobody answers where another call has closed it at the same time.
            drop(answer.await);
        }
    }
}

/// Begins as a writing transaction: one that began by reading could not become a writing one while
/// another process writes.
pub(crate) fn begin(conn: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    conn.transaction_with_behavior(TransactionBehavior::Immediate)
}

struct Thread {
    config: SqliteConfig,
    conn: Connection,
    files: Arc<Files>,
    waiting: mpsc::Receiver<Turn>,
    /// A turn that ended a group.
    next: Option<Turn>,
}

impl Thread {
    fn run(mut self) {
        while let Some(turn) = self.next.take().or_else(|| self.waiting.recv().ok()) {
            if let Turn::Close(reply) = turn {
                // First, so that whoever is told finds the write-ahead log gone, and the store
                // closed.
                drop((self.conn, self.waiting));
                let _ = reply.send(());
                return;
            }
            // An application's work may panic: its transaction is rolled back, its caller gets no
            // answer, and that is all.
            let work = AssertUnwindSafe(|| self.take(turn));
            drop(catch_unwind(work));
            self.look_after();
        }
    }

    fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Shared(first) => {
                let mut writes = vec![first];
                while writes.len() < MOST_SHARING {
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

    /// A connection that could not even roll back is replaced: it could never begin another
    /// transaction.
    fn look_after(&mut self) {
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
                write.tell(failure.as_ref());
            }
        }
    }
}

/// Whether all of them came to something and are committed; otherwise nothing is.
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
