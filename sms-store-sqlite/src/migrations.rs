//! The schema, built into the program.

use std::borrow::Cow;

use sms_core::{Error, ErrorKind, Result};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlStr, SqliteConnection};

/// Every migration: version, name, SQL. Append-only, see `migrations/README.md`.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "messages", include_str!("../migrations/0001_messages.sql")),
    (2, "evidence", include_str!("../migrations/0002_evidence.sql")),
];

/// Brings the schema up to date. To be called inside a `BEGIN IMMEDIATE`: it is the lock that makes a second process
/// wait until the first has migrated; sqlx has none of its own for SQLite.
pub(crate) async fn run(conn: &mut SqliteConnection) -> Result<()> {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, SqlStr::from_static(sql), false)
    };
    let mut migrator = Migrator::with_migrations(MIGRATIONS.into_iter().map(migration).collect());
    // A newer version of the program may have migrated the file already; see "expand, then contract".
    migrator.set_ignore_missing(true);
    // Not `run`: its bounds keep the future of `open` from being `Send`.
    migrator.run_direct(None, conn, false).await.map_err(|error| {
        let kind = match &error {
            sqlx::migrate::MigrateError::Execute(_) | sqlx::migrate::MigrateError::ExecuteMigration(..) => {
                ErrorKind::Unavailable
            }
            // Made by another version of the program, or edited by hand.
            _ => ErrorKind::Config,
        };
        Error::new(kind, "the database file could not be brought up to date").with_source(error)
    })
}
