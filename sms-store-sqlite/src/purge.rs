//! The end of what is over.

use std::time::Duration;

use sms_core::clock::duration_to_ms;
use sms_core::{MessageId, Result};
use sqlx::SqliteConnection;

use crate::args::id_list;
use crate::claim::rows;
use crate::error::from_sqlx;
use crate::row::Columns;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn purge(store: &SqliteStore, older_than: Duration, limit: usize) -> Result<usize> {
    store.write(move |conn, now| Box::pin(purge_before(conn, now, older_than, limit))).await
}

async fn purge_before(
    conn: &mut SqliteConnection,
    now: i64,
    older_than: Duration,
    limit: usize,
) -> Result<usize> {
    let before = now.saturating_sub(duration_to_ms(older_than));
    let settled = sqlx::query(sql::SETTLED).bind(before).bind(rows(limit));
    let found = settled.fetch_all(&mut *conn).await.map_err(from_sqlx)?;
    let ids: Vec<MessageId> = found.iter().map(|row| Columns::new(row).id()).collect::<Result<_>>()?;
    if !ids.is_empty() {
        let list = id_list(&ids);
        for statement in sql::PURGE {
            sqlx::query(statement).bind(list.clone()).execute(&mut *conn).await.map_err(from_sqlx)?;
        }
    }
    sqlx::query(sql::PURGE_PARKED).bind(before).execute(conn).await.map_err(from_sqlx)?;
    Ok(ids.len())
}
