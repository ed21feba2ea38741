//! `sending → sent | queued | failed | unknown`, and late outcomes.

use rusqlite::{Connection, Statement, params};
use sms_core::Result;
use sms_core::store::ledger::accepted_ids;
use sms_core::store::transition::{DeliveryState, PlainSettlement};
use sms_core::store::{Settled, Settlement};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql::ledger;
use crate::sql::receipts::join_parked;

pub(crate) async fn settle(
    database: &Database,
    settlements: &[Settlement],
) -> Result<Vec<Settled>> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    let now = database.time().now_ms;
    let prepare = |settlement: &Settlement| Ok((settlement.clone(), Plain::new(now, settlement)?));
    let settlements = settlements.iter().map(prepare).collect::<Result<Vec<_>>>()?;
    database.share(move |conn, time| settle_all(conn, time.now_ms, &settlements)).await
}

/// `sending → sent | queued | failed | unknown` by the owner; guard: the status is sending, and the
/// fence is the owner's.
///
/// Writes the same as
/// [`DeliveryState::settle`](sms_core::store::transition::DeliveryState::settle). ?1 id, ?2 fence,
/// ?3 status, ?4 the time, ?5 due again at, ?6 uncounted attempts, ?7 provider, ?8 provider id, ?9
/// code, ?10 reason, ?11 sent at, ?12 poll at, ?13 when an attempt of unknown outcome began.
pub(crate) const SETTLE: &str = "\
    UPDATE messages \
    SET status = ?3, updated_at = ?4, due_at = coalesce(?5, due_at), \
        push_at = coalesce(?5, push_at), attempts = attempts - ?6, provider = ?7, \
        provider_id = ?8, code = ?9, reason = ?10, sent_at = ?11, poll_at = ?12, \
        unknown_at = coalesce(?13, unknown_at), \
        worker = NULL, batch = NULL, lease_since = NULL, lease_until = NULL \
    WHERE id = ?1 AND +status = 1 AND fence = ?2";

/// True if any receipts wait for their message.
pub(crate) const IS_ANY_PARKED: &str = "SELECT EXISTS (SELECT 1 FROM parked)";

fn settle_all(
    conn: &Connection,
    now: i64,
    settlements: &[(Settlement, Option<Plain>)],
) -> DbResult<Vec<Settled>> {
    let is_any_parked = conn.prepare_cached(IS_ANY_PARKED)?.query_row([], |row| row.get(0))?;
    let (mut settle, mut log) = (conn.prepare_cached(SETTLE)?, conn.prepare_cached(ledger::LOG)?);
    let settle_one = |(settlement, plain): &(Settlement, Option<Plain>)| {
        if let Some(plain) = plain
            && !(is_any_parked && is_awaited(conn, settlement)?)
            && plain.settle(&mut settle, &mut log, settlement)?
        {
            return Ok(Settled::Now(plain.changes.state.status));
        }
        settle_any(conn, now, settlement)
    };
    settlements.iter().map(settle_one).collect()
}

/// A [`PlainSettlement`], encoded before the writer's turn comes.
struct Plain {
    now: i64,
    changes: PlainSettlement,
    details: String,
}

impl Plain {
    /// `None` for a settlement that is not plain.
    fn new(now: i64, settlement: &Settlement) -> Result<Option<Self>> {
        let Some(changes) = DeliveryState::plain(now, settlement) else { return Ok(None) };
        let details = ledger::encode(&changes.event.details)?;
        Ok(Some(Self { now, changes, details }))
    }

    /// Writes it if the guard holds; returns false, and writes nothing, if it does not.
    fn settle(
        &self,
        settle: &mut Statement<'_>,
        log: &mut Statement<'_>,
        settlement: &Settlement,
    ) -> DbResult<bool> {
        let Self { now, changes, details } = self;
        let state = &changes.state;
        let settled = settle.execute(params![
            settlement.id.as_bytes(),
            settlement.fence,
            state.status.number(),
            now,
            changes.due_at(),
            changes.uncounted_attempts(),
            state.provider,
            state.provider_id,
            state.code,
            state.reason,
            state.sent_at,
            state.poll_at,
            state.unknown_at,
        ])?;
        if settled > 0 {
            ledger::log(log, *now, settlement.id, state.status, changes.event.kind, details)?;
        }
        Ok(settled > 0)
    }
}

/// True if receipts wait for this provider id. ?1 provider id, ?2 provider.
pub(crate) const IS_AWAITED: &str =
    "SELECT EXISTS (SELECT 1 FROM parked WHERE provider_id = ?1 AND provider = ?2)";

/// True if receipts wait for the id of an acceptance that is plain, and so has only one.
fn is_awaited(conn: &Connection, settlement: &Settlement) -> DbResult<bool> {
    let Some(id) = accepted_ids(settlement).next() else { return Ok(false) };
    let mut awaited = conn.prepare_cached(IS_AWAITED)?;
    Ok(awaited.query_row(params![id, settlement.provider], |row| row.get(0))?)
}

/// Settles any attempt: also a resend, a repeat, a late outcome, an acceptance in parts, and one
/// that receipts wait for.
fn settle_any(conn: &Connection, now: i64, settlement: &Settlement) -> DbResult<Settled> {
    let id = settlement.id;
    let mut ledger = ledger::load_one(conn, now, id)?;
    let is_in_log = ledger.needs_history(settlement) && is_in_log(conn, settlement)?;
    let settled = ledger.settle(settlement, is_in_log);
    if let Settled::Now(_) | Settled::Late(_) = settled {
        for provider_id in accepted_ids(settlement) {
            join_parked(conn, &mut ledger, id, &settlement.provider, provider_id)?;
        }
    }
    let settled = ledger.settled(settled, id);
    ledger::write(conn, ledger.into_changes())?;
    Ok(settled)
}

/// True if the event log has an outcome of this attempt and class. ?1 id, ?2 attempt, ?3 class.
pub(crate) const KNOWN: &str = "\
    SELECT EXISTS (SELECT 1 FROM events \
    WHERE message_id = ?1 AND details ->> '$.attempt' = ?2 AND details ->> '$.outcome' = ?3)";

/// True if the event log has an outcome of this attempt and class.
fn is_in_log(conn: &Connection, settlement: &Settlement) -> DbResult<bool> {
    let outcome =
        params![settlement.id.as_bytes(), settlement.fence, settlement.outcome.class.as_str()];
    Ok(conn.prepare_cached(KNOWN)?.query_row(outcome, |row| row.get(0))?)
}
