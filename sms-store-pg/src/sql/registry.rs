//! Small named records, in the same schema.

use serde_json::Value;
use sms_core::registry::{Expect, Record};
use sms_core::{Error, ErrorKind, Result};
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::error::undecodable;
use crate::sql;
use crate::sql::args::clean;
use crate::sql::row::Columns;

pub(crate) async fn put(
    database: &Database,
    kind: &str,
    name: &str,
    value: &Value,
    expect: Expect,
) -> Result<u64> {
    let conflict = || Error::new(ErrorKind::Conflict, "the record is not at the expected version");
    let statement = match expect {
        Expect::Anything => sql::RECORD_PUT,
        Expect::Absent => sql::RECORD_MAKE,
        Expect::Version(_) => sql::RECORD_UPDATE,
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

pub(crate) async fn get(database: &Database, kind: &str, name: &str) -> Result<Option<Record>> {
    let query =
        sqlx::query(sql::RECORD_GET).bind(database.now()).bind(clean(kind)).bind(clean(name));
    database.rows(query).await?.first().map(record).transpose()
}

pub(crate) async fn list(database: &Database, kind: &str) -> Result<Vec<Record>> {
    let query = sqlx::query(sql::RECORD_LIST).bind(database.now()).bind(clean(kind));
    database.rows(query).await?.iter().map(record).collect()
}

pub(crate) async fn delete(database: &Database, kind: &str, name: &str) -> Result<bool> {
    let query = sqlx::query(sql::RECORD_DELETE).bind(clean(kind)).bind(clean(name));
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
