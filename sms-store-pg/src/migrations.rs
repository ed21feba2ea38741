//! The migrations, built into the program.

use std::borrow::Cow;

use sms_core::store::migration_plan::{Migration as Built, MigrationPlan};
use sms_core::{Error, ErrorKind, Result, SchemaLevel};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqlStr};

use crate::error::from_sqlx;
use crate::sql::args::rows;

/// Every migration. Append-only, see `migrations/README.md`.
const MIGRATIONS: [Built; 12] = [
    Built::new(1, "messages", include_str!("../migrations/0001_messages.sql")),
    Built::new(2, "fewer entries", include_str!("../migrations/0002_fewer_entries.sql")),
    Built::new(3, "usable from", include_str!("../migrations/0003_usable_from.sql")),
    Built::new(4, "routes", include_str!("../migrations/0004_routes.sql")),
    Built::new(5, "parts", include_str!("../migrations/0005_parts.sql")),
    Built::new(6, "resends", include_str!("../migrations/0006_resends.sql")),
    Built::new(7, "rollups", include_str!("../migrations/0007_rollups.sql")),
    Built::new(8, "stop-list", include_str!("../migrations/0008_stop_list.sql")),
    Built::new(9, "other routes", include_str!("../migrations/0009_other_routes.sql")),
    Built::new(10, "worklists", include_str!("../migrations/0010_worklists.sql")),
    Built::new(11, "costs", include_str!("../migrations/0011_costs.sql")),
    Built::new(12, "encrypted secrets", include_str!("../migrations/0012_encrypted_secrets.sql")),
];

/// First number of the advisory lock; the second one is a hash of the schema's name.
const LOCK: i32 = 0x5053_4D53;

/// Brings the schema up to date. Waits for other nodes that are doing it.
pub(crate) async fn run(conn: &mut PgConnection, schema: &str) -> Result<()> {
    if is_current(&mut *conn, schema).await? {
        return Ok(());
    }
    let mut transaction = conn.begin().await.map_err(from_sqlx)?;
    // A migration of large tables takes long, and another node may be at it already.
    for statement in ["SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = 0"] {
        sqlx::query(statement).execute(&mut *transaction).await.map_err(from_sqlx)?;
    }
    let lock =
        sqlx::query("SELECT pg_advisory_xact_lock($1, hashtext($2))").bind(LOCK).bind(schema);
    lock.execute(&mut *transaction).await.map_err(from_sqlx)?;
    make_schema(&mut transaction, schema).await?;
    // Not `run`: with its bounds the future of `open` would not be `Send`.
    migrator().run_direct(None, &mut *transaction, false).await.map_err(refused)?;
    transaction.commit().await.map_err(from_sqlx)
}

/// Creates the schema if it does not exist. Not by `CREATE SCHEMA IF NOT EXISTS`, which needs the
/// right to create one even if it exists.
async fn make_schema(conn: &mut PgConnection, schema: &str) -> Result<()> {
    let there = sqlx::query("SELECT to_regnamespace($1) IS NOT NULL").bind(schema);
    let there: bool =
        there.fetch_one(&mut *conn).await.and_then(|row| row.try_get(0)).map_err(from_sqlx)?;
    if !there {
        // The name contains only letters, digits and `_`, see `PgConfig`.
        let create = AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        sqlx::query(create).execute(conn).await.map_err(from_sqlx)?;
    }
    Ok(())
}

/// Checks that the schema is up to date.
pub(crate) async fn check(conn: &mut PgConnection, schema: &str) -> Result<()> {
    if is_current(conn, schema).await? {
        return Ok(());
    }
    let message =
        format!("the schema {schema} is not there or not up to date: it has to be migrated first");
    Err(Error::new(ErrorKind::Config, message))
}

/// The newest migration that has been applied, and the oldest one that a program must know.
pub(crate) const SCHEMA_LEVEL: &str = "\
    SELECT (SELECT max(version) FROM _sqlx_migrations WHERE success), (SELECT max(usable_from) \
    FROM schema_info)";

/// The level of the schema.
///
/// # Errors
///
/// `Config` when this program may not use it.
pub(crate) async fn level(conn: &mut PgConnection) -> Result<SchemaLevel> {
    let read = |row: PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
    let (level, usable_from) =
        sqlx::query(SCHEMA_LEVEL).fetch_one(conn).await.and_then(read).map_err(from_sqlx)?;
    SchemaLevel::new(level, usable_from, rows(MIGRATIONS.len())).check()
}

/// Makes positions continue where they were, in a cluster with lower transaction numbers than the
/// one the tables come from.
pub(crate) const RAISE_BASE: &str = "\
    UPDATE event_base SET base = base + ahead.by FROM ( \
        SELECT coalesce(max(e.seq), 0) - min(b.base) - 65536 * \
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint \
            AS by \
        FROM event_base AS b LEFT JOIN (SELECT seq FROM events ORDER BY seq DESC LIMIT 1) AS e \
        ON TRUE) AS ahead \
    WHERE ahead.by > 0";

/// Makes positions of the event log continue where they were, if the tables were moved here from
/// another cluster.
pub(crate) async fn raise_event_base(conn: &mut PgConnection) -> Result<()> {
    sqlx::query(RAISE_BASE).execute(conn).await.map(drop).map_err(from_sqlx)
}

/// True if every migration has been applied as it is here. Migrations of a newer version of the
/// program may have been applied, too; see "expand, then contract".
async fn is_current(conn: &mut PgConnection, schema: &str) -> Result<bool> {
    if !has_table(&mut *conn, schema, "_sqlx_migrations").await? {
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

/// The numbers of the migrations that have been applied.
const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";

const HAS_TABLE: &str = "SELECT to_regclass($1) IS NOT NULL";

const USABLE_FROM: &str = "SELECT max(usable_from) FROM schema_info";

/// What [`run`] would do; nothing is changed.
pub(crate) async fn plan(conn: &mut PgConnection, schema: &str) -> Result<MigrationPlan> {
    let (mut applied, mut usable_from) = (Vec::new(), None);
    if has_table(&mut *conn, schema, "_sqlx_migrations").await? {
        let rows = sqlx::query(APPLIED).fetch_all(&mut *conn).await.map_err(from_sqlx)?;
        let read = rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>();
        applied = read.map_err(from_sqlx)?;
    }
    if has_table(&mut *conn, schema, "schema_info").await? {
        let row = sqlx::query(USABLE_FROM).fetch_one(conn).await;
        usable_from = row.and_then(|row| row.try_get(0)).map_err(from_sqlx)?;
    }
    Ok(MigrationPlan::new(&applied, usable_from, &MIGRATIONS))
}

async fn has_table(conn: &mut PgConnection, schema: &str, table: &str) -> Result<bool> {
    let found = sqlx::query(HAS_TABLE).bind(format!("{schema}.{table}")).fetch_one(conn).await;
    found.and_then(|row| row.try_get(0)).map_err(from_sqlx)
}

fn migrator() -> Migrator {
    let migration = |Built { level, name, script, .. }| {
        Migration::new(
            level,
            Cow::Borrowed(name),
            MigrationType::Simple,
            SqlStr::from_static(script),
            false,
        )
    };
    let mut migrator = Migrator::with_migrations(MIGRATIONS.into_iter().map(migration).collect());
    migrator.set_ignore_missing(true);
    // Its own lock is one for the whole database, and lasts longer than the transaction.
    migrator.set_locking(false);
    migrator
}

fn refused(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => from_sqlx(error),
        // The schema was created by another version of the program, or edited by hand.
        error => Error::new(ErrorKind::Config, "the schema could not be brought up to date")
            .with_source(error),
    }
}
