//! The rows of a [`Ledger`]: loaded under their locks, and written back with their events in one
//! statement.

use std::collections::BTreeSet;

use sms_core::store::ledger::{Changes, Ledger, LedgerRow};
use sms_core::{Error, ErrorKind, EventDetails, MessageId, Result};
use sqlx::postgres::PgRow;

use crate::error::too_large;
use crate::pool::Query;
use crate::sql;
use crate::sql::args::{clean_some, name, name_some, uuid, uuids};
use crate::sql::row::{self, Columns};
use crate::transaction::Transaction;

/// A ledger with the rows of these messages, locked.
pub(crate) async fn load(
    transaction: &mut Transaction,
    ids: impl IntoIterator<Item = &MessageId>,
) -> Result<Ledger> {
    let ids: BTreeSet<&MessageId> = ids.into_iter().collect();
    let mut ledger = Ledger::new(transaction.now());
    if !ids.is_empty() {
        for row in transaction.rows(sqlx::query(sql::LOAD).bind(uuids(ids))).await? {
            ledger.add(read(&row)?);
        }
    }
    Ok(ledger)
}

/// Reads the columns of `ledger_columns!`.
fn read(row: &PgRow) -> Result<LedgerRow> {
    let mut columns = Columns::new(row);
    Ok(LedgerRow {
        id: columns.id()?,
        owner: columns.take()?,
        state: row::delivery_state(&mut columns)?,
    })
}

/// Writes the changes: aliases first, then everything else in one statement. Called at most once in
/// a transaction, because the positions of its events are counted from the transaction's number.
pub(crate) async fn write(transaction: &mut Transaction, ledger: Ledger) -> Result<()> {
    let changes = ledger.into_changes();
    for alias in &changes.aliases {
        let query = sqlx::query(sql::ADD_ALIAS)
            .bind(name(&alias.name.provider_id))
            .bind(name(&alias.name.provider))
            .bind(uuid(alias.message_id));
        transaction.rows(query).await?;
    }
    if changes.rows.is_empty() && changes.events.is_empty() {
        return Ok(());
    }
    if changes.events.len() > sql::POSITIONS {
        return Err(too_large("number of events of one call"));
    }
    transaction.rows(save(&changes)?).await?;
    Ok(())
}

/// [`sql::SAVE`].
fn save(Changes { now, rows, events, .. }: &Changes) -> Result<Query<'static>> {
    // One pass for each column: a batch is an array for each.
    macro_rules! column {
        ($state:ident => $value:expr) => {
            rows.iter().map(|LedgerRow { state: $state, .. }| $value).collect::<Vec<_>>()
        };
    }
    macro_rules! checked {
        ($state:ident => $value:expr) => {
            rows.iter().map(|LedgerRow { state: $state, .. }| $value).collect::<Result<Vec<_>>>()?
        };
    }
    let query = sqlx::query(sql::SAVE)
        .bind(now)
        .bind(rows.iter().map(|row| uuid(row.id)).collect::<Vec<_>>())
        .bind(column!(s => i16::from(s.status.number())))
        .bind(column!(s => s.updated_at))
        .bind(column!(s => s.due_at))
        .bind(column!(s => s.valid_until))
        .bind(column!(s => s.push_at))
        .bind(checked!(s => attempts(s.attempts)))
        .bind(checked!(s => attempts(s.resends)))
        .bind(column!(s => name_some(s.provider.as_deref())))
        .bind(column!(s => name_some(s.provider_id.as_deref())))
        .bind(column!(s => s.code))
        .bind(column!(s => clean_some(s.reason.as_deref())))
        .bind(column!(s => s.sent_at))
        .bind(column!(s => s.poll_at))
        .bind(checked!(s => attempts(s.polls)))
        .bind(column!(s => s.unknown_at))
        .bind(column!(s => s.receipt_at));
    let statuses = events.iter().map(|entry| i16::from(entry.status.number()));
    let details = events.iter().map(|entry| details(&entry.event.details));
    let query = query
        .bind(events.iter().map(|entry| uuid(entry.message_id)).collect::<Vec<_>>())
        .bind(events.iter().map(|entry| entry.event.kind.as_str()).collect::<Vec<_>>())
        .bind(statuses.collect::<Vec<_>>())
        .bind(details.collect::<Result<Vec<_>>>()?);
    Ok(query)
}

/// The details of an event, as JSON.
pub(crate) fn details(details: &EventDetails) -> Result<String> {
    let refused =
        |error| Error::new(ErrorKind::Internal, "an event cannot be encoded").with_source(error);
    serde_json::to_string(details).map_err(refused)
}

/// A number of attempts, resends or queries.
pub(crate) fn attempts(number: u32) -> Result<i16> {
    i16::try_from(number).map_err(|_| too_large("number of attempts"))
}
