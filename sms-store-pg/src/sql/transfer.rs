//! Rows of whole tables, as JSON: see [`Transfer`](sms_core::Transfer).

use std::fmt::Write as _;

use sms_core::transfer::tables::{Column, Form, OWN_RECORDS, TABLES, Table};
use sms_core::transfer::{Fence, Progress, Row};
use sms_core::{Error, ErrorKind, Result};
use sqlx::AssertSqlSafe;

use crate::database::Database;
use crate::error::undecodable;
use crate::sql::args::{clean, rows as limit_of};
use crate::sql::registry::RECORD_PUT;
use crate::sql::row::Columns;

/// The table with what changes of a message. `messages` has the rest.
const STATES: &str = "states";
/// Columns of both tables.
const SHARED: [&str; 3] = ["id", "lane", "route"];
/// Columns of `messages` alone.
const ASKED_FOR: [&str; 18] = [
    "owner",
    "key",
    "fingerprint",
    "to_number",
    "text",
    "sender",
    "class",
    "reference",
    "metadata",
    "options",
    "encoding",
    "parts",
    "send_at",
    "deadline_ms",
    "max_attempts",
    "on_unknown",
    "resend",
    "key_released",
];

/// Rows after one, in the order of the key. $1 limit; then the key of the row.
fn select(table: &Table, is_first: bool) -> String {
    let key = &table.columns[..table.key];
    let prefix = if table.name == "messages" { "m." } else { "" };
    let names: Vec<_> = key.iter().map(|column| format!("{prefix}{}", column.name)).collect();
    let names = names.join(", ");
    let after = key.iter().enumerate().map(|(index, column)| written("$2::jsonb", index, column));
    let after = after.collect::<Vec<_>>().join(", ");
    let after = if is_first {
        "WHERE $2::jsonb IS NULL".to_owned()
    } else {
        format!("WHERE ({names}) > ({after})")
    };
    let columns: Vec<_> = table.columns.iter().map(|column| read(table, column)).collect();
    format!(
        "SELECT json_build_array({})::text FROM {} {after} ORDER BY {names} LIMIT $1",
        columns.join(", "),
        source(table)
    )
}

/// The rows of a table that belong to its content.
fn source(table: &Table) -> String {
    match table.name {
        "messages" => "messages AS m JOIN states AS s ON s.id = m.id".to_owned(),
        "registry" => {
            format!("(SELECT * FROM registry WHERE kind NOT IN ({})) AS r", own_records())
        }
        "acceptances" => "(SELECT at, owner, class, sum(count)::bigint AS count FROM acceptances \
                          GROUP BY at, owner, class) AS a"
            .to_owned(),
        name => name.to_owned(),
    }
}

fn own_records() -> String {
    OWN_RECORDS.map(|kind| format!("'{kind}'")).join(", ")
}

/// The value of a column in a row.
fn read(table: &Table, column: &Column) -> String {
    let name = match table.name {
        "messages" if is_asked_for(column) => format!("m.{}", column.name),
        "messages" => format!("s.{}", column.name),
        _ => column.name.to_owned(),
    };
    match column.form {
        Form::Id => format!("replace({name}::text, '-', '')"),
        Form::Bytes => format!("encode({name}, 'hex')"),
        Form::Flag => format!("{name}::integer"),
        Form::Name(names) => format!("({})[{name} + 1]", listed(names)),
        Form::Number | Form::Text | Form::Position => name,
    }
}

fn is_asked_for(column: &Column) -> bool {
    ASKED_FOR.contains(&column.name)
}

