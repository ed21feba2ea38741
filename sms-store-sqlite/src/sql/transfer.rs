//! Rows of whole tables, as JSON: see [`Transfer`](sms_core::Transfer).

use std::fmt::Write as _;

use rusqlite::{Connection, params};
use sms_core::transfer::tables::{Column, Form, OWN_RECORDS, TABLES, Table};
use sms_core::transfer::{Fence, Progress, Row};
use sms_core::{Error, ErrorKind, Result};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql::args::rows as limit_of;

/// Writes the progress. ?1 kind, ?2 name, ?3 value, ?4 the time.
pub(crate) const PROGRESS: &str = "\
    INSERT INTO registry (kind, name, version, value, updated_at) VALUES (?1, ?2, 1, ?3, ?4) \
    ON CONFLICT (kind, name) DO UPDATE \
    SET version = version + 1, value = excluded.value, updated_at = excluded.updated_at";

/// Rows after one, in the order of the key. ?1 the row as JSON, ?2 limit.
fn select(table: &Table, is_first: bool) -> String {
    let list = |each: fn(&Column) -> String, columns: &[Column]| {
        columns.iter().map(each).collect::<Vec<_>>().join(", ")
    };
    let key = &table.columns[..table.key];
    let names = list(|column| column.name.to_owned(), key);
    let after = key.iter().enumerate().map(|(index, column)| written("?1", index, column));
    let after = after.collect::<Vec<_>>().join(", ");
    let after = if is_first { String::new() } else { format!("WHERE ({names}) > ({after})") };
    format!(
        "SELECT json_array({}) FROM {} {after} ORDER BY {names} LIMIT ?2",
        list(read, table.columns),
        source(table)
    )
}

/// The rows of a table that belong to its content.
fn source(table: &Table) -> String {
    match table.name {
        "registry" => format!("(SELECT * FROM registry WHERE kind NOT IN ({}))", own_records()),
        "acceptances" => "(SELECT at, owner, class, sum(count) AS count FROM acceptances \
                          GROUP BY at, owner, class)"
            .to_owned(),
        name => name.to_owned(),
    }
}

fn own_records() -> String {
    OWN_RECORDS.map(|kind| format!("'{kind}'")).join(", ")
}

/// The value of a column in a row.
fn read(column: &Column) -> String {
    match column.form {
        Form::Id => format!("lower(hex({}))", column.name),
        // `hex` makes an empty text of NULL.
        Form::Bytes => format!("iif({0} IS NULL, NULL, lower(hex({0})))", column.name),
        _ => column.name.to_owned(),
    }
}

/// The value for a column from a row in this expression.
fn written(row: &str, index: usize, column: &Column) -> String {
    let value = format!("{row} ->> {index}");
    match column.form {
        Form::Id | Form::Bytes => format!("unhex({value})"),
        _ => value,
    }
}

/// Writes rows. ?1 an array of them.
fn insert(table: &Table) -> String {
    let columns = table.columns.iter().enumerate();
    let columns: Vec<_> = columns.filter(|(_, column)| column.form != Form::Position).collect();
    let names: Vec<_> = columns.iter().map(|(_, column)| column.name).collect();
    let values = columns.iter().map(|(index, column)| written("value", *index, column));
    let values: Vec<_> = values.collect();
    // The position up to which events are counted has its one row.
    let (more, one) = match table.name {
        "rollup_position" => (", one_row", ", 1"),
        _ => ("", ""),
    };
    format!(
        "INSERT INTO {} ({}{more}) SELECT {}{one} FROM json_each(?1)",
        table.name,
        names.join(", "),
        values.join(", ")
    )
}

pub(crate) async fn read_rows(
    database: &Database,
    table: &'static Table,
    after: Option<&Row>,
    limit: usize,
) -> Result<Vec<Row>> {
    let after = after.map(ToString::to_string);
    let read = move |conn: &Connection| {
        let mut select = conn.prepare_cached(&select(table, after.is_none()))?;
        let found =
            select.query_map(params![after, limit_of(limit)], |row| row.get::<_, String>(0))?;
        found.map(|row| Ok(parsed(&row?)?)).collect()
    };
    database.scan(read).await
}

