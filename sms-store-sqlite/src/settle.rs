//! `sending → sent | queued | failed | unknown`, and late outcomes.

use rusqlite::{Connection, Statement, params};
use sms_core::store::decision::Verdict;
use sms_core::store::transition::Standing;
use sms_core::store::{Settled, Settlement};
use sms_core::{EventKind, OnUnknown, OutcomeClass, Result, Status};

use crate::error::Done;
use crate::ledger::{self, Ledger};
use crate::receipts::join_parked;
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn settle(
    store: &SqliteStore,
    settlements: &[Settlement],
) -> Result<Vec<Settled>> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    let now = store.time().now;
    let prepare = |settlement: &Settlement| Ok((settlement.clone(), Plain::new(now, settlement)?));
    let settlements = settlements.iter().map(prepare).collect::<Result<Vec<_>>>()?;
    store.share(move |conn, time| settle_all(conn, time.now, &settlements)).await
}

fn settle_all(
    conn: &Connection,
    now: i64,
    settlements: &[(Settlement, Option<Plain>)],
) -> Done<Vec<Settled>> {
    let is_any_parked = conn.prepare_cached(sql::IS_ANY_PARKED)?.query_row([], |row| row.get(0))?;
    let (mut settle, mut log) = (conn.prepare_cached(sql::SETTLE)?, conn.prepare_cached(sql::LOG)?);
    let settle_one = |(settlement, plain): &(Settlement, Option<Plain>)| {
        if let Some(plain) = plain
            && !(is_any_parked && is_awaited(conn, settlement)?)
            && plain.settle(&mut settle, &mut log, settlement)?
        {
            return Ok(Settled::Now(plain.standing.status));
        }
        settle_any(conn, now, settlement)
    };
    settlements.iter().map(settle_one).collect()
}

/// What nearly every settlement is, by the owner and with nothing to join: what it writes depends
/// on nothing but the guard, so that it is made before the writer's turn.
struct Plain {
    now: i64,
    standing: Standing,
    kind: EventKind,
    details: String,
}

impl Plain {
    /// `None` for a resend, which looks at the deadline, and for a verdict that contradicts its
    /// outcome.
    fn new(now: i64, settlement: &Settlement) -> Result<Option<Self>> {
        let accepted = settlement.outcome.class == OutcomeClass::Accepted;
        let sent = settlement.verdict == Verdict::Sent;
        if accepted != sent
            || matches!(settlement.verdict, Verdict::Resend { .. } | Verdict::SentBefore)
        {
            return Ok(None);
        }
        let mut standing = ANY_STANDING;
        let Some((kind, details)) = standing.settle(now, settlement) else { return Ok(None) };
        Ok(Some(Self { now, standing, kind, details: ledger::encode(&details)? }))
    }

    /// Whether the guard held; otherwise nothing is written.
    fn settle(
        &self,
        settle: &mut Statement<'_>,
        log: &mut Statement<'_>,
        settlement: &Settlement,
    ) -> Done<bool> {
        let Self { now, standing, kind, details } = self;
        let settled = settle.execute(params![
            settlement.id.as_bytes(),
            settlement.fence,
            standing.status.number(),
            now,
            (standing.status == Status::Queued).then_some(standing.due_at),
            ANY_STANDING.attempts - standing.attempts,
            standing.provider,
            standing.provider_id,
            standing.code,
            standing.reason,
            standing.sent_at,
            standing.poll_at,
            standing.unknown_at,
        ])?;
        if settled > 0 {
            ledger::log(log, *now, settlement.id, standing.status, *kind, details)?;
        }
        Ok(settled > 0)
    }
}

/// Stands for every message that is being sent and has not been accepted: for a [`Plain`]
/// settlement it makes no difference which one it is.
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

/// The provider id of an acceptance.
fn accepted_id(Settlement { outcome, .. }: &Settlement) -> Option<&str> {
    outcome.provider_id.as_deref().filter(|_| outcome.class == OutcomeClass::Accepted)
}

/// Whether receipts wait for it.
fn is_awaited(conn: &Connection, settlement: &Settlement) -> Done<bool> {
    let Some(id) = accepted_id(settlement) else { return Ok(false) };
    let mut awaited = conn.prepare_cached(sql::IS_AWAITED)?;
    Ok(awaited.query_row(params![id, settlement.provider], |row| row.get(0))?)
}

/// Any settlement: also a resend, a repeat, a late outcome, one for which receipts were waiting.
fn settle_any(conn: &Connection, now: i64, settlement: &Settlement) -> Done<Settled> {
    let mut ledger = Ledger::new(now);
    ledger.load(conn, sql::LOAD, [settlement.id.as_bytes()])?;
    let Some(row) = ledger.row(settlement.id) else { return Ok(Settled::Gone) };
    let (status, owned) = (row.standing.status, row.standing.is_owned_by(settlement));
    // The outcome of an owner cannot be known: recording it ends the ownership.
    if !owned && is_known(conn, settlement)? {
        return Ok(Settled::Known(status));
    }
    if owned {
        ledger.settle(settlement);
    } else {
        ledger.settle_late(settlement);
    }
    if let Some(id) = accepted_id(settlement) {
        add_alias(conn, &ledger, settlement, id)?;
        join_parked(conn, &mut ledger, settlement.id, &settlement.provider, id)?;
    }
    let status = ledger.row(settlement.id).map_or(status, |row| row.standing.status);
    ledger.write(conn)?;
    Ok(if owned { Settled::Now(status) } else { Settled::Late(status) })
}

/// Whether an outcome of this attempt and class is on record.
fn is_known(conn: &Connection, settlement: &Settlement) -> Done<bool> {
    let outcome =
        params![settlement.id.as_bytes(), settlement.fence, settlement.outcome.class.as_str()];
    Ok(conn.prepare_cached(sql::KNOWN)?.query_row(outcome, |row| row.get(0))?)
}

/// Notes the provider id of an acceptance, where it did not become the message's own: receipts may
/// bear it.
fn add_alias(
    conn: &Connection,
    ledger: &Ledger,
    settlement: &Settlement,
    provider_id: &str,
) -> Done<()> {
    let Some(row) = ledger.row(settlement.id) else { return Ok(()) };
    let own = (row.standing.provider.as_deref(), row.standing.provider_id.as_deref());
    if own != (Some(&settlement.provider), Some(provider_id)) {
        let alias = params![provider_id, settlement.provider, settlement.id.as_bytes()];
        conn.prepare_cached(sql::ADD_ALIAS)?.execute(alias)?;
    }
    Ok(())
}
