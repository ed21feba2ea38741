//! The migrations, built into the program.

use rusqlite::{Connection, Row, params};
use sms_core::store::migration_plan::{Migration, MigrationPlan};
use sms_core::{Error, ErrorKind, SchemaLevel};

use crate::error::{DbResult, Failure, is_passing};
use crate::sql::args::rows;

/// Every migration, in order; the first is version 1. Append-only, see `migrations/README.md`.
const MIGRATIONS: [Migration; 11] = [
    Migration::new(1, "messages", include_str!("../migrations/0001_messages.sql")),
    Migration::new(2, "usable from", include_str!("../migrations/0002_usable_from.sql")),
    Migration::new(3, "routes", include_str!("../migrations/0003_routes.sql")),
    Migration::new(4, "parts", include_str!("../migrations/0004_parts.sql")),
    Migration::new(5, "resends", include_str!("../migrations/0005_resends.sql")),
    Migration::new(6, "rollups", include_str!("../migrations/0006_rollups.sql")),
    Migration::new(7, "stop-list", include_str!("../migrations/0007_stop_list.sql")),
    Migration::new(8, "other routes", include_str!("../migrations/0008_other_routes.sql")),
    Migration::new(9, "worklists", include_str!("../migrations/0009_worklists.sql")),
    Migration::new(10, "costs", include_str!("../migrations/0010_costs.sql")),
    Migration::new(
        11,
        "encrypted secrets",
        include_str!("../migrations/0011_encrypted_secrets.sql"),
    ),
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
    for Migration { level: version, script, .. } in MIGRATIONS {
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

/// The versions of the migrations that have been applied.
const APPLIED: &str = "SELECT version FROM migrations ORDER BY version";

const HAS_TABLE: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";

const USABLE_FROM: &str = "SELECT max(usable_from) FROM schema_info";

/// What [`run`] would do; nothing is changed. Without a connection for a file that is not there.
pub(crate) fn plan(conn: Option<&Connection>) -> DbResult<MigrationPlan> {
    let Some(conn) = conn else { return Ok(MigrationPlan::new(&[], None, &MIGRATIONS)) };
    let has = |table| conn.query_row(HAS_TABLE, [table], |row| row.get::<_, bool>(0));
    let (mut applied, mut usable_from) = (Vec::new(), None);
    if has("migrations")? {
        let mut versions = conn.prepare(APPLIED)?;
        let found = versions.query_map([], |row| row.get::<_, i64>(0))?;
        applied = found.collect::<rusqlite::Result<_>>()?;
    }
    if has("schema_info")? {
        usable_from = conn.query_row(USABLE_FROM, [], |row| row.get(0))?;
    }
    Ok(MigrationPlan::new(&applied, usable_from, &MIGRATIONS))
}

/// The error for a file that was created by a build between two releases, or edited by hand.
fn other_schema() -> Error {
    Error::new(
        ErrorKind::Config,
        "the database file has another schema than this version of the program",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_for_an_empty_file_says_what_the_migrations_then_record() {
        let conn = Connection::open_in_memory().unwrap();
        let planned = plan(Some(&conn)).unwrap();
        assert_eq!((planned.level, planned.missing.len()), (None, MIGRATIONS.len()));
        let level = run(&conn).unwrap();
        assert_eq!(planned.result, level);
        let after = plan(Some(&conn)).unwrap();
        assert_eq!((after.level, after.missing.len()), (Some(level.level), 0));
        assert_eq!(after.result, level);
    }
}
