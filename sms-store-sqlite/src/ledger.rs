//! Rows in hand: read under the write lock, changed in Rust, written back together with their
//! events.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Params, Row, Statement, params};
use sms_core::store::ReceiptEffect;
use sms_core::store::Settlement;
use sms_core::store::transition::{NewEvent, Standing};
use sms_core::{Error, ErrorKind, EventDetails, EventKind, MessageId, Receipt, Result, Status};

use crate::error::Done;
use crate::row::{self, Columns};
use crate::sql;

/// The rows of one transaction, and what it will write.
#[derive(Debug)]
pub(crate) struct Ledger {
    now: i64,
    rows: BTreeMap<MessageId, LedgerRow>,
    changed: BTreeSet<MessageId>,
    entries: Vec<Entry>,
}

/// The part of a message that transitions read and write.
#[derive(Debug)]
pub(crate) struct LedgerRow {
    pub(crate) id: MessageId,
    pub(crate) owner: Option<String>,
    pub(crate) standing: Standing,
}

/// An entry for the event log: whose, the state after it, and what happened.
type Entry = (MessageId, Status, NewEvent);

impl LedgerRow {
    /// Reads the columns of `ledger_columns!`.
    fn read(row: &Row<'_>) -> Done<Self> {
        let mut columns = Columns::new(row);
        Ok(Self {
            id: columns.id()?,
            owner: columns.take()?,
            standing: row::standing(&mut columns)?,
        })
    }
}

impl Ledger {
    pub(crate) fn new(now: i64) -> Self {
        Self { now, rows: BTreeMap::new(), changed: BTreeSet::new(), entries: Vec::new() }
    }

    /// Takes the rows of a statement in hand, and answers with their ids in its order. A row that
    /// is in hand already stays as it is, for it may have been changed.
    pub(crate) fn load(
        &mut self,
        conn: &Connection,
        sql: &str,
        params: impl Params,
    ) -> Done<Vec<MessageId>> {
        let mut statement = conn.prepare_cached(sql)?;
        let rows = statement.query_and_then(params, LedgerRow::read)?;
        rows.map(|row| row.map(|row| self.rows.entry(row.id).or_insert(row).id)).collect()
    }

    pub(crate) fn row(&self, id: MessageId) -> Option<&LedgerRow> {
        self.rows.get(&id)
    }

    /// Changes a row and logs what happened to it, if anything did.
    pub(crate) fn change<T>(
        &mut self,
        id: MessageId,
        change: impl FnOnce(&mut Standing, i64) -> (T, Option<NewEvent>),
    ) -> Option<T> {
        let standing = &mut self.rows.get_mut(&id)?.standing;
        let (answer, event) = change(standing, self.now);
        self.changed.insert(id);
        self.entries.extend(event.map(|event| (id, standing.status, event)));
        Some(answer)
    }

    /// Records the outcome of the attempt that owns its message.
    pub(crate) fn settle(&mut self, settlement: &Settlement) {
        self.change(settlement.id, |standing, now| ((), standing.settle(now, settlement)));
    }

    /// Records the outcome of an attempt that does not own its message any more.
    pub(crate) fn settle_late(&mut self, settlement: &Settlement) {
        let Some(LedgerRow { standing, .. }) = self.rows.get_mut(&settlement.id) else { return };
        let (changed, event) = standing.settle_late(self.now, settlement);
        if changed {
            self.changed.insert(settlement.id);
        }
        self.entries.push((settlement.id, standing.status, event));
    }

    /// Applies a receipt to a row.
    pub(crate) fn receive(&mut self, id: MessageId, receipt: &Receipt) -> ReceiptEffect {
        let Some(row) = self.rows.get_mut(&id) else { return ReceiptEffect::Ignored };
        let (effect, event) = row.standing.receive(id, self.now, receipt);
        if let Some(event) = event {
            self.changed.insert(id);
            self.entries.push((id, row.standing.status, event));
        }
        effect
    }

    /// Writes everything: rows first, then their events.
    pub(crate) fn write(self, conn: &Connection) -> Done<()> {
        let mut save = conn.prepare_cached(sql::SAVE)?;
        for LedgerRow { id, standing, .. } in self.changed.iter().filter_map(|id| self.rows.get(id))
        {
            save.execute(params![
                id.as_bytes(),
                standing.status.number(),
                standing.updated_at,
                standing.due_at,
                standing.valid_until,
                standing.push_at,
                standing.attempts,
                standing.resends,
                standing.provider,
                standing.provider_id,
                standing.code,
                standing.reason,
                standing.sent_at,
                standing.poll_at,
                standing.polls,
                standing.unknown_at,
                standing.receipt_at,
            ])?;
        }
        let mut statement = conn.prepare_cached(sql::LOG)?;
        for (id, status, (kind, details)) in self.entries {
            log(&mut statement, self.now, id, status, kind, &encode(&details)?)?;
        }
        Ok(())
    }
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
) -> Done<()> {
    let entry = params![id.as_bytes(), now, kind.as_str(), status.number(), details];
    statement.execute(entry)?;
    Ok(())
}
