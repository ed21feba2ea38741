//! The rows of a [`Ledger`]: loaded under their locks, and written back with their events in one
//! statement.

use std::collections::{BTreeMap, BTreeSet};

use sms_core::store::ledger::{Alias, Changes, Ledger, LedgerRow};
use sms_core::store::parts::Parts;
use sms_core::store::transition::{DeliveryState, HeldLease};
use sms_core::{Error, ErrorKind, EventDetails, MessageId, Money, OnUnknown, Result};
use sqlx::postgres::PgRow;

use crate::error::too_large;
use crate::pool::Query;
use crate::sql::args::{clean_some, name, name_some, uuid, uuids};
use crate::sql::fragments::{POSITIONS, its_message, position};
use crate::sql::row::Columns;
use crate::transaction::Transaction;

/// The columns of a [`LedgerRow`], in the order in which [`read`] reads them.
macro_rules! ledger_columns {
    () => {
        "s.id, m.owner, s.status, s.updated_at, s.due_at, s.push_at, s.valid_until, \
         m.deadline_ms, m.on_unknown, s.attempts, s.resends, s.fence, s.worker, s.batch, \
         s.lease_since, s.lease_until, s.provider, s.provider_id, s.code, s.reason, s.sent_at, \
         s.poll_at, s.polls, s.unknown_at, s.receipt_at, s.provider_parts, s.cost"
    };
}

/// Loads and locks rows that [`SAVE`] may change, in the order of their ids. $1 ids.
pub(crate) const LOAD: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM (SELECT * FROM states WHERE id = ANY ($1) ORDER BY id FOR UPDATE) AS s",
    its_message!()
);

/// A ledger with the rows of these messages, locked.
pub(crate) async fn load(
    transaction: &mut Transaction,
    ids: impl IntoIterator<Item = &MessageId>,
) -> Result<Ledger> {
    let ids: BTreeSet<&MessageId> = ids.into_iter().collect();
    let mut ledger = Ledger::new(transaction.now());
    if !ids.is_empty() {
        for row in transaction.rows(sqlx::query(LOAD).bind(uuids(ids))).await? {
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
        state: delivery_state(&mut columns)?,
    })
}

/// Adds further provider ids of messages. Lists: $1 provider id, $2 provider, $3 message. In the
/// order of the ids, so that two calls never wait for each other.
pub(crate) const ADD_ALIASES: &str = "\
    INSERT INTO aliases (provider_id, provider, message_id) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]) AS a (provider_id, provider, id) \
    ORDER BY provider_id, provider \
    ON CONFLICT (provider_id, provider) DO UPDATE SET message_id = excluded.message_id";

/// Writes the changes: aliases first, then everything else in one statement. Called at most once in
/// a transaction, because the positions of its events are counted from the transaction's number.
pub(crate) async fn write(transaction: &mut Transaction, ledger: Ledger) -> Result<()> {
    let changes = ledger.into_changes();
    if !changes.aliases.is_empty() {
        transaction.rows(add_aliases(&changes.aliases)).await?;
    }
    if changes.rows.is_empty() && changes.events.is_empty() {
        return Ok(());
    }
    if changes.events.len() > POSITIONS {
        return Err(too_large("number of events of one call"));
    }
    transaction.rows(save(&changes)?).await?;
    Ok(())
}

/// [`ADD_ALIASES`] with its arguments: each name once, with the message that took it last.
fn add_aliases(aliases: &[Alias]) -> Query<'_> {
    let mut messages = BTreeMap::new();
    for Alias { name: of, message_id } in aliases {
        messages.insert((name(&of.provider_id), name(&of.provider)), uuid(*message_id));
    }
    let (names, messages): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
    let (ids, providers): (Vec<_>, Vec<_>) = names.into_iter().unzip();
    sqlx::query(ADD_ALIASES).bind(ids).bind(providers).bind(messages)
}

