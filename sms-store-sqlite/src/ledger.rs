//! Rows in hand: read under the write lock, changed in Rust, written back together with their events.

use std::collections::{BTreeMap, BTreeSet};

use sms_core::receipt::ReceiptEffect;
use sms_core::store::Settlement;
use sms_core::{Error, ErrorKind, EventDetails, EventKind, MessageId, Result, Status};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::args::Args;
use crate::error::from_sqlx;
use crate::sql;
use crate::transition::{LedgerRow, NewEvent, Report};

/// The rows of one transaction, and what it will write.
#[derive(Debug)]
pub(crate) struct Ledger {
    now: i64,
    rows: BTreeMap<MessageId, LedgerRow>,
    changed: BTreeSet<MessageId>,
    entries: Vec<Entry>,
}

/// An entry for the event log.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) message_id: MessageId,
    pub(crate) status: Status,
    pub(crate) kind: EventKind,
    pub(crate) details: EventDetails,
}

impl Ledger {
    pub(crate) fn new(now: i64) -> Self {
        Self { now, rows: BTreeMap::new(), changed: BTreeSet::new(), entries: Vec::new() }
    }

    /// Takes rows in hand, and answers with their ids in the order of the statement. A row that is in hand already stays
    /// as it is, for it may have been changed.
    pub(crate) fn take(&mut self, rows: &[SqliteRow]) -> Result<Vec<MessageId>> {
        let read = rows.iter().map(LedgerRow::read);
        read.map(|row| row.map(|row| self.rows.entry(row.id).or_insert(row).id)).collect()
    }

    pub(crate) fn row(&self, id: MessageId) -> Option<&LedgerRow> {
        self.rows.get(&id)
    }

    /// Changes a row and logs what happened to it, if anything did.
    pub(crate) fn change<T>(
        &mut self,
        id: MessageId,
        change: impl FnOnce(&mut LedgerRow, i64) -> (T, Option<NewEvent>),
    ) -> Option<T> {
        let row = self.rows.get_mut(&id)?;
        let (answer, event) = change(row, self.now);
        let status = row.status;
        self.changed.insert(id);
        if let Some(event) = event {
            self.log(id, status, event);
        }
        Some(answer)
    }

    /// Records the outcome of an attempt that does not own its message any more; the message's state after it.
    pub(crate) fn change_late(&mut self, settlement: &Settlement) -> Option<Status> {
        let row = self.rows.get_mut(&settlement.id)?;
        let (changed, event) = row.settle_late(self.now, settlement);
        let status = row.status;
        if changed {
            self.changed.insert(settlement.id);
        }
        self.log(settlement.id, status, event);
        Some(status)
    }

    /// Whether this transaction is about to record an outcome of this attempt and class.
    pub(crate) fn has_outcome(&self, settlement: &Settlement) -> bool {
        self.entries.iter().any(|entry| {
            entry.message_id == settlement.id
                && entry.details.attempt == Some(settlement.fence)
                && entry.details.outcome == Some(settlement.outcome.class)
        })
    }

    fn log(&mut self, message_id: MessageId, status: Status, (kind, details): NewEvent) {
        self.entries.push(Entry { message_id, status, kind, details });
    }

    /// Applies a receipt to a row.
    pub(crate) fn receive(&mut self, id: MessageId, report: &Report<'_>) -> ReceiptEffect {
        let Some(row) = self.rows.get_mut(&id) else { return ReceiptEffect::Ignored };
        let (effect, event) = row.receive(self.now, report);
        let status = row.status;
        if let Some(event) = event {
            self.changed.insert(id);
            self.log(id, status, event);
        }
        effect
    }

    /// Writes everything: rows first, then their events.
    pub(crate) async fn write(self, conn: &mut SqliteConnection) -> Result<()> {
        let changed: Vec<&LedgerRow> = self.changed.iter().filter_map(|id| self.rows.get(id)).collect();
        for piece in sql::SAVE.pieces(&changed, |args, row| bind(args, row))? {
            piece.query().execute(&mut *conn).await.map_err(from_sqlx)?;
        }
        log(conn, self.now, &self.entries).await
    }
}

/// Appends entries to the event log.
pub(crate) async fn log(conn: &mut SqliteConnection, now: i64, entries: &[Entry]) -> Result<()> {
    for piece in sql::LOG.pieces(entries, |args, entry| bind_entry(args, now, entry))? {
        piece.query().execute(&mut *conn).await.map_err(from_sqlx)?;
    }
    Ok(())
}

fn bind_entry(args: &mut Args, now: i64, entry: &Entry) -> Result<()> {
    let refused = |error| Error::new(ErrorKind::Internal, "an event cannot be encoded").with_source(error);
    args.push(entry.message_id.as_bytes().as_slice())?;
    args.push(now)?;
    args.push(entry.kind.as_str())?;
    args.push(i64::from(entry.status.number()))?;
    args.push(serde_json::to_string(&entry.details).map_err(refused)?)
}

/// One row of [`sql::SAVE`].
fn bind(args: &mut Args, row: &LedgerRow) -> Result<()> {
    args.push(row.id.as_bytes().as_slice())?;
    args.push(i64::from(row.status.number()))?;
    args.push(row.updated_at)?;
    args.push(row.due_at)?;
    args.push(row.valid_until)?;
    args.push(row.push_at)?;
    args.push(i64::from(row.attempts))?;
    args.push(i64::from(row.resends))?;
    args.push(row.provider.as_deref())?;
    args.push(row.provider_id.as_deref())?;
    args.push(row.code)?;
    args.push(row.reason.as_deref())?;
    args.push(row.sent_at)?;
    args.push(row.poll_at)?;
    args.push(i64::from(row.polls))
}
