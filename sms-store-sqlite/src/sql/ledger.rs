//! The rows of a [`Ledger`]: loaded under the write lock, and written back with their events.

use rusqlite::{Connection, Params, Row, Statement, params};
use sms_core::store::ledger::{Changes, Ledger, LedgerRow, LogEntry};
use sms_core::{Error, ErrorKind, EventDetails, EventKind, MessageId, Result, Status};

use crate::error::DbResult;
use crate::sql;
use crate::sql::row::{self, Columns};

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

/// A ledger with the row of one message, if there is one.
pub(crate) fn load_one(conn: &Connection, now: i64, id: MessageId) -> DbResult<Ledger> {
    let mut ledger = Ledger::new(now);
    load(&mut ledger, conn, sql::LOAD, [id.as_bytes()])?;
    Ok(ledger)
}

/// Reads the columns of `ledger_columns!`.
fn read(row: &Row<'_>) -> DbResult<LedgerRow> {
    let mut columns = Columns::new(row);
    Ok(LedgerRow {
        id: columns.id()?,
        owner: columns.take()?,
        state: row::delivery_state(&mut columns)?,
    })
}

/// Writes the changes: aliases and rows first, then the events.
pub(crate) fn write(conn: &Connection, changes: Changes) -> DbResult<()> {
    let Changes { now, rows, events, aliases } = changes;
    for alias in &aliases {
        let name = &alias.name;
        conn.prepare_cached(sql::ADD_ALIAS)?.execute(params![
            name.provider_id,
            name.provider,
            alias.message_id.as_bytes()
        ])?;
    }
    let mut save = conn.prepare_cached(sql::SAVE)?;
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
        ])?;
    }
    let mut statement = conn.prepare_cached(sql::LOG)?;
    for LogEntry { message_id, status, event } in events {
        log(&mut statement, now, message_id, status, event.kind, &encode(&event.details)?)?;
    }
    Ok(())
}

/// The details of an event as they are stored.
pub(crate) fn encode(details: &EventDetails) -> Result<String> {
    let refused =
        |error| Error::new(ErrorKind::Internal, "an event cannot be encoded").with_source(error);
    serde_json::to_string(details).map_err(refused)
}

/// Appends an entry to the event log, by [`sql::LOG`].
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
