//! The end of what is over.

use std::time::Duration;

use rusqlite::{Connection, params};
use sms_core::Result;
use sms_core::clock::duration_to_ms;

use crate::error::Done;
use crate::sql;
use crate::sql::claim::rows;
use crate::sql::row::Columns;
use crate::store::SqliteStore;

pub(crate) async fn purge(
    store: &SqliteStore,
    older_than: Duration,
    limit: usize,
) -> Result<usize> {
    store.write(move |conn, now| purge_before(conn, now, older_than, limit)).await
}

fn purge_before(conn: &Connection, now: i64, older_than: Duration, limit: usize) -> Done<usize> {
    let before = now.saturating_sub(duration_to_ms(older_than));
    let mut settled = conn.prepare_cached(sql::SETTLED)?;
    let ids = settled.query_and_then(params![before, rows(limit)], |row| Columns::new(row).id())?;
    let ids = ids.collect::<Done<Vec<_>>>()?;
    for statement in sql::PURGE {
        let mut purge = conn.prepare_cached(statement)?;
        for id in &ids {
            purge.execute([id.as_bytes()])?;
        }
    }
    conn.prepare_cached(sql::PURGE_PARKED)?.execute([before])?;
    Ok(ids.len())
}
