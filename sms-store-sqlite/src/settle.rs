//! `sending → sent | queued | failed | unknown`, and late outcomes.

use std::collections::HashSet;

use sms_core::outcome::Verdict;
use sms_core::store::{Settled, Settlement};
use sms_core::transition::{NewEvent, Standing};
use sms_core::{OnUnknown, OutcomeClass, Result, Status};
use sqlx::{Row as _, SqliteConnection};

use crate::args::{Args, Piece, id_list};
use crate::error::{from_sqlx, undecodable};
use crate::ledger::{self, Ledger, LedgerRow};
use crate::receipts::join_parked;
use crate::row::Columns;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn settle(store: &SqliteStore, settlements: &[Settlement]) -> Result<Vec<Settled>> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(batch) = PlainBatch::new(store.now(), settlements)? {
        let settled = store.write_shared(false, move |conn, _| Box::pin(batch.settle(conn))).await?;
        if let Some(settled) = settled {
            return Ok(settled);
        }
    }
    let settlements = settlements.to_vec();
    store.write(move |conn, now| Box::pin(settle_any(conn, now, settlements))).await
}

/// What nearly every batch is: outcomes of their owners, for which no receipts are waiting.
struct PlainBatch {
    pieces: Vec<Piece>,
    settled: Vec<Settled>,
    accepted: String,
}

impl PlainBatch {
    /// `None` for a batch that is something else.
    fn new(now: i64, settlements: &[Settlement]) -> Result<Option<Self>> {
        let mut seen = HashSet::with_capacity(settlements.len());
        let once = settlements.iter().filter(|settlement| seen.insert(settlement.id));
        let plain: Vec<Plain<'_>> = once.filter_map(|settlement| Plain::new(now, settlement)).collect();
        if plain.len() < settlements.len() {
            return Ok(None);
        }
        let pieces = sql::SETTLE_ALL.pieces(
            &plain,
            |args, plain| plain.bind_entry(args, now),
            |args, plain| plain.bind(args, now),
        )?;
        let settled = plain.iter().map(|plain| Settled::Now(plain.standing.status)).collect();
        Ok(Some(Self { pieces, settled, accepted: accepted_ids(settlements)? }))
    }

    /// `None`, to be rolled back, when one of them is not the owner's any more, or a receipt is waiting for one.
    async fn settle(self, conn: &mut SqliteConnection) -> Result<Option<Vec<Settled>>> {
        let (mut owned, mut parked) = (0, false);
        for piece in self.pieces {
            for row in piece.query().fetch_all(&mut *conn).await.map_err(from_sqlx)? {
                let mut columns = Columns::new(&row);
                owned += columns.number::<usize>("count")?;
                parked |= columns.take::<bool>()?;
            }
        }
        let plain = owned == self.settled.len() && !(parked && is_any_awaited(conn, self.accepted).await?);
        Ok(plain.then_some(self.settled))
    }
}

/// What a settlement by the owner writes, where that depends on nothing but the guard.
struct Plain<'a> {
    settlement: &'a Settlement,
    standing: Standing,
    event: NewEvent,
}

impl<'a> Plain<'a> {
    /// `None` for a resend, which looks at the deadline, and for a verdict that contradicts its outcome.
    fn new(now: i64, settlement: &'a Settlement) -> Option<Self> {
        let accepted = settlement.outcome.class == OutcomeClass::Accepted;
        let sent = settlement.verdict == Verdict::Sent;
        if accepted != sent || matches!(settlement.verdict, Verdict::Resend { .. } | Verdict::SentBefore) {
            return None;
        }
        let mut standing = ANY_STANDING;
        let event = standing.settle(now, settlement);
        Some(Self { settlement, standing, event })
    }

    /// One row of [`sql::LOG`].
    fn bind_entry(&self, args: &mut Args, now: i64) -> Result<()> {
        ledger::bind_entry(args, now, self.settlement.id, self.standing.status, &self.event)
    }

    /// One row of [`sql::SETTLE`].
    fn bind(&self, args: &mut Args, now: i64) -> Result<()> {
        let Self { settlement, standing, .. } = self;
        args.push(settlement.id.as_bytes().as_slice())?;
        args.push(i64::from(settlement.fence))?;
        args.push(i64::from(standing.status.number()))?;
        args.push(now)?;
        args.push((standing.status == Status::Queued).then_some(standing.due_at))?;
        args.push(i64::from(ANY_STANDING.attempts - standing.attempts))?;
        args.push(standing.provider.as_deref())?;
        args.push(standing.provider_id.as_deref())?;
        args.push(standing.code)?;
        args.push(standing.reason.as_deref())?;
        args.push(standing.sent_at)?;
        args.push(standing.poll_at)?;
        args.push(standing.unknown_at)
    }
}

/// Stands for every message that is being sent and has not been accepted: for a [`Plain`] settlement it makes no
/// difference which one it is.
const ANY_STANDING: Standing = Standing {
    status: Status::Sending,
    updated_at: 0,
    due_at: 0,
    push_at: 0,
    valid_until: 0,
    deadline_ms: 0,
    on_unknown: OnUnknown::Hold,
    attempts: 1,
    resends: 0,
    fence: 1,
    lease: None,
    unknown_at: None,
    provider: None,
    provider_id: None,
    code: None,
    reason: None,
    sent_at: None,
    poll_at: None,
    polls: 0,
    receipt_at: None,
};

