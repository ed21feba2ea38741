//! Receipts that wait for a message with their provider id.

use std::time::Duration;

use rusqlite::Connection;
use sms_core::clock::duration_to_ms;
use sms_core::store::UnmatchedRequest;
use sms_core::store::inference::{MAX_UNMATCHED, SKEW, Suspect, horizon, pairs};
use sms_core::store::ledger::Ledger;
use sms_core::{MessageId, Result, UnmatchedId};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql::args::rows;
use crate::sql::ledger;
use crate::sql::receipts::join_parked;
use crate::sql::row::Columns;

pub(crate) async fn unmatched(
    database: &Database,
    request: &UnmatchedRequest,
) -> Result<Vec<UnmatchedId>> {
    Ok(request.select(database.read(|conn| waiting(conn, i64::MIN)).await?))
}

pub(crate) async fn infer(database: &Database, quiet: Duration) -> Result<Vec<MessageId>> {
    if !database.are_times_comparable() {
        return Ok(Vec::new());
    }
    let since = horizon(database.time().now_ms);
    // Nearly always there is nothing to do, and the write lock is not needed to see that.
    if database.read(move |conn| suspects(conn, since)).await?.is_empty() {
        return Ok(Vec::new());
    }
    database.write(move |conn, now| infer_all(conn, now, since, quiet)).await
}

fn infer_all(conn: &Connection, now: i64, since: i64, quiet: Duration) -> DbResult<Vec<MessageId>> {
    let suspects = suspects(conn, since)?;
    let unmatched = waiting(conn, since.saturating_sub(duration_to_ms(SKEW)))?;
    let found = pairs(&suspects, &unmatched, now, quiet);
    let (mut ledger, mut inferred) = (Ledger::new(now), Vec::with_capacity(found.len()));
    for (Suspect { id, .. }, unmatched) in found {
        ledger::load(&mut ledger, conn, ledger::LOAD, [id.as_bytes()])?;
        if ledger.infer(*id, unmatched) {
            let UnmatchedId { provider, provider_id, .. } = unmatched;
            join_parked(conn, &mut ledger, *id, provider, provider_id)?;
            inferred.push(*id);
        }
    }
    ledger::write(conn, ledger.into_changes())?;
    Ok(inferred)
}

/// Messages with an attempt of unknown outcome. ?1 start of the oldest attempt, ?2 limit.
pub(crate) const SUSPECTS: &str = "\
    SELECT id, provider, unknown_at, status = 6 OR status = 2 AND provider_id IS NULL \
    FROM messages WHERE unknown_at >= ?1 AND provider IS NOT NULL LIMIT ?2";

/// Messages with an attempt of unknown outcome that began at or after this.
fn suspects(conn: &Connection, since: i64) -> DbResult<Vec<Suspect>> {
    let mut suspects = conn.prepare_cached(SUSPECTS)?;
    let suspects = suspects.query_and_then([since, rows(MAX_UNMATCHED)], |row| {
        let mut columns = Columns::new(row);
        let (id, provider) = (columns.id()?, columns.take()?);
        let (unknown_at, can_take_provider_id) = (columns.take()?, columns.take()?);
        Ok(Suspect { id, provider, unknown_at, can_take_provider_id })
    })?;
    suspects.collect()
}

/// Receipts that wait for their message, newest first. ?1 time of the oldest, ?2 limit.
pub(crate) const WAITING: &str = "\
    SELECT parked_at, provider, provider_id, state, code, text, at, cost, cost_later \
    FROM parked WHERE parked_at >= ?1 ORDER BY parked_at DESC, seq DESC LIMIT ?2";

/// The provider ids of receipts that wait and came at this time or later, oldest first.
fn waiting(conn: &Connection, since: i64) -> DbResult<Vec<UnmatchedId>> {
    let mut waiting = conn.prepare_cached(WAITING)?;
    let receipts = waiting.query_and_then([since, rows(MAX_UNMATCHED)], |row| {
        let mut columns = Columns::new(row);
        let (at, provider, id): (i64, String, String) =
            (columns.take()?, columns.take()?, columns.take()?);
        Ok((at, columns.receipt(&provider, &id)?))
    })?;
    // The statement returns the newest ones, newest first.
    let mut receipts = receipts.collect::<DbResult<Vec<_>>>()?;
    receipts.reverse();
    Ok(UnmatchedId::group_by_id(receipts))
}
