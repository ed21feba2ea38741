//! Rows in hand: read under a lock, changed in Rust, written back together with their events.

use std::collections::{BTreeMap, BTreeSet};

use sms_core::store::ReceiptEffect;
use sms_core::store::Settlement;
use sms_core::store::transition::{NewEvent, Standing};
use sms_core::{Error, ErrorKind, EventDetails, MessageId, Receipt, Result, Status};
use sqlx::postgres::PgRow;

use crate::args::{clean_some, name_some, uuid, uuids};
use crate::error::{too_large, undecodable};
use crate::pool::{Lent, Query};
use crate::row::{self, Columns};
use crate::sql;

/// A transaction of several statements. Dropped, it is rolled back.
#[derive(Debug)]
pub(crate) struct Together {
    conn: Lent,
    now: i64,
}

impl Together {
    pub(crate) async fn begin(mut conn: Lent, now: i64) -> Result<Self> {
        conn.script(sql::BEGIN_TOGETHER).await?;
        Ok(Self { conn, now })
    }

    /// When it began.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    pub(crate) async fn rows(&mut self, query: Query<'_>) -> Result<Vec<PgRow>> {
        self.conn.rows(query).await
    }

    /// The answer to a question.
    pub(crate) async fn is_so(&mut self, query: Query<'_>) -> Result<bool> {
        let rows = self.rows(query).await?;
        Columns::new(rows.first().ok_or_else(|| undecodable("answer"))?).take()
    }

    pub(crate) async fn commit(self) -> Result<()> {
        self.end(sql::COMMIT).await
    }

    pub(crate) async fn roll_back(self) -> Result<()> {
        self.end(sql::ROLLBACK).await
    }

    async fn end(mut self, how: &'static str) -> Result<()> {
        self.conn.script(how).await?;
        self.conn.is_clean();
        Ok(())
    }
}

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
    fn read(row: &PgRow) -> Result<Self> {
        let mut columns = Columns::new(row);
        Ok(Self {
            id: columns.id()?,
            owner: columns.take()?,
            standing: row::standing(&mut columns)?,
        })
    }
}

impl Ledger {
    /// Locks the rows of these messages and takes them in hand.
    pub(crate) async fn load(
        together: &mut Together,
        ids: impl IntoIterator<Item = &MessageId>,
    ) -> Result<Self> {
        let ids: BTreeSet<&MessageId> = ids.into_iter().collect();
        let (now, mut rows) = (together.now(), BTreeMap::new());
        if !ids.is_empty() {
            for row in together.rows(sqlx::query(sql::LOAD).bind(uuids(ids))).await? {
                let row = LedgerRow::read(&row)?;
                rows.insert(row.id, row);
            }
        }
        Ok(Self { now, rows, changed: BTreeSet::new(), entries: Vec::new() })
    }

    pub(crate) fn row(&self, id: MessageId) -> Option<&LedgerRow> {
        self.rows.get(&id)
    }

    /// Changes a row and logs what happened to it; the message's state after it. `None` when there
    /// is no such row, or the change is impossible.
    pub(crate) fn change(
        &mut self,
        id: MessageId,
        change: impl FnOnce(&mut Standing, i64) -> Option<NewEvent>,
    ) -> Option<Status> {
        let standing = &mut self.rows.get_mut(&id)?.standing;
        let event = change(standing, self.now)?;
        self.changed.insert(id);
        self.entries.push((id, standing.status, event));
        Some(standing.status)
    }

    /// Records the outcome of the attempt that owns its message; the message's state after it.
    pub(crate) fn settle(&mut self, settlement: &Settlement) -> Option<Status> {
        self.change(settlement.id, |standing, now| standing.settle(now, settlement))
    }

    /// Records the outcome of an attempt that does not own its message any more; the message's
    /// state after it.
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
        let (effect, event) = row.standing.receive(id, self.now, receipt);
        if let Some(event) = event {
            self.changed.insert(id);
            self.entries.push((id, row.standing.status, event));
        }
        effect
    }

    /// Writes everything, in one statement. Once for each transaction: positions in the log are
    /// counted from its beginning.
    pub(crate) async fn write(self, together: &mut Together) -> Result<()> {
        if self.changed.is_empty() && self.entries.is_empty() {
            return Ok(());
        }
        if self.entries.len() > sql::POSITIONS {
            return Err(too_large("number of events of one call"));
        }
        together.rows(self.query()?).await?;
        Ok(())
    }

    /// [`sql::SAVE`].
    fn query(&self) -> Result<Query<'static>> {
        let changed: Vec<&LedgerRow> =
            self.changed.iter().filter_map(|id| self.rows.get(id)).collect();
        macro_rules! column {
            ($standing:ident => $value:expr) => {
                changed
                    .iter()
                    .map(|LedgerRow { standing: $standing, .. }| $value)
                    .collect::<Vec<_>>()
            };
        }
        macro_rules! checked {
            ($standing:ident => $value:expr) => {
                changed
                    .iter()
                    .map(|LedgerRow { standing: $standing, .. }| $value)
                    .collect::<Result<Vec<_>>>()?
            };
        }
        let query = sqlx::query(sql::SAVE)
            .bind(self.now)
            .bind(changed.iter().map(|row| uuid(row.id)).collect::<Vec<_>>())
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
        let entries = &self.entries;
        let query = query
            .bind(entries.iter().map(|(id, ..)| uuid(*id)).collect::<Vec<_>>())
            .bind(entries.iter().map(|(.., (kind, _))| kind.as_str()).collect::<Vec<_>>())
            .bind(
                entries.iter().map(|(_, status, _)| i16::from(status.number())).collect::<Vec<_>>(),
            )
            .bind(entries.iter().map(|(.., (_, it))| details(it)).collect::<Result<Vec<_>>>()?);
        Ok(query)
    }
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

pub(crate) fn fence(fence: u32) -> Result<i32> {
    i32::try_from(fence).map_err(|_| too_large("fence"))
}