fn parsed(row: &str) -> Result<Row> {
    let unreadable =
        |error| Error::new(ErrorKind::Internal, "a row cannot be read").with_source(error);
    serde_json::from_str(row).map_err(unreadable)
}

pub(crate) async fn write_rows(
    database: &Database,
    table: &'static Table,
    rows: Vec<Row>,
    progress: Progress,
) -> Result<()> {
    let rows = Row::Array(rows).to_string();
    let write = move |conn: &Connection, now| {
        conn.prepare_cached(&insert(table))?.execute([&rows])?;
        let Progress { kind, name, value, .. } = progress;
        conn.prepare_cached(PROGRESS)?.execute(params![kind, name, value.to_string(), now])?;
        Ok(())
    };
    database.write(write).await
}

pub(crate) async fn count_rows(database: &Database, table: &'static Table) -> Result<u64> {
    let count = move |conn: &Connection| {
        let count = format!("SELECT count(*) FROM {}", source(table));
        let count: i64 = conn.query_row(&count, [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    };
    database.scan(count).await
}

/// The prefix of the triggers of a fence.
const TRIGGER: &str = "sms_fence_";

pub(crate) async fn fence(database: &Database, fence: Fence) -> Result<()> {
    database.write(move |conn, _| set_fence(conn, &fence)).await
}

fn set_fence(conn: &Connection, fence: &Fence) -> DbResult<()> {
    let find = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE ?1 || '%'";
    let known = conn
        .prepare(find)?
        .query_map([TRIGGER], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut script = String::new();
    for name in known {
        let _ = write!(script, "DROP TRIGGER {name}; ");
    }
    match fence {
        Fence::Open => {}
        Fence::NoNewWork { reason } => {
            push(&mut script, "accept", "INSERT ON messages", reason);
            let begins = "UPDATE OF status ON messages WHEN NEW.status = 1 AND OLD.status <> 1";
            push(&mut script, "begin", begins, reason);
        }
        Fence::Frozen { reason } => {
            for table in TABLES {
                for (change, row) in [("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")] {
                    let when = match table.name {
                        "registry" => format!(" WHEN {row}.kind NOT IN ({})", own_records()),
                        _ => String::new(),
                    };
                    let name = format!("{}_{change}", table.name);
                    push(&mut script, &name, &format!("{change} ON {}{when}", table.name), reason);
                }
            }
        }
    }
    Ok(conn.execute_batch(&script)?)
}

fn push(script: &mut String, name: &str, event: &str, reason: &str) {
    let reason = reason.replace('\'', "''");
    let _ = write!(
        script,
        "CREATE TRIGGER {TRIGGER}{name} BEFORE {event} \
         BEGIN SELECT RAISE(ABORT, '{reason}'); END; "
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Columns that are derived from others, or numbers of rows that mean nothing elsewhere.
    const LEFT_OUT: [(&str, &str); 3] =
        [("messages", "look_at"), ("acceptances", "seq"), ("rollup_position", "one_row")];
    /// Tables about the schema.
    const OTHER_TABLES: [&str; 3] = ["migrations", "schema_info", "sqlite_sequence"];

    #[tokio::test]
    async fn every_column_of_every_table_is_copied_or_left_out_on_purpose() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sms.db");
        crate::SqliteStore::open(crate::SqliteConfig::new(&path)).await.unwrap();
        let conn = Connection::open(&path).unwrap();
        let sql = "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_xinfo(m.name) AS c \
                   WHERE m.type = 'table'";
        let mut columns = conn.prepare(sql).unwrap();
        let found = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let found = found.collect::<rusqlite::Result<Vec<(String, String)>>>().unwrap();
        let found: BTreeSet<(&str, &str)> = found
            .iter()
            .map(|(table, column)| (table.as_str(), column.as_str()))
            .filter(|(table, _)| !OTHER_TABLES.contains(table))
            .filter(|named| !LEFT_OUT.contains(named))
            .collect();
        let copied = TABLES
            .iter()
            .flat_map(|table| table.columns.iter().map(|column| (table.name, column.name)));
        assert_eq!(copied.collect::<BTreeSet<_>>(), found);
    }
}
