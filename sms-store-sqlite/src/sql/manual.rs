//! Changes by people: cancelling a message, resolving an unknown one.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use sms_core::provider::ProviderRef;
use sms_core::store::ledger::Ledger;
use sms_core::store::{BulkChange, BulkResult, CancelRequest, ResolveRequest, provider_id_taken};
use sms_core::{Result, Status};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql::ledger::{self, LOAD};
use crate::sql::receipts::join_parked;

pub(crate) async fn resolve(database: &Database, request: ResolveRequest) -> Result<Status> {
    database.write(move |conn, now| resolve_one(conn, now, request)).await
}

/// True if a message has this provider id. ?1 provider id, ?2 provider.
pub(crate) const IS_TAKEN: &str = "\
    SELECT EXISTS (SELECT 1 FROM messages WHERE provider_id = ?1 AND provider = ?2) \
        OR EXISTS (SELECT 1 FROM aliases WHERE provider_id = ?1 AND provider = ?2)";

fn resolve_one(conn: &Connection, now: i64, request: ResolveRequest) -> DbResult<Status> {
    let id = request.id;
    let mut ledger = ledger::load_one(conn, now, id)?;
    if let Some(ProviderRef { provider, provider_id, .. }) = ledger.resolve(request)? {
        let mut taken = conn.prepare_cached(IS_TAKEN)?;
        if taken.query_row(params![provider_id, provider], |row| row.get(0))? {
            return Err(provider_id_taken().into());
        }
        join_parked(conn, &mut ledger, id, &provider, &provider_id)?;
    }
    let status = ledger.status(id)?;
    ledger::write(conn, ledger.into_changes())?;
    Ok(status)
}

pub(crate) async fn cancel(database: &Database, request: CancelRequest) -> Result<Status> {
    database.write(move |conn, now| cancel_one(conn, now, request)).await
}

fn cancel_one(conn: &Connection, now: i64, request: CancelRequest) -> DbResult<Status> {
    let mut ledger = ledger::load_one(conn, now, request.id)?;
    let status = ledger.cancel(request)?;
    ledger::write(conn, ledger.into_changes())?;
    Ok(status)
}

pub(crate) async fn change_all(
    database: &Database,
    request: BulkChange,
) -> Result<Vec<BulkResult>> {
    database.write(move |conn, now| change_each(conn, now, &request)).await
}

/// True if a job has changed a message. ?1 message, ?2 job.
pub(crate) const IS_CHANGED: &str = "\
    SELECT EXISTS (SELECT 1 FROM events WHERE message_id = ?1 AND details ->> '$.job' = ?2)";

fn change_each(conn: &Connection, now: i64, request: &BulkChange) -> DbResult<Vec<BulkResult>> {
    let mut ledger = Ledger::new(now);
    let mut changed = BTreeSet::new();
    let mut is_changed = conn.prepare_cached(IS_CHANGED)?;
    for id in &request.ids {
        ledger::load(&mut ledger, conn, LOAD, [id.as_bytes()])?;
        if is_changed.query_row(params![id.as_bytes(), request.job], |row| row.get(0))? {
            changed.insert(*id);
        }
    }
    let results = ledger.change_all(request, changed);
    ledger::write(conn, ledger.into_changes())?;
    Ok(results)
}