/// The provider and provider id of each settlement, as JSON; those of no acceptance are null.
fn accepted_ids(settlements: &[Settlement]) -> Result<String> {
    let accepted: Vec<_> = settlements
        .iter()
        .map(|settlement| accepted_id(settlement).map(|id| (settlement.provider.as_str(), id)))
        .collect();
    serde_json::to_string(&accepted).map_err(|_| undecodable("provider id"))
}

fn accepted_id(Settlement { outcome, .. }: &Settlement) -> Option<&str> {
    outcome.provider_id.as_deref().filter(|_| outcome.class == OutcomeClass::Accepted)
}

async fn is_any_awaited(conn: &mut SqliteConnection, accepted: String) -> Result<bool> {
    let waiting = sqlx::query(sql::AWAITED).bind(accepted).fetch_all(conn).await.map_err(from_sqlx)?;
    Ok(!waiting.is_empty())
}

/// Any batch: also resends, repeats, late outcomes, and receipts that were waiting.
async fn settle_any(
    conn: &mut SqliteConnection,
    now: i64,
    settlements: Vec<Settlement>,
) -> Result<Vec<Settled>> {
    let ids = id_list(settlements.iter().map(|settlement| &settlement.id));
    let rows = sqlx::query(sql::LOAD).bind(ids).fetch_all(&mut *conn).await.map_err(from_sqlx)?;
    let mut ledger = Ledger::new(now);
    ledger.take(&rows)?;
    let awaited = sqlx::query(sql::AWAITED).bind(accepted_ids(&settlements)?);
    let awaited = awaited.fetch_all(&mut *conn).await.map_err(from_sqlx)?;
    let awaited: HashSet<usize> =
        awaited.iter().map(|row| Columns::new(row).number("place")).collect::<Result<_>>()?;

    let mut answers = Vec::with_capacity(settlements.len());
    for (place, settlement) in settlements.iter().enumerate() {
        let settled = settle_one(conn, &mut ledger, settlement).await?;
        answers.push(match settled {
            Settled::Now(status) | Settled::Late(status) => {
                add_alias(conn, &ledger, settlement).await?;
                if awaited.contains(&place)
                    && let Some(provider_id) = accepted_id(settlement)
                {
                    join_parked(conn, &mut ledger, settlement.id, &settlement.provider, provider_id).await?;
                }
                let joined = ledger.row(settlement.id).map_or(status, |row| row.standing.status);
                if matches!(settled, Settled::Now(_)) { Settled::Now(joined) } else { Settled::Late(joined) }
            }
            Settled::Known(_) | Settled::Gone => settled,
        });
    }
    ledger.write(conn).await?;
    Ok(answers)
}

async fn settle_one(
    conn: &mut SqliteConnection,
    ledger: &mut Ledger,
    settlement: &Settlement,
) -> Result<Settled> {
    let Some(LedgerRow { standing, .. }) = ledger.row(settlement.id) else { return Ok(Settled::Gone) };
    let (status, owned) = (standing.status, standing.is_owned_by(settlement));
    // The outcome of an owner cannot be known: recording it ends the ownership.
    if !owned && (ledger.has_outcome(settlement) || is_known(conn, settlement).await?) {
        return Ok(Settled::Known(status));
    }
    let status = if owned { ledger.settle(settlement) } else { ledger.settle_late(settlement) };
    Ok(match status {
        Some(status) if owned => Settled::Now(status),
        Some(status) => Settled::Late(status),
        None => Settled::Gone,
    })
}

/// Whether an outcome of this attempt and class is on record.
async fn is_known(conn: &mut SqliteConnection, settlement: &Settlement) -> Result<bool> {
    let known = sqlx::query(sql::KNOWN)
        .bind(settlement.id.as_bytes().as_slice())
        .bind(i64::from(settlement.fence))
        .bind(settlement.outcome.class.as_str())
        .fetch_one(conn)
        .await
        .map_err(from_sqlx)?;
    known.try_get(0).map_err(from_sqlx)
}

/// Notes the provider id of an acceptance, where it did not become the message's own: receipts may bear it.
async fn add_alias(conn: &mut SqliteConnection, ledger: &Ledger, settlement: &Settlement) -> Result<()> {
    let (Some(id), Some(row)) = (accepted_id(settlement), ledger.row(settlement.id)) else { return Ok(()) };
    let own = (row.standing.provider.as_deref(), row.standing.provider_id.as_deref());
    if own != (Some(&settlement.provider), Some(id)) {
        let alias = sqlx::query(sql::ADD_ALIAS).bind(id.to_owned()).bind(settlement.provider.clone());
        let alias = alias.bind(settlement.id.as_bytes().as_slice());
        alias.execute(conn).await.map_err(from_sqlx)?;
    }
    Ok(())
}
