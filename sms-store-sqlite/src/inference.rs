//! Receipts that wait for a message nobody has named.

use std::time::Duration;

use sms_core::clock::duration_to_ms;
use sms_core::inference::{SKEW, Suspect, horizon, pairs};
use sms_core::store::{MOST_UNMATCHED, UnmatchedRequest};
use sms_core::{MessageId, Result, UnmatchedId};
use sqlx::SqliteConnection;

use crate::args::id_list;
use crate::claim::rows;
use crate::error::from_sqlx;
use crate::ledger::Ledger;
use crate::receipts::join_parked;
use crate::row::Columns;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn unmatched(store: &SqliteStore, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
    let mut found = store.read(|conn| Box::pin(waiting(conn, i64::MIN))).await?;
    found.retain(|id| request.admits(id));
    found.reverse();
    found.truncate(request.limit);
    Ok(found)
}

pub(crate) async fn infer(store: &SqliteStore, quiet: Duration) -> Result<Vec<MessageId>> {
    let since = horizon(store.now());
    // Nearly always there is nothing to do, which is found out without taking the write lock.
    if store.read(|conn| Box::pin(suspects(conn, since))).await?.is_empty() {
        return Ok(Vec::new());
    }
    store.write(move |conn, now| Box::pin(infer_all(conn, now, since, quiet))).await
}

async fn infer_all(
    conn: &mut SqliteConnection,
    now: i64,
    since: i64,
    quiet: Duration,
) -> Result<Vec<MessageId>> {
    let suspects = suspects(&mut *conn, since).await?;
    let unmatched = waiting(&mut *conn, since.saturating_sub(duration_to_ms(SKEW))).await?;
    if suspects.len() >= MOST_UNMATCHED || unmatched.len() >= MOST_UNMATCHED {
        return Ok(Vec::new());
    }
    let found = pairs(&suspects, &unmatched, now, quiet);
    let ids: Vec<MessageId> = found.iter().map(|(suspect, _)| suspect.id).collect();
    let loaded = sqlx::query(sql::LOAD).bind(id_list(&ids)).fetch_all(&mut *conn).await.map_err(from_sqlx)?;
    let mut ledger = Ledger::new(now);
    ledger.take(&loaded)?;
    for (suspect, UnmatchedId { provider, provider_id, .. }) in found {
        ledger.change(suspect.id, |standing, now| ((), Some(standing.infer(now, provider_id))));
        join_parked(conn, &mut ledger, suspect.id, provider, provider_id).await?;
    }
    ledger.write(conn).await?;
    Ok(ids)
}

/// Messages with an attempt of unknown outcome that began at or after this.
async fn suspects(conn: &mut SqliteConnection, since: i64) -> Result<Vec<Suspect>> {
    let query = sqlx::query(sql::SUSPECTS).bind(since).bind(rows(MOST_UNMATCHED));
    let found = query.fetch_all(conn).await.map_err(from_sqlx)?;
    let suspect = |row| {
        let mut columns = Columns::new(row);
        let (id, provider) = (columns.id()?, columns.take()?);
        Ok(Suspect { id, provider, unknown_at: columns.take()?, takes_id: columns.take()? })
    };
    found.iter().map(suspect).collect()
}

/// The provider ids of receipts that wait and came at or after this, in the order they came.
async fn waiting(conn: &mut SqliteConnection, since: i64) -> Result<Vec<UnmatchedId>> {
    let query = sqlx::query(sql::WAITING).bind(since).bind(rows(MOST_UNMATCHED));
    let found = query.fetch_all(conn).await.map_err(from_sqlx)?;
    let receipt = |row| {
        let mut columns = Columns::new(row);
        let (at, provider, id): (i64, String, String) = (columns.take()?, columns.take()?, columns.take()?);
        Ok((at, columns.receipt(&provider, &id)?))
    };
    // The last ones were asked for, newest first.
    let receipts = found.iter().rev().map(receipt).collect::<Result<Vec<_>>>()?;
    Ok(UnmatchedId::gather(receipts))
}
