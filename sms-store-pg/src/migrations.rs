//! The schema, built into the program.

use std::borrow::Cow;

use sms_core::{Error, ErrorKind, Result, SchemaLevel};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqlStr};

use crate::error::from_sqlx;
use crate::sql;
use crate::sql::args::rows;

/// Every migration: version, name, SQL. Append-only, see `migrations/README.md`.
const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "messages", include_str!("../migrations/0001_messages.sql")),
    (2, "fewer entries", include_str!("../migrations/0002_fewer_entries.sql")),
    (3, "usable from", include_str!("../migrations/0003_usable_from.sql")),
];

/// Number of the advisory lock, beside a number made of the schema's name.
const LOCK: i32 = 0x5053_4D53;

/// Brings the schema up to date, after other nodes that are doing it.
pub(crate) async fn run(conn: &mut PgConnection, schema: &str) -> Result<()> {
    if is_current(&mut *conn, schema).await? {
        return Ok(());
    }
    let mut transaction = conn.begin().await.map_err(from_sqlx)?;
    // A migration of large tables takes its time, and so does the wait for another node's.
    for statement in ["SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = 0"] {
        sqlx::query(statement).execute(&mut *transaction).await.map_err(from_sqlx)?;
    }
    let lock =
        sqlx::query("SELECT pg_advisory_xact_lock($1, hashtext($2))").bind(LOCK).bind(schema);
    lock.execute(&mut *transaction).await.map_err(from_sqlx)?;
    make_schema(&mut transaction, schema).await?;
    // Not `run`: its bounds keep the future of `open` from being `Send`.
    migrator().run_direct(None, &mut *transaction, false).await.map_err(refused)?;
    transaction.commit().await.map_err(from_sqlx)
}

/// Not `CREATE SCHEMA IF NOT EXISTS`, which asks for the right to make one even where there is one.
async fn make_schema(conn: &mut PgConnection, schema: &str) -> Result<()> {
    let there = sqlx::query("SELECT to_regnamespace($1) IS NOT NULL").bind(schema);
    let there: bool =
        there.fetch_one(&mut *conn).await.and_then(|row| row.try_get(0)).map_err(from_sqlx)?;
    if !there {
        // Its name is made of letters, digits and _, see `PgConfig`.
        let create = AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        sqlx::query(create).execute(conn).await.map_err(from_sqlx)?;
    }
    Ok(())
}

/// Checks that somebody has.
pub(crate) async fn check(conn: &mut PgConnection, schema: &str) -> Result<()> {
    if is_current(conn, schema).await? {
        return Ok(());
    }
    let message =
        format!("the schema {schema} is not there or not up to date: it has to be migrated first");
    Err(Error::new(ErrorKind::Config, message))
}

/// How far the schema has been migrated, and whether this program may use it.
pub(crate) async fn level(conn: &mut PgConnection) -> Result<SchemaLevel> {
    let read = |row: PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
    let (level, usable_from) =
        sqlx::query(sql::SCHEMA_LEVEL).fetch_one(conn).await.and_then(read).map_err(from_sqlx)?;
    SchemaLevel::new(level, usable_from, rows(MIGRATIONS.len())).check()
}

/// Makes the event log go on where it was, should the tables have been moved here from another
/// cluster.
pub(crate) async fn raise_event_base(conn: &mut PgConnection) -> Result<()> {
    sqlx::query(sql::RAISE_BASE).execute(conn).await.map(drop).map_err(from_sqlx)
}

/// Whether every migration has been applied as it is here. Those of a newer version of the program
/// may have been, too; see "expand, then contract".
async fn is_current(conn: &mut PgConnection, schema: &str) -> Result<bool> {
    let there = sqlx::query("SELECT to_regclass($1) IS NOT NULL")
        .bind(format!("{schema}._sqlx_migrations"));
    let there: bool =
        there.fetch_one(&mut *conn).await.and_then(|row| row.try_get(0)).map_err(from_sqlx)?;
    if !there {
        return Ok(false);
    }
    let applied = sqlx::query("SELECT version, checksum FROM _sqlx_migrations WHERE success");
    let applied = applied.fetch_all(conn).await.map_err(from_sqlx)?;
    let read = |row: &PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
    let applied: Vec<(i64, Vec<u8>)> =
        applied.iter().map(read).collect::<sqlx::Result<_>>().map_err(from_sqlx)?;
    let is_applied = |migration: &Migration| {
        applied.iter().any(|(version, checksum)| {
            *version == migration.version && checksum.as_slice() == &*migration.checksum
        })
    };
    Ok(migrator().iter().all(is_applied))
}

fn migrator() -> Migrator {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(
            version,
            Cow::Borrowed(name),
            MigrationType::Simple,
            SqlStr::from_static(sql),
            false,
        )
    };
    let mut migrator = Migrator::with_migrations(MIGRATIONS.into_iter().map(migration).collect());
    migrator.set_ignore_missing(true);
    // Its own lock is that of the whole database, and lasts longer than the transaction.
    migrator.set_locking(false);
    migrator
}

fn refused(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => from_sqlx(error),
        // Made by another version of the program, or edited by hand.
        error => Error::new(ErrorKind::Config, "the schema could not be brought up to date")
            .with_source(error),
    }
}
