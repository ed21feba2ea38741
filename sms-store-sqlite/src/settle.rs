//! `sending → sent | queued | failed | unknown`, and late outcomes.

use std::collections::{HashMap, HashSet};

use sms_core::clock::duration_to_ms;
use sms_core::outcome::Verdict;
use sms_core::store::{Settled, Settlement};
use sms_core::{EventKind, MessageId, OutcomeClass, ReceiptState, Result, Status};
use sqlx::{Row as _, SqliteConnection};

use crate::args::{Args, id_list};
use crate::error::{from_sqlx, undecodable};
use crate::ledger::{self, Entry, Ledger};
use crate::row::Columns;
use crate::sql;
use crate::store::SqliteStore;
use crate::transition::{Report, attempt_details, millis, poll_at};

pub(crate) async fn settle(store: &SqliteStore, settlements: &[Settlement]) -> Result<Vec<Settled>> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    let settlements = settlements.to_vec();
    store.write_together(move |conn, now| Box::pin(async move { settle_all(conn, now, &settlements).await })).await
}

async fn settle_all(
    conn: &mut SqliteConnection,
    now: i64,
    settlements: &[Settlement],
) -> Result<Vec<Settled>> {
    let mut seen = HashSet::with_capacity(settlements.len());
    let plain: Vec<(&Settlement, Plain)> =
        settlements.iter().filter_map(|each| Some((each, seen.insert(each.id).then(|| plain(now, each))??))).collect();
    let owned = settle_owned(conn, now, &plain).await?;
    let entries: Vec<Entry> =
        plain.iter().filter(|(each, _)| owned.contains_key(&each.id)).map(|(each, plain)| plain.entry(each)).collect();
    ledger::log(conn, now, &entries).await?;

    let mut settled: HashMap<MessageId, Status> =
        plain.iter().filter(|(each, _)| owned.contains_key(&each.id)).map(|(each, plain)| (each.id, plain.status)).collect();
    let awaited: HashSet<MessageId> = owned.into_iter().filter(|(_, waits)| *waits).map(|(id, _)| id).collect();
    if settled.len() == settlements.len() && awaited.is_empty() {
        return Ok(settlements.iter().filter_map(|each| settled.remove(&each.id)).map(Settled::Now).collect());
    }

    // The rare rest, one by one: receipts that were waiting, late outcomes, repeats, resends.
    let mut rest = Rest::load(conn, now, settlements).await?;
    let mut answers = Vec::with_capacity(settlements.len());
    for settlement in settlements {
        answers.push(match settled.remove(&settlement.id) {
            Some(status) if awaited.contains(&settlement.id) => {
                Settled::Now(rest.join_parked(conn, settlement).await?.unwrap_or(status))
            }
            Some(status) => Settled::Now(status),
            None => rest.settle(conn, settlement).await?,
        });
    }
    rest.ledger.write(conn).await?;
    Ok(answers)
}

/// What a settlement writes, where that does not depend on anything but the guard.
struct Plain {
    status: Status,
    due_at: Option<i64>,
    retry_in_ms: Option<u64>,
    uncounted: bool,
}

fn plain(now: i64, settlement: &Settlement) -> Option<Plain> {
    let accepted = settlement.outcome.class == OutcomeClass::Accepted;
    let to = |status| Plain { status, due_at: None, retry_in_ms: None, uncounted: false };
    match settlement.verdict {
        Verdict::Sent if accepted => Some(to(Status::Sent)),
        Verdict::Failed if !accepted => Some(to(Status::Failed)),
        Verdict::Unknown if !accepted => Some(to(Status::Unknown)),
        Verdict::Retry { after, counted } if !accepted => Some(Plain {
            due_at: Some(now.saturating_add(duration_to_ms(after))),
            retry_in_ms: Some(millis(after)),
            uncounted: !counted,
            ..to(Status::Queued)
        }),
        // A resend looks at the deadline, and a verdict that contradicts its outcome has to be taken apart.
        _ => None,
    }
}

impl Plain {
    fn entry(&self, settlement: &Settlement) -> Entry {
        let mut details = attempt_details(settlement);
        details.retry_in_ms = self.retry_in_ms;
        Entry { message_id: settlement.id, status: self.status, kind: EventKind::Attempt, details }
    }

    /// One row of [`sql::SETTLE`].
    fn bind(&self, args: &mut Args, now: i64, settlement: &Settlement) -> Result<()> {
        let sent = self.status == Status::Sent;
        args.push(settlement.id.as_bytes().as_slice())?;
        args.push(i64::from(settlement.fence))?;
        args.push(i64::from(self.status.number()))?;
        args.push(now)?;
        args.push(self.due_at)?;
        args.push(i64::from(self.uncounted))?;
        args.push(sent.then_some(settlement.provider.as_str()))?;
        args.push(settlement.outcome.provider_id.as_deref().filter(|_| sent))?;
        args.push(settlement.outcome.code)?;
        args.push(settlement.outcome.text.as_deref())?;
        args.push(sent.then_some(now))?;
        args.push(poll_at(now, settlement).filter(|_| sent))
    }
}

