//! Watch over the files of the database: they must stay where they were opened.

use std::borrow::Cow;
use std::path::{Path, PathBuf, absolute};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, io};

use rusqlite::Connection;
use sms_core::{Error, ErrorKind, Result, StoreFault};

/// The database, its write-ahead log and the index of that, as they were when the store was opened.
///
/// An open file can be removed, moved or replaced, and SQLite goes on writing to it: every commit
/// succeeds, and nothing of it is there after a restart. So each commit is followed by a check of
/// the paths before it is acknowledged, about a microsecond for each file. The check reads only
/// their metadata: closing a database file by other means than SQLite's own would release all locks
/// that the process has on it.
#[derive(Debug)]
pub(crate) struct Files {
    database: Watched,
    logs: [Watched; 2],
    /// True if the last check found one of them missing. Then each transaction is also preceded by
    /// a check, so that nothing is written that will not be acknowledged.
    was_faulty: AtomicBool,
}

/// A file that is in use, and must not be replaced by another one.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    identity: Identity,
}

/// A fault at the path of a watched file.
enum Fault {
    Missing(io::Error),
    Another,
}

impl Files {
    /// The files of the database at this path, which is open and has been read, so that all three
    /// exist.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let watch = || -> io::Result<Self> {
            // SQLite keeps its log next to the file that a symbolic link leads to.
            let real = fs::canonicalize(path)?;
            let logs = [
                Watched::new(with_suffix(&real, "-wal"))?,
                Watched::new(with_suffix(&real, "-shm"))?,
            ];
            let database = Watched::new(absolute(path)?)?;
            Ok(Self { database, logs, was_faulty: AtomicBool::new(false) })
        };
        let vanished = "a file of the SQLite database was removed while it was opened";
        watch().map_err(|error| unavailable(vanished).with_source(error))
    }

    /// Checks that the files at the paths are those that are in use.
    ///
    /// # Errors
    ///
    /// `Unavailable` with the fault `Unreachable`, which says what happened to which file, and what
    /// to do. It lasts until the very same files are back.
    pub(crate) fn check(&self) -> Result<()> {
        let log = || self.lost_log().map_or(Ok(()), |log| Err(log.lost("")));
        let checked = self.check_database().and_then(|()| log());
        self.was_faulty.store(checked.is_err(), Ordering::Relaxed);
        checked
    }

    /// The same after a commit on this connection, before it is acknowledged. If a log was removed,
    /// its content is saved into the database, because nobody who opens the database later would
    /// find the log.
    pub(crate) fn check_commit(&self, conn: &Connection) -> Result<()> {
        self.check().map_err(|error| {
            let lost = self.lost_log().filter(|_| self.database.fault().is_none());
            let Some(log) = lost else { return error };
            match save(conn) {
                Ok(()) => log.lost(" (what it held is saved in the database)"),
                Err(failed) => {
                    log.lost(" (what it held could not be saved yet)").with_source(failed)
                }
            }
        })
    }

    /// The same before a transaction, if the last check found a file missing.
    pub(crate) fn check_again(&self, conn: &Connection) -> Result<()> {
        if self.was_faulty.load(Ordering::Relaxed) { self.check_commit(conn) } else { Ok(()) }
    }

    fn check_database(&self) -> Result<()> {
        let file = self.database.path.display();
        match self.database.fault() {
            None => Ok(()),
            Some(Fault::Missing(error)) => Err(unavailable(format!(
                "the database file {file} was removed or moved while in use, and nothing is \
                 accepted without it: put it back together with its -wal file, and start the \
                 program again"
            ))
            .with_source(error)),
            Some(Fault::Another) => Err(unavailable(format!(
                "another file has taken the place of the database {file} while that was in use, \
                 and nothing is accepted: put the first one back, or remove {file}-wal and \
                 {file}-shm, and start the program again"
            ))),
        }
    }

    /// A log that is not where it was, next to a database that is.
    fn lost_log(&self) -> Option<&Watched> {
        self.logs.iter().find(|log| log.fault().is_some())
    }
}

impl Watched {
    fn new(path: PathBuf) -> io::Result<Self> {
        let identity = Identity::at(&path)?;
        Ok(Self { path, identity })
    }

    fn fault(&self) -> Option<Fault> {
        match Identity::at(&self.path) {
            Ok(found) if found == self.identity => None,
            Ok(_) => Some(Fault::Another),
            Err(error) => Some(Fault::Missing(error)),
        }
    }

    /// The error for a log that was lost, with a note about its content.
    fn lost(&self, note: &str) -> Error {
        unavailable(format!(
            "the file {} was removed or replaced while in use{note}, and nothing is accepted \
             without it: start the program again",
            self.path.display()
        ))
    }
}

/// The identity of a file, by which another file at the same path is noticed.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

#[cfg(target_os = "linux")]
impl Identity {
    fn at(path: &Path) -> io::Result<Self> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

        // Not the times: since version 6.13 Linux gives a file finer times at its next write after
        // they were read, and the next sync then also has to write its inode.
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::INO)?;
        Ok(Self { device: makedev(found.stx_dev_major, found.stx_dev_minor), inode: found.stx_ino })
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
impl Identity {
    fn at(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;

        let found = fs::metadata(path)?;
        Ok(Self { device: found.dev(), inode: found.ino() })
    }
}

/// On systems that do not allow an open file to be removed or replaced, it is enough that there is
/// one.
#[cfg(not(unix))]
#[derive(Debug, PartialEq, Eq)]
struct Identity;

#[cfg(not(unix))]
impl Identity {
    fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|_| Self)
    }
}

fn unavailable(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unavailable, message).with_fault(StoreFault::Unreachable)
}

fn with_suffix(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Copies the whole log into the database, and waits until that is on disk.
fn save(conn: &Connection) -> rusqlite::Result<()> {
    conn.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| match row.get(0)? {
        0 => Ok(()),
        // A reader still uses an older state.
        _ => Err(rusqlite::Error::QueryReturnedNoRows),
    })
}
