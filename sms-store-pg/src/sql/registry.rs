//! The registry: small named records, in the same schema.

use serde_json::Value;
use sms_core::registry::{Expect, Record};
use sms_core::{Error, ErrorKind, Result};
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::error::undecodable;
use crate::sql::args::clean;
use crate::sql::fragments::with_clock;
use crate::sql::row::Columns;

/// Writes a record, whether there is one or not. $2 kind, $3 name, $4 value.
pub(crate) const RECORD_PUT: &str = concat!(
    with_clock!(),
    "INSERT INTO registry AS r (kind, name, version, value, updated_at) SELECT $2, $3, 1, $4, now \
     FROM clock \
     ON CONFLICT (kind, name) DO UPDATE \
     SET version = r.version + 1, value = excluded.value, updated_at = excluded.updated_at \
     RETURNING version"
);

/// Writes a record where there is none.
pub(crate) const RECORD_MAKE: &str = concat!(
    with_clock!(),
    "INSERT INTO registry (kind, name, version, value, updated_at) SELECT $2, $3, 1, $4, now \
     FROM clock \
     ON CONFLICT (kind, name) DO NOTHING RETURNING version"
);

/// Writes a record that is at this version. $5 version.
pub(crate) const RECORD_UPDATE: &str = concat!(
    with_clock!(),
    "UPDATE registry SET version = version + 1, value = $4, updated_at = now FROM clock \
     WHERE kind = $2 AND name = $3 AND version = $5 RETURNING version"
);

pub(crate) async fn put(
    database: &Database,
    kind: &str,
    name: &str,
    value: &Value,
    expect: Expect,
) -> Result<u64> {
    let conflict = || Error::new(ErrorKind::Conflict, "the record is not at the expected version");
    let statement = match expect {
        Expect::Anything => RECORD_PUT,
        Expect::Absent => RECORD_MAKE,
        Expect::Version(_) => RECORD_UPDATE,
    };
    let mut query = sqlx::query(statement)
        .bind(database.now())
        .bind(clean(kind))
        .bind(clean(name))
        .bind(value.to_string());
    if let Expect::Version(version) = expect {
        query = query.bind(i64::try_from(version).map_err(|_| conflict())?);
    }
    let written = database.rows(query).await?;
    Columns::new(written.first().ok_or_else(conflict)?).large("version")
}

/// One record. $2 kind, $3 name.
pub(crate) const RECORD_GET: &str = concat!(
    with_clock!(),
    "SELECT name, version, value, updated_at, (SELECT now FROM clock) FROM registry \
     WHERE kind = $2 AND name = $3"
);

pub(crate) async fn get(database: &Database, kind: &str, name: &str) -> Result<Option<Record>> {
    let query = sqlx::query(RECORD_GET).bind(database.now()).bind(clean(kind)).bind(clean(name));
    database.rows(query).await?.first().map(record).transpose()
}

/// The records of a kind. $2 kind.
pub(crate) const RECORD_LIST: &str = concat!(
    with_clock!(),
    "SELECT name, version, value, updated_at, (SELECT now FROM clock) FROM registry \
     WHERE kind = $2 ORDER BY name"
);

pub(crate) async fn list(database: &Database, kind: &str) -> Result<Vec<Record>> {
    let query = sqlx::query(RECORD_LIST).bind(database.now()).bind(clean(kind));
    database.rows(query).await?.iter().map(record).collect()
}

/// Removes a record. $1 kind, $2 name.
pub(crate) const RECORD_DELETE: &str = "DELETE FROM registry WHERE kind = $1 AND name = $2";

pub(crate) async fn delete(database: &Database, kind: &str, name: &str) -> Result<bool> {
    let query = sqlx::query(RECORD_DELETE).bind(clean(kind)).bind(clean(name));
    Ok(database.connection().await?.execute(query).await? > 0)
}

fn record(row: &PgRow) -> Result<Record> {
    let mut columns = Columns::new(row);
    let (name, version, value) =
        (columns.take()?, columns.large("version")?, columns.take::<&str>()?);
    let value =
        serde_json::from_str(value).map_err(|error| undecodable("record").with_source(error))?;
    Ok(Record::read(name, version, value, columns.take()?, columns.take()?))
}
