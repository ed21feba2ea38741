//! Background maintenance: leases that are over, deadlines that are past, status queries that are
//! due, and old messages.

use std::time::Duration;

use rusqlite::{Connection, params};
use sms_core::clock::duration_to_ms;
use sms_core::provider::{Polling, ProviderRef};
use sms_core::store::ledger::Ledger;
use sms_core::{MessageId, Result};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql;
use crate::sql::args::rows;
use crate::sql::ledger;
use crate::sql::row::Columns;

pub(crate) async fn rescue(database: &Database, limit: usize) -> Result<Vec<MessageId>> {
    let rescue = move |conn: &Connection, now| {
        change_some(conn, now, sql::LOAD_LEASE_OVER, limit, Ledger::rescue)
    };
    database.write(rescue).await
}

pub(crate) async fn expire(database: &Database, limit: usize) -> Result<Vec<MessageId>> {
    let expire = move |conn: &Connection, now| {
        change_some(conn, now, sql::LOAD_PAST_DEADLINE, limit, Ledger::expire)
    };
    database.write(expire).await
}

pub(crate) async fn awaiting_receipt(
    database: &Database,
    polling: Polling,
    limit: usize,
) -> Result<Vec<ProviderRef>> {
    let plan = move |conn: &Connection, now| {
        let plan = |ledger: &mut Ledger, ids: Vec<_>| ledger.plan_queries(&ids, &polling);
        change_some(conn, now, sql::LOAD_AWAITING, limit, plan)
    };
    database.write(plan).await
}

/// Changes the rows for which the guard in `load` holds. They are read and written under one write
/// lock, so the guard still holds when they are written.
fn change_some<T>(
    conn: &Connection,
    now: i64,
    load: &str,
    limit: usize,
    change: impl FnOnce(&mut Ledger, Vec<MessageId>) -> T,
) -> DbResult<T> {
    let mut ledger = Ledger::new(now);
    let ids = ledger::load(&mut ledger, conn, load, params![now, rows(limit)])?;
    let answer = change(&mut ledger, ids);
    ledger::write(conn, ledger.into_changes())?;
    Ok(answer)
}

pub(crate) async fn purge(
    database: &Database,
    older_than: Duration,
    limit: usize,
) -> Result<usize> {
    database.write(move |conn, now| purge_before(conn, now, older_than, limit)).await
}

fn purge_before(
    conn: &Connection,
    now: i64,
    older_than: Duration,
    limit: usize,
) -> DbResult<usize> {
    let before = now.saturating_sub(duration_to_ms(older_than));
    let mut settled = conn.prepare_cached(sql::SETTLED)?;
    let ids = settled.query_and_then(params![before, rows(limit)], |row| Columns::new(row).id())?;
    let ids = ids.collect::<DbResult<Vec<_>>>()?;
    for statement in sql::PURGE {
        let mut purge = conn.prepare_cached(statement)?;
        for id in &ids {
            purge.execute([id.as_bytes()])?;
        }
    }
    conn.prepare_cached(sql::PURGE_PARKED)?.execute([before])?;
    Ok(ids.len())
}
