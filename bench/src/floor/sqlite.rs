//! A table with an id, a number, a text, a state, and the provider's id with an index. Rows are
//! written in groups of 1 or 32 per commit.

use std::time::Duration;

use rusqlite::{Connection, params};
use tempfile::TempDir;
use uuid::Uuid;

use super::meter::Meter;
use crate::text;

const INSERT: &str = "INSERT INTO floor VALUES (?1, ?2, ?3, 0, NULL)";
const UPDATE: &str = "UPDATE floor SET status = 1, provider_id = ?2 WHERE id = ?1";

pub(super) fn measure(span: Duration) -> anyhow::Result<[(&'static str, f64); 3]> {
    let folder = TempDir::with_prefix_in("bench-", std::env::current_exe()?.with_file_name(""))?;
    let mut conn = Connection::open(folder.path().join("floor.db"))?;
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         CREATE TABLE floor (id BLOB PRIMARY KEY, number INTEGER NOT NULL, text TEXT NOT NULL, \
         status INTEGER NOT NULL, provider_id TEXT) STRICT, WITHOUT ROWID; \
         CREATE INDEX floor_provider ON floor (provider_id) WHERE provider_id IS NOT NULL",
    )?;
    let mut ids = Vec::new();
    let insert_alone = groups(&mut conn, span, 1, |conn| insert(conn, &mut ids))?;
    let insert = groups(&mut conn, span, 32, |conn| insert(conn, &mut ids))?;
    let mut next = ids.iter().zip(1_u64..);
    let update = groups(&mut conn, span, 32, |conn| {
        let Some((id, number)) = next.next() else { return Ok(false) };
        conn.prepare_cached(UPDATE)?.execute(params![id.as_slice(), format!("202648-{number}")])?;
        Ok(true)
    })?;
    Ok([("lone", insert_alone), ("ins32", insert), ("upd32", update)])
}

fn insert(conn: &Connection, ids: &mut Vec<[u8; 16]>) -> rusqlite::Result<bool> {
    let (id, number) = (Uuid::now_v7().into_bytes(), ids.len() as u64);
    ids.push(id);
    let text = text::text(text::MARK, number, 0);
    conn.prepare_cached(INSERT)?.execute(params![id.as_slice(), number.cast_signed(), text])?;
    Ok(true)
}

/// Rows per second of transactions with `size` rows each. Stops early when `step` returns false.
fn groups(
    conn: &mut Connection,
    span: Duration,
    size: u64,
    mut step: impl FnMut(&Connection) -> rusqlite::Result<bool>,
) -> anyhow::Result<f64> {
    let meter = Meter::start(span);
    let (mut count, mut more) = (0, true);
    while more && meter.runs() {
        let transaction = conn.transaction()?;
        for _ in 0..size {
            more = more && step(&transaction)?;
            count += u64::from(more);
        }
        transaction.commit()?;
    }
    Ok(meter.rate(count))
}