/// The value for a column from a row in this expression.
fn written(row: &str, index: usize, column: &Column) -> String {
    let value = format!("({row} ->> {index})");
    match column.form {
        Form::Id => format!("{value}::uuid"),
        Form::Bytes => format!("decode({value}, 'hex')"),
        Form::Flag => format!("({value}::integer <> 0)"),
        Form::Name(names) => format!("(array_position({}, {value}) - 1)", listed(names)),
        Form::Number | Form::Position => format!("{value}::bigint"),
        Form::Text => value,
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("ARRAY[{}]::text[]", names.join(", "))
}

/// Writes rows into the table of this name. $1 an array of them.
fn insert(table: &Table, into: &str) -> String {
    let belongs = |column: &Column| match (table.name, into) {
        _ if column.form == Form::Position => false,
        ("messages", STATES) => !is_asked_for(column),
        ("messages", _) => is_asked_for(column) || SHARED.contains(&column.name),
        _ => true,
    };
    let columns = table.columns.iter().enumerate().filter(|(_, column)| belongs(column));
    let columns: Vec<_> = columns.collect();
    let names: Vec<_> = columns.iter().map(|(_, column)| column.name).collect();
    let values = columns.iter().map(|(index, column)| written("r.value", *index, column));
    let values: Vec<_> = values.collect();
    // The position up to which events are counted has its one row.
    let (more, one) = match table.name {
        "rollup_position" => (", one_row", ", TRUE"),
        _ => ("", ""),
    };
    format!(
        "INSERT INTO {into} ({}{more}) SELECT {}{one} \
         FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS r (value, n) ORDER BY r.n",
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
    let query = sqlx::query(AssertSqlSafe(select(table, after.is_none())))
        .bind(limit_of(limit))
        .bind(after.map(ToString::to_string));
    let unreadable = |error| undecodable("row").with_source(error);
    let read = |row| {
        let text: String = Columns::new(row).take()?;
        serde_json::from_str(&text).map_err(unreadable)
    };
    database.rows(query).await?.iter().map(read).collect()
}

/// A row with texts that PostgreSQL takes.
fn clean_texts(row: Row) -> Row {
    match row {
        Row::Array(columns) => Row::Array(columns.into_iter().map(clean_texts).collect()),
        Row::String(text) => Row::String(clean(&text).into_owned()),
        other => other,
    }
}

pub(crate) async fn write_rows(
    database: &Database,
    table: &'static Table,
    rows: Vec<Row>,
    progress: Progress,
) -> Result<()> {
    let rows = Row::Array(rows.into_iter().map(clean_texts).collect()).to_string();
    let mut transaction = database.begin_transaction().await?;
    let also = if table.name == "messages" { &[STATES][..] } else { &[] };
    for into in [table.name].iter().chain(also) {
        let query = sqlx::query(AssertSqlSafe(insert(table, into))).bind(&rows);
        transaction.rows(query).await?;
    }
    let query = sqlx::query(RECORD_PUT)
        .bind(transaction.now())
        .bind(&progress.kind)
        .bind(&progress.name)
        .bind(progress.value.to_string());
    transaction.rows(query).await?;
    transaction.commit().await
}

pub(crate) async fn count_rows(database: &Database, table: &'static Table) -> Result<u64> {
    let source = if table.name == "messages" { "states".to_owned() } else { source(table) };
    let query = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {source}")));
    let rows = database.rows(query).await?;
    Columns::new(rows.first().ok_or_else(|| undecodable("count"))?).large("count")
}

/// The prefix of the triggers of a fence.
const TRIGGER: &str = "sms_fence_";
/// The triggers of a fence, with their tables.
const FIND: &str = "\
    SELECT t.tgname::text, c.relname::text FROM pg_trigger AS t JOIN pg_class AS c \
    ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE n.nspname = current_schema() AND starts_with(t.tgname::text, 'sms_fence_')";

pub(crate) async fn fence(database: &Database, fence: Fence) -> Result<()> {
    let mut conn = database.connection().await?;
    let mut script = String::from("BEGIN; ");
    for row in conn.rows(sqlx::query(FIND)).await? {
        let mut columns = Columns::new(&row);
        let (name, table): (String, String) = (columns.take()?, columns.take()?);
        let _ = write!(script, "DROP TRIGGER {name} ON {table}; ");
    }
    match fence {
        Fence::Open => {}
        Fence::NoNewWork { reason } => {
            push_function(&mut script, &reason)?;
            push(&mut script, "accept", "INSERT", "messages", "");
            let begins = "WHEN (NEW.status = 1 AND OLD.status <> 1)";
            push(&mut script, "begin", "UPDATE OF status", STATES, begins);
        }
        Fence::Frozen { reason } => {
            push_function(&mut script, &reason)?;
            for table in TABLES.iter().map(|table| table.name).chain([STATES]) {
                for (change, row) in [("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")] {
                    let when = match table {
                        "registry" => format!("WHEN ({row}.kind NOT IN ({}))", own_records()),
                        _ => String::new(),
                    };
                    push(
                        &mut script,
                        &format!("{table}_{}", change.to_lowercase()),
                        change,
                        table,
                        &when,
                    );
                }
            }
        }
    }
    script.push_str("COMMIT");
    conn.run(script).await
}

/// The function of the triggers. Its code is that of a read-only server, so that every program
/// takes it for an outage.
fn push_function(script: &mut String, reason: &str) -> Result<()> {
    if reason.contains("$fence$") {
        return Err(Error::new(ErrorKind::Invalid, "the reason of a fence cannot be written"));
    }
    let reason = reason.replace('\'', "''");
    let _ = write!(
        script,
        "CREATE OR REPLACE FUNCTION {TRIGGER}refuse() RETURNS trigger LANGUAGE plpgsql AS $fence$ \
         BEGIN RAISE EXCEPTION USING MESSAGE = '{reason}', ERRCODE = '25006'; END $fence$; "
    );
    Ok(())
}

fn push(script: &mut String, name: &str, change: &str, table: &str, when: &str) {
    let _ = write!(
        script,
        "CREATE TRIGGER {TRIGGER}{name} BEFORE {change} ON {table} FOR EACH ROW {when} \
         EXECUTE FUNCTION {TRIGGER}refuse(); "
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sms_core::MessageId;

    use super::*;
    use crate::{PgConfig, PgStore};

    /// Columns that say nothing elsewhere.
    const LEFT_OUT: [(&str, &str); 1] = [("rollup_position", "one_row")];
    /// Tables about the schema and the cluster.
    const OTHER_TABLES: [&str; 3] = ["_sqlx_migrations", "schema_info", "event_base"];

    #[tokio::test]
    async fn every_column_of_every_table_is_copied_or_left_out_on_purpose() {
        let url = std::env::var("SMS_TEST_PG_URL");
        let url = url.unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        let schema = format!("sms_columns_{}", MessageId::new().to_string().replace('-', ""));
        let config = PgConfig::from_url(&url).unwrap().schema(&schema);
        let store = PgStore::open(config).await.unwrap();
        let sql = "SELECT table_name::text, column_name::text FROM information_schema.columns \
                   WHERE table_schema = current_schema()";
        let mut conn = store.database.connection().await.unwrap();
        let rows = conn.rows(sqlx::query(sql)).await.unwrap();
        conn.run(format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
        let found = rows.iter().map(|row| {
            let mut columns = Columns::new(row);
            (columns.take::<String>().unwrap(), columns.take::<String>().unwrap())
        });
        let mut found: BTreeSet<(String, String)> = found.collect();
        found.retain(|(table, column)| {
            !OTHER_TABLES.contains(&table.as_str())
                && !LEFT_OUT.contains(&(table.as_str(), column.as_str()))
        });
        let named = |(table, column): (&str, &str)| (table.to_owned(), column.to_owned());
        let copied = TABLES.iter().flat_map(|table| {
            table.columns.iter().map(|column| match (table.name, column) {
                ("messages", column) if !is_asked_for(column) => (STATES, column.name),
                (table, column) => (table, column.name),
            })
        });
        let mut copied: BTreeSet<_> = copied.map(named).collect();
        copied.extend(SHARED.map(|column| named(("messages", column))));
        assert_eq!(copied, found);
    }

    #[test]
    fn only_a_nul_is_replaced_and_not_the_letters_that_stand_for_it_in_json() {
        let row = serde_json::json!(["a\0b", r"a\u0000b", 7, null]);
        let cleaned = serde_json::json!(["a\u{FFFD}b", r"a\u0000b", 7, null]);
        assert_eq!(clean_texts(row), cleaned);
    }
}
