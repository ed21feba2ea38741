//! Creation of the file, and errors of opening for the person who set it up.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sms_core::store::migration_plan::MigrationPlan;
use sms_core::{Error, ErrorKind, MessageId, Result};

use crate::error::{DbResult, Failure};
use crate::migrations;

/// Creates the folder and an empty file if they do not exist, for this user alone: they will hold
/// numbers and texts. The files that SQLite adds get the mode of the first one.
pub(crate) fn prepare(path: &Path) -> Result<()> {
    make_folder(path)?;
    #[cfg(unix)]
    if !path.exists() {
        // If this fails, SQLite creates the file, or reports what is wrong.
        let _ = make_file(path);
    }
    Ok(())
}

/// Takes the right to read from others on the machine if everybody has it, as earlier versions left
/// the files. A right of the group is kept: somebody gave it on purpose. Called once the file is
/// known to be a store, because a wrong path leads to somebody else's file.
pub(crate) fn close_to_others(path: &Path) {
    #[cfg(unix)]
    for file in [path.to_owned(), with_end(path, "-wal"), with_end(path, "-shm")] {
        close_file(&file);
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Creates the file under another name first. If any other code of this process closed a file that
/// SQLite has open, SQLite would lose its locks on it, and another thread may open the store at
/// this moment.
#[cfg(unix)]
fn make_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    let other = with_end(path, &format!(".new-{}", MessageId::new()));
    drop(fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&other)?);
    let linked = fs::hard_link(&other, path);
    fs::remove_file(&other)?;
    linked
}

fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        let message = format!("the folder {} of the SQLite file cannot be made", folder.display());
        Error::new(ErrorKind::Config, message).with_source(error)
    })
}

/// The bits of a mode that concern everybody on the machine.
#[cfg(unix)]
const OTHERS: u32 = 0o007;

#[cfg(unix)]
fn close_file(file: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let Ok(found) = fs::metadata(file) else { return };
    if found.permissions().mode() & OTHERS == 0 {
        return;
    }
    match fs::set_permissions(file, fs::Permissions::from_mode(0o600)) {
        Ok(()) => {
            tracing::warn!(
                file = %file.display(),
                "the file was readable by everyone; now only by its owner"
            );
        }
        Err(error) => {
            tracing::warn!(
                file = %file.display(),
                %error,
                "the file is readable by everyone, and this cannot be changed"
            );
        }
    }
}

#[cfg(unix)]
fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Adds the name of the file and the cause, in place of SQLite's message where ours says
/// everything.
pub(crate) fn refused(path: &Path, failure: Failure) -> Error {
    let Failure::Sqlite(error) = &failure else { return failure.into() };
    let what = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "is not a SQLite database",
        Some(ErrorCode::DatabaseCorrupt) => "is damaged; restore it from a backup",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "cannot be written: this user may only read it, or its folder"
        }
        Some(ErrorCode::CannotOpen) => {
            "cannot be opened: it must be a file, and this user must be able to write to it and \
             to its folder"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "is locked by another program",
        Some(ErrorCode::DiskFull) => "cannot be written: the disk is full",
        _ => return failure.into(),
    };
    let message = format!("the SQLite file {} {what}", path.display());
    let error = Error::from(failure);
    let refused = Error::new(error.kind(), message);
    match error.fault() {
        Some(fault) => refused.with_fault(fault),
        None => refused,
    }
}

/// What opening the file would change in its schema; nothing is changed.
pub(crate) fn plan(path: &Path) -> Result<MigrationPlan> {
    let read = || -> DbResult<MigrationPlan> {
        if !path.exists() {
            return migrations::plan(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        migrations::plan(Some(&Connection::open_with_flags(path, flags)?))
    };
    read().map_err(|error| refused(path, error))
}

/// Checks that the file can be used, and changes nothing.
pub(crate) fn check(path: &Path) -> Result<()> {
    if !path.exists() {
        return check_folder(path);
    }
    // Without the right to write, SQLite opens the file for reading.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = || -> rusqlite::Result<bool> {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        conn.is_readonly(rusqlite::MAIN_DB)
    };
    if read().map_err(|error| refused(path, error.into()))? {
        let message = format!("the SQLite file {} cannot be written by this user", path.display());
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(())
}

/// Checks the nearest folder that exists: it must be a folder that this user can write to.
fn check_folder(path: &Path) -> Result<()> {
    let folders = path
        .ancestors()
        .skip(1)
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let there =
        folders.into_iter().find(|folder| folder.exists()).unwrap_or_else(|| Path::new("."));
    let what = if !there.is_dir() {
        "cannot be made: a file is in the way of its folder"
    } else if !may_write(there) {
        "cannot be made: this user may not write to its folder"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Config, format!("the SQLite file {} {what}", path.display())))
}

#[cfg(unix)]
fn may_write(folder: &Path) -> bool {
    use rustix::fs::{Access, access};

    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn may_write(_: &Path) -> bool {
    true
}
