//! Small named records, in the same file.

use serde_json::Value;
use sms_core::clock::datetime_from_ms;
use sms_core::registry::{Expect, Record};
use sms_core::{Error, ErrorKind, Registry, Result, async_trait};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::error::{from_sqlx, undecodable};
use crate::row::Columns;
use crate::sql;
use crate::store::SqliteStore;

#[async_trait]
impl Registry for SqliteStore {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        let (kind, name, value) = (kind.to_owned(), name.to_owned(), value.to_string());
        self.write(move |conn, now| Box::pin(put(conn, now, kind, name, value, expect))).await
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        let query = sqlx::query(sql::RECORD_GET).bind(kind.to_owned()).bind(name.to_owned());
        let row =
            self.read(|conn| Box::pin(async { query.fetch_optional(conn).await.map_err(from_sqlx) })).await?;
        row.as_ref().map(record).transpose()
    }

    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        let query = sqlx::query(sql::RECORD_LIST).bind(kind.to_owned());
        let rows =
            self.read(|conn| Box::pin(async { query.fetch_all(conn).await.map_err(from_sqlx) })).await?;
        rows.iter().map(record).collect()
    }

    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        let query = sqlx::query(sql::RECORD_DELETE).bind(kind.to_owned()).bind(name.to_owned());
        let deleted =
            self.write(|conn, _| Box::pin(async { query.execute(conn).await.map_err(from_sqlx) })).await?;
        Ok(deleted.rows_affected() > 0)
    }
}

async fn put(
    conn: &mut SqliteConnection,
    now: i64,
    kind: String,
    name: String,
    value: String,
    expect: Expect,
) -> Result<u64> {
    let current = sqlx::query(sql::RECORD_VERSION).bind(kind.clone()).bind(name.clone());
    let current = current.fetch_optional(&mut *conn).await.map_err(from_sqlx)?;
    let current = current.map(|row| Columns::new(&row).number("version")).transpose()?;
    let conflict = || Error::new(ErrorKind::Conflict, "the record is not at the expected version");
    let version = expect.next_version(current).ok_or_else(conflict)?;
    let stored = i64::try_from(version).map_err(|_| undecodable("version"))?;
    let put = sqlx::query(sql::RECORD_PUT).bind(kind).bind(name).bind(stored).bind(value).bind(now);
    put.execute(conn).await.map_err(from_sqlx)?;
    Ok(version)
}

fn record(row: &SqliteRow) -> Result<Record> {
    let mut columns = Columns::new(row);
    let (name, version, value) = (columns.take()?, columns.number("version")?, columns.take::<&str>()?);
    let value = serde_json::from_str(value).map_err(|error| undecodable("record").with_source(error))?;
    Ok(Record { name, version, value, updated_at: datetime_from_ms(columns.take()?) })
}
