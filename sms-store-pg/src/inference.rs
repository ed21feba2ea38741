//! Receipts that wait for a message nobody has named.

use std::time::Duration;

use sms_core::clock::duration_to_ms;
use sms_core::store::inference::{HORIZON, SKEW, Suspect, horizon, pairs};
use sms_core::store::{MOST_UNMATCHED, UnmatchedRequest};
use sms_core::{MessageId, Result, UnmatchedId};
use sqlx::postgres::PgRow;

use crate::args::{millis, rows};
use crate::ledger::{Ledger, Together};
use crate::pool::Query;
use crate::receipts::join_parked;
use crate::row::Columns;
use crate::sql;
use crate::store::PgStore;

pub(crate) async fn unmatched(
    store: &PgStore,
    request: &UnmatchedRequest,
) -> Result<Vec<UnmatchedId>> {
    let mut found = gather(&store.scan(waiting(i64::MIN)).await?)?;
    found.retain(|id| request.admits(id));
    found.reverse();
    found.truncate(request.limit);
    Ok(found)
}

pub(crate) async fn infer(store: &PgStore, quiet: Duration) -> Result<Vec<MessageId>> {
    join_overlooked(store).await?;
    if !store.are_times_comparable() {
        return Ok(Vec::new());
    }
    // Nearly always there is nothing to do, which is found out without a transaction.
    if store.rows(suspects(store)).await?.is_empty() {
        return Ok(Vec::new());
    }
    let mut together = store.together().await?;
    let inferred = infer_all(store, &mut together, quiet).await?;
    together.commit().await?;
    Ok(inferred)
}

/// Joins the receipts that came in the very moment their message became known, so that neither saw
/// the other.
async fn join_overlooked(store: &PgStore) -> Result<()> {
    let found = store.rows(sqlx::query(sql::OVERLOOKED).bind(rows(MOST_UNMATCHED))).await?;
    if found.is_empty() {
        return Ok(());
    }
    let overlooked = |row| {
        let mut columns = Columns::new(row);
        Ok((columns.take()?, columns.take()?, columns.id()?))
    };
    let overlooked: Vec<(String, String, MessageId)> =
        found.iter().map(overlooked).collect::<Result<_>>()?;
    let mut together = store.together().await?;
    let mut ledger = Ledger::load(&mut together, overlooked.iter().map(|(.., id)| id)).await?;
    for (provider, provider_id, id) in &overlooked {
        if ledger.row(*id).is_some() {
            join_parked(&mut together, &mut ledger, *id, provider, provider_id).await?;
        }
    }
    ledger.write(&mut together).await?;
    together.commit().await
}

async fn infer_all(
    store: &PgStore,
    together: &mut Together,
    quiet: Duration,
) -> Result<Vec<MessageId>> {
    let now = together.now();
    let since = horizon(now).saturating_sub(duration_to_ms(SKEW));
    let suspects =
        together.rows(suspects(store)).await?.iter().map(suspect).collect::<Result<Vec<_>>>()?;
    let unmatched = gather(&together.rows(waiting(since)).await?)?;
    if suspects.len() >= MOST_UNMATCHED || unmatched.len() >= MOST_UNMATCHED {
        return Ok(Vec::new());
    }
    let found = pairs(&suspects, &unmatched, now, quiet);
    let mut ledger = Ledger::load(together, found.iter().map(|(suspect, _)| &suspect.id)).await?;
    let mut inferred = Vec::with_capacity(found.len());
    for (suspect, UnmatchedId { provider, provider_id, .. }) in found {
        // Its answer may have come while we waited for the row.
        if ledger.row(suspect.id).is_some_and(|row| row.standing.takes_id())
            && ledger.change(suspect.id, |standing, now| standing.infer(now, provider_id)).is_some()
        {
            join_parked(together, &mut ledger, suspect.id, provider, provider_id).await?;
            inferred.push(suspect.id);
        }
    }
    ledger.write(together).await?;
    Ok(inferred)
}

/// Messages with an attempt of unknown outcome, as far back as anybody looks.
fn suspects(store: &PgStore) -> Query<'static> {
    sqlx::query(sql::SUSPECTS).bind(store.now()).bind(millis(HORIZON)).bind(rows(MOST_UNMATCHED))
}

fn suspect(row: &PgRow) -> Result<Suspect> {
    let mut columns = Columns::new(row);
    let (id, provider) = (columns.id()?, columns.take()?);
    Ok(Suspect { id, provider, unknown_at: columns.take()?, takes_id: columns.take()? })
}

/// The receipts that wait and came at or after this, the last ones, newest first.
fn waiting(since: i64) -> Query<'static> {
    sqlx::query(sql::WAITING).bind(since).bind(rows(MOST_UNMATCHED))
}

/// Their provider ids, in the order they came.
fn gather(found: &[PgRow]) -> Result<Vec<UnmatchedId>> {
    let receipt = |row| {
        let mut columns = Columns::new(row);
        let (at, provider, id): (i64, String, String) =
            (columns.take()?, columns.take()?, columns.take()?);
        Ok((at, columns.receipt(&provider, &id)?))
    };
    Ok(UnmatchedId::gather(found.iter().rev().map(receipt).collect::<Result<Vec<_>>>()?))
}