/// The settlements whose guard held, and for each whether receipts wait for it.
async fn settle_owned(
    conn: &mut SqliteConnection,
    now: i64,
    plain: &[(&Settlement, Plain)],
) -> Result<HashMap<MessageId, bool>> {
    let mut owned = HashMap::with_capacity(plain.len());
    for piece in sql::SETTLE.pieces(plain, |args, (each, plain)| plain.bind(args, now, each))? {
        for row in piece.query().fetch_all(&mut *conn).await.map_err(from_sqlx)? {
            let mut columns = Columns::new(&row);
            owned.insert(columns.id()?, columns.take()?);
        }
    }
    Ok(owned)
}

/// Settlements that need a look at their message.
struct Rest {
    ledger: Ledger,
}

impl Rest {
    async fn load(conn: &mut SqliteConnection, now: i64, settlements: &[Settlement]) -> Result<Self> {
        let ids = id_list(settlements.iter().map(|settlement| &settlement.id));
        let rows = sqlx::query(sql::LOAD).bind(ids).fetch_all(conn).await.map_err(from_sqlx)?;
        let mut ledger = Ledger::new(now);
        ledger.take(&rows)?;
        Ok(Self { ledger })
    }

    async fn settle(&mut self, conn: &mut SqliteConnection, settlement: &Settlement) -> Result<Settled> {
        let Some(row) = self.ledger.row(settlement.id) else { return Ok(Settled::Gone) };
        let (status, owned) = (row.status, row.owned_by(settlement));
        // The outcome of an owner cannot be known: recording it ends the ownership.
        if !owned && self.is_known(conn, settlement).await? {
            return Ok(Settled::Known(status));
        }
        let status = if owned {
            self.ledger.change(settlement.id, |row, now| {
                let event = row.settle(now, settlement);
                (row.status, Some(event))
            })
        } else {
            self.ledger.change_late(settlement)
        };
        let status = self.join_parked(conn, settlement).await?.or(status).ok_or_else(|| undecodable("id"))?;
        Ok(if owned { Settled::Now(status) } else { Settled::Late(status) })
    }

    /// Whether an outcome of this attempt and class is on record already, or about to be in this transaction.
    async fn is_known(&self, conn: &mut SqliteConnection, settlement: &Settlement) -> Result<bool> {
        if self.ledger.has_outcome(settlement) {
            return Ok(true);
        }
        let known = sqlx::query(sql::KNOWN)
            .bind(settlement.id.as_bytes().as_slice())
            .bind(i64::from(settlement.fence))
            .bind(settlement.outcome.class.as_str())
            .fetch_one(conn)
            .await
            .map_err(from_sqlx)?;
        known.try_get(0).map_err(from_sqlx)
    }

    /// Applies the receipts that waited for the provider id of an acceptance; the message's state after them.
    async fn join_parked(
        &mut self,
        conn: &mut SqliteConnection,
        settlement: &Settlement,
    ) -> Result<Option<Status>> {
        let Some(provider_id) = settlement.outcome.provider_id.as_deref() else { return Ok(None) };
        if settlement.outcome.class != OutcomeClass::Accepted {
            return Ok(None);
        }
        let row = self.ledger.row(settlement.id);
        let own = row.is_some_and(|row| {
            row.provider.as_deref() == Some(&settlement.provider) && row.provider_id.as_deref() == Some(provider_id)
        });
        if !own {
            let alias = sqlx::query(sql::ADD_ALIAS).bind(provider_id.to_owned()).bind(settlement.provider.clone());
            let alias = alias.bind(settlement.id.as_bytes().as_slice());
            alias.execute(&mut *conn).await.map_err(from_sqlx)?;
        }
        let unpark = sqlx::query(sql::UNPARK).bind(provider_id.to_owned()).bind(settlement.provider.clone());
        let rows = unpark.fetch_all(conn).await.map_err(from_sqlx)?;
        let mut parked = rows.iter().map(Parked::read).collect::<Result<Vec<_>>>()?;
        // In the order they came; RETURNING promises none.
        parked.sort_by_key(|parked| parked.seq);
        for Parked { state, code, text, .. } in parked {
            let provider = settlement.provider.as_str();
            let report = Report { provider, provider_id, state, code, text: text.as_deref() };
            self.ledger.receive(settlement.id, &report);
        }
        Ok(self.ledger.row(settlement.id).map(|row| row.status))
    }
}

/// A receipt that waited.
struct Parked {
    seq: i64,
    state: ReceiptState,
    code: Option<i32>,
    text: Option<String>,
}

impl Parked {
    /// Reads a row of [`sql::UNPARK`].
    fn read(row: &sqlx::sqlite::SqliteRow) -> Result<Self> {
        let mut columns = Columns::new(row);
        let seq = columns.take()?;
        Ok(Self { seq, state: columns.receipt_state()?, code: columns.code()?, text: columns.take()? })
    }
}
