//! The registry: small named records, in the same file.

use rusqlite::{Connection, Row, params};
use serde_json::Value;
use sms_core::registry::{Expect, Record};
use sms_core::{Error, ErrorKind, Result};

use crate::database::Database;
use crate::error::{DbResult, undecodable};
use crate::sql::row::Columns;

pub(crate) async fn put(
    database: &Database,
    kind: &str,
    name: &str,
    value: &Value,
    expect: Expect,
) -> Result<u64> {
    let (kind, name, value) = (kind.to_owned(), name.to_owned(), value.to_string());
    database.write(move |conn, now| put_one(conn, now, &kind, &name, &value, expect)).await
}

/// One record. ?1 kind, ?2 name.
pub(crate) const RECORD_GET: &str =
    "SELECT name, version, value, updated_at FROM registry WHERE kind = ?1 AND name = ?2";

pub(crate) async fn get(database: &Database, kind: &str, name: &str) -> Result<Option<Record>> {
    let (kind, name, now) = (kind.to_owned(), name.to_owned(), database.time().now_ms);
    let get = move |conn: &Connection| {
        let mut get = conn.prepare_cached(RECORD_GET)?;
        get.query_and_then([kind, name], |row| record(row, now))?.next().transpose()
    };
    database.read(get).await
}

/// The records of a kind. ?1 kind.
pub(crate) const RECORD_LIST: &str =
    "SELECT name, version, value, updated_at FROM registry WHERE kind = ?1 ORDER BY name";

pub(crate) async fn list(database: &Database, kind: &str) -> Result<Vec<Record>> {
    let (kind, now) = (kind.to_owned(), database.time().now_ms);
    let list = move |conn: &Connection| {
        let mut list = conn.prepare_cached(RECORD_LIST)?;
        list.query_and_then([kind], |row| record(row, now))?.collect()
    };
    database.read(list).await
}

/// Removes a record. ?1 kind, ?2 name.
pub(crate) const RECORD_DELETE: &str = "DELETE FROM registry WHERE kind = ?1 AND name = ?2";

pub(crate) async fn delete(database: &Database, kind: &str, name: &str) -> Result<bool> {
    let (kind, name) = (kind.to_owned(), name.to_owned());
    let delete = move |conn: &Connection, _| {
        Ok(conn.prepare_cached(RECORD_DELETE)?.execute([kind, name])? > 0)
    };
    database.write(delete).await
}

/// The version of a record. ?1 kind, ?2 name.
pub(crate) const RECORD_VERSION: &str =
    "SELECT version FROM registry WHERE kind = ?1 AND name = ?2";

/// Writes a record. ?1 kind, ?2 name, ?3 version, ?4 value, ?5 now.
pub(crate) const RECORD_PUT: &str = "\
    INSERT INTO registry (kind, name, version, value, updated_at) VALUES (?1, ?2, ?3, ?4, ?5) \
    ON CONFLICT (kind, name) DO UPDATE \
    SET version = excluded.version, value = excluded.value, updated_at = excluded.updated_at";

fn put_one(
    conn: &Connection,
    now: i64,
    kind: &str,
    name: &str,
    value: &str,
    expect: Expect,
) -> DbResult<u64> {
    let mut current = conn.prepare_cached(RECORD_VERSION)?;
    let current =
        current.query_and_then([kind, name], |row| Columns::new(row).number("version"))?;
    let current = current.last().transpose()?;
    let conflict = || Error::new(ErrorKind::Conflict, "the record is not at the expected version");
    let version = expect.next_version(current).ok_or_else(conflict)?;
    let stored = i64::try_from(version).map_err(|_| undecodable("version"))?;
    conn.prepare_cached(RECORD_PUT)?.execute(params![kind, name, stored, value, now])?;
    Ok(version)
}

fn record(row: &Row<'_>, now: i64) -> DbResult<Record> {
    let mut columns = Columns::new(row);
    let (name, version, value) =
        (columns.take()?, columns.number("version")?, columns.take::<String>()?);
    let value =
        serde_json::from_str(&value).map_err(|error| undecodable("record").with_source(error))?;
    Ok(Record::read(name, version, value, columns.take()?, now))
}
