//! Receipts that wait for a message with their provider id.

use std::time::Duration;

use sms_core::clock::duration_to_ms;
use sms_core::store::UnmatchedRequest;
use sms_core::store::inference::{HORIZON, MAX_UNMATCHED, SKEW, Suspect, horizon, pairs};
use sms_core::{MessageId, Result, UnmatchedId};
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::pool::Query;
use crate::sql::args::{millis, rows};
use crate::sql::fragments::with_clock;
use crate::sql::ledger;
use crate::sql::receipts::join_parked;
use crate::sql::row::Columns;
use crate::transaction::Transaction;

pub(crate) async fn unmatched(
    database: &Database,
    request: &UnmatchedRequest,
) -> Result<Vec<UnmatchedId>> {
    Ok(request.select(group_by_id(&database.scan(waiting(i64::MIN)).await?)?))
}

pub(crate) async fn infer(database: &Database, quiet: Duration) -> Result<Vec<MessageId>> {
    join_overlooked(database).await?;
    if !database.are_times_comparable() {
        return Ok(Vec::new());
    }
    // Nearly always there is nothing to do, and no transaction is needed to see that.
    if database.rows(suspects(database)).await?.is_empty() {
        return Ok(Vec::new());
    }
    let mut transaction = database.begin_transaction().await?;
    let inferred = infer_all(database, &mut transaction, quiet).await?;
    transaction.commit().await?;
    Ok(inferred)
}

/// Receipts that wait although their message is known, because both were committed at the same
/// moment; the newest ones. $1 limit.
pub(crate) const OVERLOOKED: &str = "\
    SELECT DISTINCT p.provider, p.provider_id, f.id \
    FROM (SELECT provider, provider_id FROM parked \
        ORDER BY parked_at DESC, seq DESC LIMIT $1) AS p \
    CROSS JOIN LATERAL ( \
        SELECT s.id FROM states AS s WHERE s.provider_id = p.provider_id \
        AND s.provider = p.provider \
        UNION ALL \
        SELECT s.id FROM ( \
            SELECT l.message_id FROM aliases AS l \
            WHERE l.provider_id = p.provider_id AND l.provider = p.provider OFFSET 0) AS l \
        JOIN states AS s ON s.id = l.message_id \
        LIMIT 1) AS f";

/// Applies the receipts that were parked at the same moment in which their message became known, so
/// that neither transaction saw the other.
async fn join_overlooked(database: &Database) -> Result<()> {
    let found = database.rows(sqlx::query(OVERLOOKED).bind(rows(MAX_UNMATCHED))).await?;
    if found.is_empty() {
        return Ok(());
    }
    let overlooked = |row| {
        let mut columns = Columns::new(row);
        Ok((columns.take()?, columns.take()?, columns.id()?))
    };
    let overlooked: Vec<(String, String, MessageId)> =
        found.iter().map(overlooked).collect::<Result<_>>()?;
    let mut transaction = database.begin_transaction().await?;
    let mut ledger = ledger::load(&mut transaction, overlooked.iter().map(|(.., id)| id)).await?;
    for (provider, provider_id, id) in &overlooked {
        if ledger.has(*id) {
            join_parked(&mut transaction, &mut ledger, *id, provider, provider_id).await?;
        }
    }
    ledger::write(&mut transaction, ledger).await?;
    transaction.commit().await
}

async fn infer_all(
    database: &Database,
    transaction: &mut Transaction,
    quiet: Duration,
) -> Result<Vec<MessageId>> {
    let now = transaction.now();
    let since = horizon(now).saturating_sub(duration_to_ms(SKEW));
    let suspects = transaction
        .rows(suspects(database))
        .await?
        .iter()
        .map(suspect)
        .collect::<Result<Vec<_>>>()?;
    let unmatched = group_by_id(&transaction.rows(waiting(since)).await?)?;
    let found = pairs(&suspects, &unmatched, now, quiet);
    let mut ledger =
        ledger::load(transaction, found.iter().map(|(suspect, _)| &suspect.id)).await?;
    let mut inferred = Vec::with_capacity(found.len());
    for (Suspect { id, .. }, unmatched) in found {
        // Its answer may have come while this transaction waited for the row.
        if ledger.infer(*id, unmatched) {
            let UnmatchedId { provider, provider_id, .. } = unmatched;
            join_parked(transaction, &mut ledger, *id, provider, provider_id).await?;
            inferred.push(*id);
        }
    }
    ledger::write(transaction, ledger).await?;
    Ok(inferred)
}

/// Messages with an attempt of unknown outcome. $2 age of the oldest attempt, $3 limit.
pub(crate) const SUSPECTS: &str = concat!(
    with_clock!(),
    "SELECT id, provider, unknown_at, status = 6 OR status = 2 AND provider_id IS NULL \
     FROM states WHERE unknown_at >= (SELECT now FROM clock) - $2 AND provider IS NOT NULL LIMIT $3"
);

/// Messages with an attempt of unknown outcome, back to the horizon.
fn suspects(database: &Database) -> Query<'static> {
    sqlx::query(SUSPECTS).bind(database.now()).bind(millis(HORIZON)).bind(rows(MAX_UNMATCHED))
}

fn suspect(row: &PgRow) -> Result<Suspect> {
    let mut columns = Columns::new(row);
    let (id, provider) = (columns.id()?, columns.take()?);
    let (unknown_at, can_take_provider_id) = (columns.take()?, columns.take()?);
    Ok(Suspect { id, provider, unknown_at, can_take_provider_id })
}

/// Receipts that wait for their message, newest first. $1 time of the oldest, $2 limit.
pub(crate) const WAITING: &str = "\
    SELECT parked_at, provider, provider_id, state, code, text, at, cost, cost_later \
    FROM parked WHERE parked_at >= $1 ORDER BY parked_at DESC, seq DESC LIMIT $2";

/// The newest receipts that wait and came at this time or later, newest first.
fn waiting(since: i64) -> Query<'static> {
    sqlx::query(WAITING).bind(since).bind(rows(MAX_UNMATCHED))
}

/// Their provider ids, oldest first.
fn group_by_id(found: &[PgRow]) -> Result<Vec<UnmatchedId>> {
    let receipt = |row| {
        let mut columns = Columns::new(row);
        let (at, provider, id): (i64, String, String) =
            (columns.take()?, columns.take()?, columns.take()?);
        Ok((at, columns.receipt(&provider, &id)?))
    };
    Ok(UnmatchedId::group_by_id(found.iter().rev().map(receipt).collect::<Result<Vec<_>>>()?))
}
