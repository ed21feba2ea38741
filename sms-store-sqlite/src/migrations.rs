//! The migrations, built into the program.

use rusqlite::{Connection, Row, params};
use sms_core::{Error, ErrorKind, SchemaLevel};

use crate::error::{DbResult, Failure, is_passing};
use crate::sql::args::rows;

/// Every migration, in order; the first is version 1. Append-only, see `migrations/README.md`.
const MIGRATIONS: [&str; 10] = [
    include_str!("../migrations/0001_messages.sql"),
    include_str!("../migrations/0002_usable_from.sql"),
    include_str!("../migrations/0003_routes.sql"),
    include_str!("../migrations/0004_parts.sql"),
    include_str!("../migrations/0005_resends.sql"),
    include_str!("../migrations/0006_rollups.sql"),
    include_str!("../migrations/0007_stop_list.sql"),
    include_str!("../migrations/0008_other_routes.sql"),
    include_str!("../migrations/0009_worklists.sql"),
    include_str!("../migrations/0010_costs.sql"),
];

/// The table of the migrations that have been applied, with their text. Not `PRAGMA user_version`,
/// which an application with tables in the same file may use for its own.
pub(crate) const CREATE_MIGRATIONS: &str = "\
    CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, \
    script TEXT NOT NULL) STRICT";

/// The text of a migration that has been applied. ?1 version.
pub(crate) const MIGRATION: &str = "SELECT script FROM migrations WHERE version = ?1";

/// Records that it has been applied. ?1 version, ?2 text.
pub(crate) const MIGRATED: &str = "INSERT INTO migrations (version, script) VALUES (?1, ?2)";

/// The newest migration that has been applied, and the oldest one that a program must know.
pub(crate) const SCHEMA_LEVEL: &str =
    "SELECT (SELECT max(version) FROM migrations), (SELECT max(usable_from) FROM schema_info)";

/// Brings the schema up to date. Called inside a `BEGIN IMMEDIATE`: its lock makes a second process
/// wait until the first has migrated.
///
/// A newer version of the program may have migrated the file already, see "expand, then contract",
/// and may have recorded that this one is too old for it.
pub(crate) fn run(conn: &Connection) -> DbResult<SchemaLevel> {
    conn.execute_batch(CREATE_MIGRATIONS)?;
    for (script, version) in MIGRATIONS.into_iter().zip(1_i64..) {
        let applied =
            conn.prepare(MIGRATION)?.query_map([version], |row| row.get::<_, String>(0))?.next();
        match applied.transpose()? {
            Some(applied) if applied == script => {}
            Some(_) => return Err(other_schema().into()),
            None => {
                conn.execute_batch(script).map_err(|error| match Failure::from(error) {
                    Failure::Sqlite(error) if !is_passing(&error) => {
                        other_schema().with_source(error).into()
                    }
                    passing => passing,
                })?;
                conn.execute(MIGRATED, params![version, script])?;
            }
        }
    }
    let read =
        |row: &Row<'_>| Ok(SchemaLevel::new(row.get(0)?, row.get(1)?, rows(MIGRATIONS.len())));
    Ok(conn.query_row(SCHEMA_LEVEL, [], read)?.check()?)
}

/// The error for a file that was created by a build between two releases, or edited by hand.
fn other_schema() -> Error {
    Error::new(
        ErrorKind::Config,
        "the database file has another schema than this version of the program",
    )
}
