//! `sending → sent | queued | failed | unknown`, and late outcomes.

use rusqlite::{Connection, Statement, params};
use sms_core::Result;
use sms_core::store::ledger::accepted_id;
use sms_core::store::transition::{DeliveryState, PlainSettlement};
use sms_core::store::{Settled, Settlement};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql;
use crate::sql::ledger;
use crate::sql::receipts::join_parked;

pub(crate) async fn settle(
    database: &Database,
    settlements: &[Settlement],
) -> Result<Vec<Settled>> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    let now = database.time().now;
    let prepare = |settlement: &Settlement| Ok((settlement.clone(), Plain::new(now, settlement)?));
    let settlements = settlements.iter().map(prepare).collect::<Result<Vec<_>>>()?;
    database.share(move |conn, time| settle_all(conn, time.now, &settlements)).await
}

fn settle_all(
    conn: &Connection,
    now: i64,
    settlements: &[(Settlement, Option<Plain>)],
) -> DbResult<Vec<Settled>> {
    let is_any_parked = conn.prepare_cached(sql::IS_ANY_PARKED)?.query_row([], |row| row.get(0))?;
    let (mut settle, mut log) = (conn.prepare_cached(sql::SETTLE)?, conn.prepare_cached(sql::LOG)?);
    let settle_one = |(settlement, plain): &(Settlement, Option<Plain>)| {
        if let Some(plain) = plain
            && !(is_any_parked && is_awaited(conn, settlement)?)
            && plain.settle(&mut settle, &mut log, settlement)?
        {
            return Ok(Settled::Now(plain.plain.state.status));
        }
        settle_any(conn, now, settlement)
    };
    settlements.iter().map(settle_one).collect()
}

/// A [`PlainSettlement`], encoded before the writer's turn comes.
struct Plain {
    now: i64,
    plain: PlainSettlement,
    details: String,
}

impl Plain {
    /// `None` for a settlement that is not plain.
    fn new(now: i64, settlement: &Settlement) -> Result<Option<Self>> {
        let Some(plain) = DeliveryState::plain(now, settlement) else { return Ok(None) };
        let details = ledger::encode(&plain.event.details)?;
        Ok(Some(Self { now, plain, details }))
    }

    /// Writes it if the guard holds; returns false, and writes nothing, if it does not.
    fn settle(
        &self,
        settle: &mut Statement<'_>,
        log: &mut Statement<'_>,
        settlement: &Settlement,
    ) -> DbResult<bool> {
        let Self { now, plain, details } = self;
        let state = &plain.state;
        let settled = settle.execute(params![
            settlement.id.as_bytes(),
            settlement.fence,
            state.status.number(),
            now,
            plain.due_at(),
            plain.uncounted_attempts(),
            state.provider,
            state.provider_id,
            state.code,
            state.reason,
            state.sent_at,
            state.poll_at,
            state.unknown_at,
        ])?;
        if settled > 0 {
            ledger::log(log, *now, settlement.id, state.status, plain.event.kind, details)?;
        }
        Ok(settled > 0)
    }
}

/// True if receipts wait for the id of an acceptance.
fn is_awaited(conn: &Connection, settlement: &Settlement) -> DbResult<bool> {
    let Some(id) = accepted_id(settlement) else { return Ok(false) };
    let mut awaited = conn.prepare_cached(sql::IS_AWAITED)?;
    Ok(awaited.query_row(params![id, settlement.provider], |row| row.get(0))?)
}

/// Settles any attempt: also a resend, a repeat, a late outcome, and an acceptance that receipts
/// wait for.
fn settle_any(conn: &Connection, now: i64, settlement: &Settlement) -> DbResult<Settled> {
    let id = settlement.id;
    let mut ledger = ledger::load_one(conn, now, id)?;
    let is_in_log = ledger.needs_history(settlement) && is_in_log(conn, settlement)?;
    let settled = ledger.settle(settlement, is_in_log);
    if let (Settled::Now(_) | Settled::Late(_), Some(provider_id)) =
        (settled, accepted_id(settlement))
    {
        join_parked(conn, &mut ledger, id, &settlement.provider, provider_id)?;
    }
    let settled = ledger.settled(settled, id);
    ledger::write(conn, ledger.into_changes())?;
    Ok(settled)
}

/// True if the event log has an outcome of this attempt and class.
fn is_in_log(conn: &Connection, settlement: &Settlement) -> DbResult<bool> {
    let outcome =
        params![settlement.id.as_bytes(), settlement.fence, settlement.outcome.class.as_str()];
    Ok(conn.prepare_cached(sql::KNOWN)?.query_row(outcome, |row| row.get(0))?)
}
