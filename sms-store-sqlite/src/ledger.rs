//! Rows in hand: read under the write lock, changed in Rust, written back together with their events.

use std::collections::{BTreeMap, BTreeSet};

use sms_core::receipt::ReceiptEffect;
use sms_core::store::Settlement;
use sms_core::transition::{NewEvent, Standing};
use sms_core::{Error, ErrorKind, MessageId, Receipt, Result, Status};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::args::Args;
use crate::error::from_sqlx;
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
    fn read(row: &SqliteRow) -> Result<Self> {
        let mut columns = Columns::new(row);
        Ok(Self { id: columns.id()?, owner: columns.take()?, standing: row::standing(&mut columns)? })
    }
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
        change: impl FnOnce(&mut Standing, i64) -> (T, Option<NewEvent>),
    ) -> Option<T> {
        let standing = &mut self.rows.get_mut(&id)?.standing;
        let (answer, event) = change(standing, self.now);
        self.changed.insert(id);
        self.entries.extend(event.map(|event| (id, standing.status, event)));
        Some(answer)
    }

    /// Records the outcome of the attempt that owns its message; the message's state after it.
    pub(crate) fn settle(&mut self, settlement: &Settlement) -> Option<Status> {
        self.change(settlement.id, |standing, now| {
            let event = standing.settle(now, settlement);
            (standing.status, Some(event))
        })
    }

    /// Records the outcome of an attempt that does not own its message any more; the message's state after it.
    pub(crate) fn settle_late(&mut self, settlement: &Settlement) -> Option<Status> {
        let standing = &mut self.rows.get_mut(&settlement.id)?.standing;
        let (changed, event) = standing.settle_late(self.now, settlement);
        if changed {
            self.changed.insert(settlement.id);
        }
        self.entries.push((settlement.id, standing.status, event));
        Some(standing.status)
    }

    /// Whether this transaction is about to record an outcome of this attempt and class.
    pub(crate) fn has_outcome(&self, settlement: &Settlement) -> bool {
        let (attempt, outcome) = (Some(settlement.fence), Some(settlement.outcome.class));
        self.entries.iter().any(|(id, _, (_, details))| {
            *id == settlement.id && details.attempt == attempt && details.outcome == outcome
        })
    }

    /// Applies a receipt to a row.
    pub(crate) fn receive(&mut self, id: MessageId, receipt: &Receipt) -> ReceiptEffect {
        let Some(row) = self.rows.get_mut(&id) else { return ReceiptEffect::Ignored };
        let (effect, event) = row.standing.receive(self.now, receipt);
        if let Some(event) = event {
            self.changed.insert(id);
            self.entries.push((id, row.standing.status, event));
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
async fn log(conn: &mut SqliteConnection, now: i64, entries: &[Entry]) -> Result<()> {
    for piece in
        sql::LOG.pieces(entries, |args, (id, status, event)| bind_entry(args, now, *id, *status, event))?
    {
        piece.query().execute(&mut *conn).await.map_err(from_sqlx)?;
    }
    Ok(())
}

/// One row of [`sql::LOG`].
pub(crate) fn bind_entry(
    args: &mut Args,
    now: i64,
    message_id: MessageId,
    status: Status,
    (kind, details): &NewEvent,
) -> Result<()> {
    let refused = |error| Error::new(ErrorKind::Internal, "an event cannot be encoded").with_source(error);
    args.push(message_id.as_bytes().as_slice())?;
    args.push(now)?;
    args.push(kind.as_str())?;
    args.push(i64::from(status.number()))?;
    args.push(serde_json::to_string(details).map_err(refused)?)
}

/// One row of [`sql::SAVE`].
fn bind(args: &mut Args, LedgerRow { id, standing, .. }: &LedgerRow) -> Result<()> {
    args.push(id.as_bytes().as_slice())?;
    args.push(i64::from(standing.status.number()))?;
    args.push(standing.updated_at)?;
    args.push(standing.due_at)?;
    args.push(standing.valid_until)?;
    args.push(standing.push_at)?;
    args.push(i64::from(standing.attempts))?;
    args.push(i64::from(standing.resends))?;
    args.push(standing.provider.as_deref())?;
    args.push(standing.provider_id.as_deref())?;
    args.push(standing.code)?;
    args.push(standing.reason.as_deref())?;
    args.push(standing.sent_at)?;
    args.push(standing.poll_at)?;
    args.push(i64::from(standing.polls))?;
    args.push(standing.unknown_at)?;
    args.push(standing.receipt_at)
}
