//! The rows of a [`Ledger`]: loaded under the write lock, and written back with their events.

use rusqlite::{Connection, Params, Row, Statement, params};
use sms_core::store::ledger::{Changes, Ledger, LedgerRow, LogEntry};
use sms_core::store::parts::Parts;
use sms_core::store::transition::{DeliveryState, HeldLease};
use sms_core::{Error, ErrorKind, EventDetails, EventKind, MessageId, Money, Result, Status};

use crate::error::DbResult;
use crate::sql::row::Columns;

/// Adds the rows of a statement to the ledger, and returns their ids in its order.
pub(crate) fn load(
    ledger: &mut Ledger,
    conn: &Connection,
    sql: &str,
    params: impl Params,
) -> DbResult<Vec<MessageId>> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_and_then(params, read)?;
    rows.map(|row| Ok(ledger.add(row?))).collect()
}

/// The columns of a [`LedgerRow`], in the order in which [`read`] reads them.
macro_rules! ledger_columns {
    () => {
        "m.id, m.owner, m.status, m.updated_at, m.due_at, m.push_at, m.valid_until, \
         m.deadline_ms, m.on_unknown, m.attempts, m.resends, m.fence, m.worker, m.batch, \
         m.lease_since, m.lease_until, m.provider, m.provider_id, m.code, m.reason, m.sent_at, \
         m.poll_at, m.polls, m.unknown_at, m.receipt_at, m.provider_parts, m.cost"
    };
}
pub(crate) use ledger_columns;

/// Loads a row that [`SAVE`] may change. ?1 id.
pub(crate) const LOAD: &str =
    concat!("SELECT ", ledger_columns!(), " FROM messages AS m WHERE m.id = ?1");

/// A ledger with the row of one message, if there is one.
pub(crate) fn load_one(conn: &Connection, now: i64, id: MessageId) -> DbResult<Ledger> {
    let mut ledger = Ledger::new(now);
    load(&mut ledger, conn, LOAD, [id.as_bytes()])?;
    Ok(ledger)
}

/// Reads the columns of `ledger_columns!`.
fn read(row: &Row<'_>) -> DbResult<LedgerRow> {
    let mut columns = Columns::new(row);
    Ok(LedgerRow {
        id: columns.id()?,
        owner: columns.take()?,
        state: delivery_state(&mut columns)?,
    })
}

fn delivery_state(columns: &mut Columns<'_>) -> DbResult<DeliveryState> {
    Ok(DeliveryState {
        status: columns.status()?,
        updated_at: columns.take()?,
        due_at: columns.take()?,
        push_at: columns.take()?,
        valid_until: columns.take()?,
        deadline_ms: columns.take()?,
        on_unknown: columns.on_unknown()?,
        attempts: columns.number("number of attempts")?,
        resends: columns.number("number of resends")?,
        fence: columns.number("fence")?,
        lease: held_lease(columns)?,
        provider: columns.take()?,
        provider_id: columns.take()?,
        code: columns.code()?,
        reason: columns.take()?,
        sent_at: columns.take()?,
        poll_at: columns.take()?,
        polls: columns.number("number of queries")?,
        unknown_at: columns.take()?,
        receipt_at: columns.take()?,
        provider_parts: columns.json("parts", serde_json::from_str)?,
        cost: columns.money()?,
    })
}

fn held_lease(columns: &mut Columns<'_>) -> DbResult<Option<HeldLease>> {
    let worker: Option<String> = columns.take()?;
    let numbers: [Option<i64>; 3] = [columns.take()?, columns.take()?, columns.take()?];
    let (Some(worker), [Some(batch), Some(since), Some(until)]) = (worker, numbers) else {
        return Ok(None);
    };
    Ok(Some(HeldLease { worker, batch: batch.cast_unsigned(), since, until }))
}

/// Writes a row of a ledger. No transition of a ledger leads to `sending`, so no row keeps a lease.
/// ?1 id, then the columns in order.
pub(crate) const SAVE: &str = "\
    UPDATE messages \
    SET status = ?2, updated_at = ?3, due_at = ?4, valid_until = ?5, push_at = ?6, attempts = ?7, \
        resends = ?8, provider = ?9, provider_id = ?10, code = ?11, reason = ?12, sent_at = ?13, \
        poll_at = ?14, polls = ?15, unknown_at = ?16, receipt_at = ?17, \
        provider_parts = ?18, cost = ?19, worker = NULL, batch = NULL, lease_since = NULL, \
        lease_until = NULL \
    WHERE id = ?1";

/// Appends an entry to the event log. ?1 message, ?2 the time, ?3 kind, ?4 status, ?5 details.
pub(crate) const LOG: &str =
    "INSERT INTO events (message_id, at, kind, status, details) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Adds a further provider id of a message. ?1 provider id, ?2 provider, ?3 message.
pub(crate) const ADD_ALIAS: &str =
    "INSERT OR REPLACE INTO aliases (provider_id, provider, message_id) VALUES (?1, ?2, ?3)";

/// Writes the changes: aliases and rows first, then the events.
pub(crate) fn write(conn: &Connection, changes: Changes) -> DbResult<()> {
    let Changes { now_ms, rows, events, aliases } = changes;
    for alias in &aliases {
        let name = &alias.name;
        conn.prepare_cached(ADD_ALIAS)?.execute(params![
            name.provider_id,
            name.provider,
            alias.message_id.as_bytes()
        ])?;
    }
    let mut save = conn.prepare_cached(SAVE)?;
    for LedgerRow { id, state, .. } in &rows {
        save.execute(params![
            id.as_bytes(),
            state.status.number(),
            state.updated_at,
            state.due_at,
            state.valid_until,
            state.push_at,
            state.attempts,
            state.resends,
            state.provider,
            state.provider_id,
            state.code,
            state.reason,
            state.sent_at,
            state.poll_at,
            state.polls,
            state.unknown_at,
            state.receipt_at,
            encode_parts(&state.provider_parts)?,
            state.cost.map(Money::micros),
        ])?;
    }
    let mut statement = conn.prepare_cached(LOG)?;
    for LogEntry { message_id, status, event } in events {
        log(&mut statement, now_ms, message_id, status, event.kind, &encode(&event.details)?)?;
    }
    Ok(())
}

/// The details of an event as they are stored.
pub(crate) fn encode(details: &EventDetails) -> Result<String> {
    let refused =
        |error| Error::new(ErrorKind::Internal, "an event cannot be encoded").with_source(error);
    serde_json::to_string(details).map_err(refused)
}

/// Parts as they are stored; NULL for the usual message, which has none.
fn encode_parts(parts: &Parts) -> Result<Option<String>> {
    if parts.is_empty() {
        return Ok(None);
    }
    let refused =
        |error| Error::new(ErrorKind::Internal, "parts cannot be encoded").with_source(error);
    serde_json::to_string(parts).map(Some).map_err(refused)
}

/// Appends an entry to the event log, by [`LOG`].
pub(crate) fn log(
    statement: &mut Statement<'_>,
    now: i64,
    id: MessageId,
    status: Status,
    kind: EventKind,
    details: &str,
) -> DbResult<()> {
    let entry = params![id.as_bytes(), now, kind.as_str(), status.number(), details];
    statement.execute(entry)?;
    Ok(())
}
