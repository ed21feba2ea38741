//! The schema, built into the program.

use rusqlite::{Connection, Row, params};
use sms_core::{Error, ErrorKind, SchemaLevel};

use crate::error::{DbResult, Failure, is_passing};
use crate::sql;
use crate::sql::args::rows;

/// Every migration, in order; the first is version 1. Append-only, see `migrations/README.md`.
const MIGRATIONS: [&str; 2] = [
    include_str!("../migrations/0001_messages.sql"),
    include_str!("../migrations/0002_usable_from.sql"),
];

/// Brings the schema up to date. To be called inside a `BEGIN IMMEDIATE`: it is the lock that makes
/// a second process wait until the first has migrated.
///
/// A newer version of the program may have migrated the file already, see "expand, then contract",
/// and may have recorded that this one is too old for it.
pub(crate) fn run(conn: &Connection) -> DbResult<SchemaLevel> {
    conn.execute_batch(sql::MIGRATIONS)?;
    for (script, version) in MIGRATIONS.into_iter().zip(1_i64..) {
        let applied = conn
            .prepare(sql::MIGRATION)?
            .query_map([version], |row| row.get::<_, String>(0))?
            .next();
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
                conn.execute(sql::MIGRATED, params![version, script])?;
            }
        }
    }
    let read =
        |row: &Row<'_>| Ok(SchemaLevel::new(row.get(0)?, row.get(1)?, rows(MIGRATIONS.len())));
    Ok(conn.query_row(sql::SCHEMA_LEVEL, [], read)?.check()?)
}

/// Made by a build of something between two releases, or edited by hand.
fn other_schema() -> Error {
    Error::new(
        ErrorKind::Config,
        "the database file has another schema than this version of the program",
    )
}