fn delivery_state(columns: &mut Columns<'_>) -> Result<DeliveryState> {
    Ok(DeliveryState {
        status: columns.status()?,
        updated_at: columns.take()?,
        due_at: columns.take()?,
        push_at: columns.take()?,
        valid_until: columns.take()?,
        deadline_ms: columns.take()?,
        on_unknown: columns.numbered("policy", OnUnknown::from_number)?,
        attempts: columns.small("number of attempts")?,
        resends: columns.small("number of resends")?,
        fence: columns.number("fence")?,
        lease: held_lease(columns)?,
        provider: columns.take()?,
        provider_id: columns.take()?,
        code: columns.take()?,
        reason: columns.take()?,
        sent_at: columns.take()?,
        poll_at: columns.take()?,
        polls: columns.small("number of queries")?,
        unknown_at: columns.take()?,
        receipt_at: columns.take()?,
        provider_parts: columns.json("parts", serde_json::from_str)?,
        cost: columns.money()?,
    })
}

fn held_lease(columns: &mut Columns<'_>) -> Result<Option<HeldLease>> {
    let worker: Option<String> = columns.take()?;
    let numbers: [Option<i64>; 3] = [columns.take()?, columns.take()?, columns.take()?];
    let (Some(worker), [Some(batch), Some(since), Some(until)]) = (worker, numbers) else {
        return Ok(None);
    };
    Ok(Some(HeldLease { worker, batch: batch.cast_unsigned(), since, until }))
}

/// Writes the rows and the events of a ledger. No transition of a ledger leads to `sending`, so no
/// row keeps a lease.
///
/// $1 the time. Lists: $2 id, $3 status, $4 updated at, $5 due at, $6 valid until, $7 push at, $8
/// attempts, $9 resends, $10 provider, $11 provider id, $12 code, $13 reason, $14 sent at, $15 poll
/// at, $16 polls, $17 unknown at, $18 receipt at, $19 parts, $20 cost; and for the events $21
/// message, $22 kind, $23 status, $24 details.
pub(crate) const SAVE: &str = concat!(
    "WITH saved AS ( \
         UPDATE states AS s \
         SET status = a.status, updated_at = a.updated_at, due_at = a.due_at, \
             valid_until = a.valid_until, push_at = a.push_at, attempts = a.attempts, \
             resends = a.resends, provider = a.provider, provider_id = a.provider_id, \
             code = a.code, reason = a.reason, sent_at = a.sent_at, poll_at = a.poll_at, \
             polls = a.polls, unknown_at = a.unknown_at, receipt_at = a.receipt_at, \
             provider_parts = a.provider_parts, cost = a.cost, \
             worker = NULL, batch = NULL, lease_since = NULL, lease_until = NULL \
         FROM unnest($2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[], \
             $7::bigint[], $8::smallint[], $9::smallint[], $10::text[], $11::text[], \
             $12::integer[], $13::text[], $14::bigint[], $15::bigint[], $16::smallint[], \
             $17::bigint[], $18::bigint[], $19::text[], $20::bigint[]) \
         AS a (id, status, updated_at, due_at, valid_until, push_at, attempts, resends, provider, \
             provider_id, code, reason, sent_at, poll_at, polls, unknown_at, receipt_at, \
             provider_parts, cost) \
         WHERE s.id = ANY ($2) AND s.id = a.id \
     ) INSERT INTO events (seq, at, message_id, kind, status, details) SELECT ",
    position!(),
    " + n, $1, message_id, kind, status, details \
     FROM unnest($21::uuid[], $22::text[], $23::smallint[], $24::text[]) \
     WITH ORDINALITY AS a (message_id, kind, status, details, n)"
);

/// [`SAVE`] with its arguments.
fn save(Changes { now_ms, rows, events, .. }: &Changes) -> Result<Query<'static>> {
    // A batch is one array for each column, so each column takes one pass.
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
    let query = sqlx::query(SAVE)
        .bind(now_ms)
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
        .bind(column!(s => s.receipt_at))
        .bind(checked!(s => parts(&s.provider_parts)))
        .bind(column!(s => s.cost.map(Money::micros)));
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

/// Parts, as JSON; `None` for the usual message, which has none.
fn parts(parts: &Parts) -> Result<Option<String>> {
    if parts.is_empty() {
        return Ok(None);
    }
    let refused =
        |error| Error::new(ErrorKind::Internal, "parts cannot be encoded").with_source(error);
    serde_json::to_string(parts).map(Some).map_err(refused)
}

/// A number of attempts, resends or queries.
pub(crate) fn attempts(number: u32) -> Result<i16> {
    i16::try_from(number).map_err(|_| too_large("number of attempts"))
}
