//! Background maintenance: leases that are over, deadlines that are past, status queries that are
//! due, and old messages.

use std::time::Duration;

use rusqlite::{Connection, Params, params};
use sms_core::clock::duration_to_ms;
use sms_core::provider::ProviderRef;
use sms_core::store::ledger::Ledger;
use sms_core::store::{AwaitingRequest, QueryPurpose, RoutePurgeRequest};
use sms_core::{MessageId, Result};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql::args::rows;
use crate::sql::ledger::{self, ledger_columns};
use crate::sql::row::Columns;

/// Rows for `sending → unknown | queued`; guard: the lease is over. ?1 the time, ?2 limit.
pub(crate) const LOAD_LEASE_OVER: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM messages AS m WHERE m.status = 1 AND m.look_at <= ?1 ORDER BY m.look_at LIMIT ?2"
);

pub(crate) async fn rescue(database: &Database, limit: usize) -> Result<Vec<MessageId>> {
    let rescue = move |conn: &Connection, now| {
        change_some(conn, now, LOAD_LEASE_OVER, params![now, rows(limit)], Ledger::rescue)
    };
    database.write(rescue).await
}

/// Rows for `queued → expired | unknown`; guard: the deadline is past. ?1 the time, ?2 limit.
pub(crate) const LOAD_PAST_DEADLINE: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM messages AS m WHERE m.status = 0 AND m.look_at <= ?1 ORDER BY m.look_at LIMIT ?2"
);

pub(crate) async fn expire(database: &Database, limit: usize) -> Result<Vec<MessageId>> {
    let expire = move |conn: &Connection, now| {
        change_some(conn, now, LOAD_PAST_DEADLINE, params![now, rows(limit)], Ledger::expire)
    };
    database.write(expire).await
}

/// Sent messages of a route for which a status query is due. ?1 the time, ?2 limit, ?3 route.
pub(crate) const LOAD_AWAITING: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM messages AS m WHERE m.status = 2 AND m.look_at <= ?1 AND m.route = ?3 \
     ORDER BY m.look_at LIMIT ?2"
);

/// Messages of a route that ended and for which a query about the cost is due. ?1 the time, ?2
/// limit, ?3 route.
pub(crate) const LOAD_AWAITING_COST: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM messages AS m WHERE m.status IN (3, 4) AND m.poll_at IS NOT NULL \
     AND m.poll_at <= ?1 AND m.route = ?3 ORDER BY m.poll_at LIMIT ?2"
);

pub(crate) async fn awaiting_receipt(
    database: &Database,
    request: AwaitingRequest,
) -> Result<Vec<ProviderRef>> {
    let plan = move |conn: &Connection, now| {
        let awaiting = params![now, rows(request.limit), request.route.as_str()];
        let load = match request.purpose {
            QueryPurpose::Receipt => LOAD_AWAITING,
            QueryPurpose::Cost => LOAD_AWAITING_COST,
        };
        change_some(conn, now, load, awaiting, |ledger, ids| ledger.plan_queries(&ids, &request))
    };
    database.write(plan).await
}

/// Changes the rows for which the guard in `load` holds. They are read and written under one write
/// lock, so the guard still holds when they are written.
fn change_some<T>(
    conn: &Connection,
    now: i64,
    load: &str,
    params: impl Params,
    change: impl FnOnce(&mut Ledger, Vec<MessageId>) -> T,
) -> DbResult<T> {
    let mut ledger = Ledger::new(now);
    let ids = ledger::load(&mut ledger, conn, load, params)?;
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

/// Messages that are neither queued nor sending and have not changed for this long. The index is
/// the one by acceptance: a message that has not changed for long was also accepted long ago, and
/// of those accepted so long ago few have changed since. ?1 changed before, ?2 limit.
pub(crate) const SETTLED: &str = "\
    SELECT id FROM messages INDEXED BY messages_created \
    WHERE created_at < ?1 AND updated_at < ?1 AND status > 1 ORDER BY created_at LIMIT ?2";

/// `→ ∅`, with everything that belongs to the message. ?1 id.
pub(crate) const PURGE: [&str; 3] = [
    "DELETE FROM events WHERE message_id = ?1",
    "DELETE FROM aliases WHERE message_id = ?1",
    "DELETE FROM messages WHERE id = ?1",
];

/// Removes receipts that still wait. ?1 parked before.
pub(crate) const PURGE_PARKED: &str = "DELETE FROM parked WHERE parked_at < ?1";

fn purge_before(
    conn: &Connection,
    now: i64,
    older_than: Duration,
    limit: usize,
) -> DbResult<usize> {
    let before = now.saturating_sub(duration_to_ms(older_than));
    let mut settled = conn.prepare_cached(SETTLED)?;
    let ids = settled.query_and_then(params![before, rows(limit)], |row| Columns::new(row).id())?;
    let ids = ids.collect::<DbResult<Vec<_>>>()?;
    remove(conn, &ids)?;
    conn.prepare_cached(PURGE_PARKED)?.execute([before])?;
    Ok(ids.len())
}

/// Removes messages with everything that belongs to them.
fn remove(conn: &Connection, ids: &[MessageId]) -> DbResult<()> {
    for statement in PURGE {
        let mut purge = conn.prepare_cached(statement)?;
        for id in ids {
            purge.execute([id.as_bytes()])?;
        }
    }
    Ok(())
}

/// Messages of a route that are neither queued nor sending, have not changed for this long and are
/// not among its newest. ?1 changed before, ?2 limit, ?3 route, ?4 number of the newest.
pub(crate) const SETTLED_OF_ROUTE: &str = "\
    SELECT id FROM messages INDEXED BY messages_route \
    WHERE route <> 'default' AND route = ?3 AND updated_at < ?1 AND status > 1 AND id <= \
        (SELECT id FROM messages INDEXED BY messages_route \
         WHERE route <> 'default' AND route = ?3 ORDER BY id DESC LIMIT 1 OFFSET ?4) \
    ORDER BY id LIMIT ?2";

pub(crate) async fn purge_route(database: &Database, request: RoutePurgeRequest) -> Result<usize> {
    let purge = move |conn: &Connection, now: i64| {
        let before = now.saturating_sub(duration_to_ms(request.older_than));
        let (limit, keep) = (rows(request.limit), rows(request.keep_newest));
        let mut settled = conn.prepare_cached(SETTLED_OF_ROUTE)?;
        let params = params![before, limit, request.route.as_str(), keep];
        let ids = settled.query_and_then(params, |row| Columns::new(row).id())?;
        let ids = ids.collect::<DbResult<Vec<_>>>()?;
        remove(conn, &ids)?;
        Ok(ids.len())
    };
    database.write(purge).await
}
