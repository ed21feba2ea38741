//! Receipts that wait for a message nobody has named.

use std::time::Duration;

use rusqlite::Connection;
use sms_core::clock::duration_to_ms;
use sms_core::store::inference::{SKEW, Suspect, horizon, pairs};
use sms_core::store::transition::Standing;
use sms_core::store::{MOST_UNMATCHED, UnmatchedRequest};
use sms_core::{MessageId, Result, UnmatchedId};

use crate::claim::rows;
use crate::error::Done;
use crate::ledger::Ledger;
use crate::receipts::join_parked;
use crate::row::Columns;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn unmatched(
    store: &SqliteStore,
    request: &UnmatchedRequest,
) -> Result<Vec<UnmatchedId>> {
    let mut found = store.read(|conn| waiting(conn, i64::MIN)).await?;
    found.retain(|id| request.admits(id));
    found.reverse();
    found.truncate(request.limit);
    Ok(found)
}

pub(crate) async fn infer(store: &SqliteStore, quiet: Duration) -> Result<Vec<MessageId>> {
    if !store.are_times_comparable() {
        return Ok(Vec::new());
    }
    let since = horizon(store.time().now);
    // Nearly always there is nothing to do, which is found out without taking the write lock.
    if store.read(move |conn| suspects(conn, since)).await?.is_empty() {
        return Ok(Vec::new());
    }
    store.write(move |conn, now| infer_all(conn, now, since, quiet)).await
}

fn infer_all(conn: &Connection, now: i64, since: i64, quiet: Duration) -> Done<Vec<MessageId>> {
    let suspects = suspects(conn, since)?;
    let unmatched = waiting(conn, since.saturating_sub(duration_to_ms(SKEW)))?;
    if suspects.len() >= MOST_UNMATCHED || unmatched.len() >= MOST_UNMATCHED {
        return Ok(Vec::new());
    }
    let found = pairs(&suspects, &unmatched, now, quiet);
    let (mut ledger, mut inferred) = (Ledger::new(now), Vec::with_capacity(found.len()));
    for (suspect, UnmatchedId { provider, provider_id, .. }) in &found {
        ledger.load(conn, sql::LOAD, [suspect.id.as_bytes()])?;
        let infer = |standing: &mut Standing, now| {
            let event = standing.infer(now, provider_id);
            (event.is_some(), event)
        };
        if ledger.change(suspect.id, infer) == Some(true) {
            join_parked(conn, &mut ledger, suspect.id, provider, provider_id)?;
            inferred.push(suspect.id);
        }
    }
    ledger.write(conn)?;
    Ok(inferred)
}

/// Messages with an attempt of unknown outcome that began at or after this.
fn suspects(conn: &Connection, since: i64) -> Done<Vec<Suspect>> {
    let mut suspects = conn.prepare_cached(sql::SUSPECTS)?;
    let suspects = suspects.query_and_then([since, rows(MOST_UNMATCHED)], |row| {
        let mut columns = Columns::new(row);
        let (id, provider) = (columns.id()?, columns.take()?);
        Ok(Suspect { id, provider, unknown_at: columns.take()?, takes_id: columns.take()? })
    })?;
    suspects.collect()
}

/// The provider ids of receipts that wait and came at or after this, in the order they came.
fn waiting(conn: &Connection, since: i64) -> Done<Vec<UnmatchedId>> {
    let mut waiting = conn.prepare_cached(sql::WAITING)?;
    let receipts = waiting.query_and_then([since, rows(MOST_UNMATCHED)], |row| {
        let mut columns = Columns::new(row);
        let (at, provider, id): (i64, String, String) =
            (columns.take()?, columns.take()?, columns.take()?);
        Ok((at, columns.receipt(&provider, &id)?))
    })?;
    // The last ones were asked for, newest first.
    let mut receipts = receipts.collect::<Done<Vec<_>>>()?;
    receipts.reverse();
    Ok(UnmatchedId::gather(receipts))
}
