//! `sending → sent | queued | failed | unknown`, and late outcomes.

use std::collections::{BTreeMap, HashSet};

use sms_core::store::ledger::{Ledger, accepted_ids};
use sms_core::store::transition::{DeliveryState, PlainSettlement};
use sms_core::store::{Settled, Settlement};
use sms_core::{MessageId, Result};

use crate::database::Database;
use crate::error::{too_large, undecodable};
use crate::pool::Query;
use crate::sql::args::{clean_some, millis, name, name_some, rows, uuid};
use crate::sql::fragments::{position, with_clock};
use crate::sql::ledger::{self, attempts, details};
use crate::sql::receipts::join_parked;
use crate::sql::row::{self, Columns};
use crate::transaction::Transaction;

pub(crate) async fn settle(
    database: &Database,
    settlements: &[Settlement],
) -> Result<Vec<Settled>> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    let batch = PlainBatch::new(settlements);
    let mut now = HashSet::new();
    if let Some(batch) = &batch {
        now = row::ids(&database.rows(batch.query(database.now())?).await?)?.into_iter().collect();
        if now.len() == settlements.len() {
            return settlements.iter().map(|settlement| batch.settled(settlement)).collect();
        }
    }
    // Usually all of them; or those that another transaction changed while the statement above ran.
    let others: Vec<&Settlement> =
        settlements.iter().filter(|settlement| !now.contains(&settlement.id)).collect();
    let mut transaction = database.begin_transaction().await?;
    let settled = settle_any(&mut transaction, &others).await?;
    transaction.commit().await?;
    let mut settled = settled.into_iter();
    let answer = |settlement: &Settlement| match &batch {
        Some(batch) if now.contains(&settlement.id) => batch.settled(settlement),
        _ => settled.next().ok_or_else(|| undecodable("settlement")),
    };
    settlements.iter().map(answer).collect()
}

/// `sending → sent | queued | failed | unknown` by the owner, with its events; guard: the status is
/// sending, and the fence is the owner's. Writes nothing unless the guard holds for all of them and
/// no receipt waits for any. Returns the messages it wrote.
///
/// Writes the same as
/// [`DeliveryState::settle`](sms_core::store::transition::DeliveryState::settle). Lists: $2 id, $3
/// fence, $4 status, $5 time until it is due again, $6 uncounted attempts, $7 provider, $8 provider
/// id, $9 code, $10 reason, $11 time until the first status query, $12 time since an attempt of
/// unknown outcome began, $13 details of the event.
pub(crate) const SETTLE: &str = concat!(
    with_clock!(),
    ", asked AS MATERIALIZED ( \
         SELECT * FROM unnest($2::uuid[], $3::integer[], $4::smallint[], $5::bigint[], \
             $6::smallint[], $7::text[], $8::text[], $9::integer[], $10::text[], $11::bigint[], \
             $12::bigint[], $13::text[]) \
         AS asked (id, fence, status, due_in, uncounted, provider, provider_id, code, reason, \
             poll_in, unknown_ago, details) \
     ), plain AS MATERIALIZED ( \
         SELECT (SELECT count(*) FROM states AS s JOIN asked AS a ON a.id = s.id \
                 WHERE s.id = ANY ($2) \
                   AND CASE WHEN s.status = 1 THEN s.fence = a.fence END) = cardinality($2) \
            AND NOT EXISTS (SELECT FROM asked AS a CROSS JOIN LATERAL ( \
                SELECT FROM parked AS p \
                WHERE p.provider_id = a.provider_id AND p.provider = a.provider OFFSET 0) AS p) \
                AS is_all \
     ), settled AS ( \
         UPDATE states AS s \
         SET status = a.status, updated_at = clock.now, \
             due_at = coalesce(clock.now + a.due_in, s.due_at), \
             push_at = coalesce(clock.now + a.due_in, s.push_at), \
             attempts = s.attempts - a.uncounted, provider = a.provider, \
             provider_id = a.provider_id, code = a.code, reason = a.reason, \
             sent_at = CASE a.status WHEN 2 THEN clock.now ELSE s.sent_at END, \
             poll_at = clock.now + a.poll_in, \
             unknown_at = coalesce(clock.now - a.unknown_ago, s.unknown_at), \
             worker = NULL, batch = NULL, lease_since = NULL, lease_until = NULL \
         FROM asked AS a CROSS JOIN clock \
         WHERE (SELECT is_all FROM plain) AND s.id = ANY ($2) AND s.id = a.id \
           AND CASE WHEN s.status = 1 THEN s.fence = a.fence END \
         RETURNING s.id, a.status, a.details, clock.now \
     ), logged AS ( \
         INSERT INTO events (seq, message_id, at, kind, status, details) SELECT ",
    position!(),
    " + row_number() OVER (), id, now, 'attempt', status, details FROM settled \
     ) SELECT id FROM settled"
);

/// A batch of [plain](PlainSettlement) settlements of different messages, by id. Nearly every batch
/// is one.
struct PlainBatch<'a>(BTreeMap<MessageId, (&'a Settlement, PlainSettlement)>);

impl<'a> PlainBatch<'a> {
    /// `None` for a batch that is something else. Times count from the statement's time.
    fn new(settlements: &'a [Settlement]) -> Option<Self> {
        let plain = |settlement: &'a Settlement| {
            Some((settlement.id, (settlement, DeliveryState::plain(0, settlement)?)))
        };
        let batch = settlements.iter().map(plain).collect::<Option<BTreeMap<_, _>>>()?;
        (batch.len() == settlements.len()).then_some(Self(batch))
    }

    /// [`SETTLE`] with its arguments.
    fn query(&self, now: i64) -> Result<Query<'static>> {
        macro_rules! column {
            ($plain:ident => $value:expr) => {
                self.0.values().map(|(_, $plain)| $value).collect::<Vec<_>>()
            };
        }
        macro_rules! checked {
            ($plain:ident => $value:expr) => {
                self.0.values().map(|(_, $plain)| $value).collect::<Result<Vec<_>>>()?
            };
        }
        let fences = self.0.values().map(|(settlement, _)| fence(settlement.fence));
        let unknown_ago = self
            .0
            .values()
            .map(|(settlement, plain)| plain.state.unknown_at.map(|_| millis(settlement.took)));
        let query = sqlx::query(SETTLE)
            .bind(now)
            .bind(self.0.keys().copied().map(uuid).collect::<Vec<_>>())
            .bind(fences.collect::<Result<Vec<_>>>()?)
            .bind(column!(p => i16::from(p.state.status.number())))
            .bind(column!(p => p.due_at()))
            .bind(checked!(p => attempts(p.uncounted_attempts())))
            .bind(column!(p => name_some(p.state.provider.as_deref())))
            .bind(column!(p => name_some(p.state.provider_id.as_deref())))
            .bind(column!(p => p.state.code))
            .bind(column!(p => clean_some(p.state.reason.as_deref())))
            .bind(column!(p => p.state.poll_at))
            .bind(unknown_ago.collect::<Vec<_>>())
            .bind(checked!(p => details(&p.event.details)));
        Ok(query)
    }

    /// The answer to a settlement of this batch that was written.
    fn settled(&self, settlement: &Settlement) -> Result<Settled> {
        let (_, plain) = self.0.get(&settlement.id).ok_or_else(|| undecodable("settlement"))?;
        Ok(Settled::Now(plain.state.status))
    }
}

fn fence(fence: u32) -> Result<i32> {
    i32::try_from(fence).map_err(|_| too_large("fence"))
}

/// Settles any batch: also resends, repeats, late outcomes, acceptances in parts, and those that
/// receipts wait for.
async fn settle_any(
    transaction: &mut Transaction,
    settlements: &[&Settlement],
) -> Result<Vec<Settled>> {
    let mut ledger =
        ledger::load(transaction, settlements.iter().map(|settlement| &settlement.id)).await?;
    let awaited = awaited(transaction, settlements).await?;
    let mut answers = Vec::with_capacity(settlements.len());
    for (place, settlement) in settlements.iter().enumerate() {
        let is_in_log =
            ledger.needs_history(settlement) && is_in_log(transaction, settlement).await?;
        let settled = ledger.settle(settlement, is_in_log);
        if awaited.contains(&place) && matches!(settled, Settled::Now(_) | Settled::Late(_)) {
            join_accepted(transaction, &mut ledger, settlement).await?;
        }
        answers.push(ledger.settled(settled, settlement.id));
    }
    ledger::write(transaction, ledger).await?;
    Ok(answers)
}

/// The places of those names for which receipts wait. Lists: $1 place, $2 provider, $3 provider id.
pub(crate) const AWAITED: &str = "\
    SELECT a.n FROM unnest($1::bigint[], $2::text[], $3::text[]) AS a (n, provider, provider_id) \
    WHERE EXISTS (SELECT FROM parked AS p WHERE p.provider_id = a.provider_id \
    AND p.provider = a.provider)";

/// The places of those settlements that receipts wait for.
async fn awaited(
    transaction: &mut Transaction,
    settlements: &[&Settlement],
) -> Result<HashSet<usize>> {
    let (mut places, mut providers, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for (place, settlement) in settlements.iter().enumerate() {
        for id in accepted_ids(settlement) {
            places.push(rows(place));
            providers.push(name(&settlement.provider));
            ids.push(name(id));
        }
    }
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let query = sqlx::query(AWAITED).bind(places).bind(providers).bind(ids);
    let found = transaction.rows(query).await?;
    found.iter().map(|row| Columns::new(row).large("place")).collect()
}

/// Applies the receipts that waited for the ids of an acceptance.
async fn join_accepted(
    transaction: &mut Transaction,
    ledger: &mut Ledger,
    settlement: &Settlement,
) -> Result<()> {
    for provider_id in accepted_ids(settlement) {
        join_parked(transaction, ledger, settlement.id, &settlement.provider, provider_id).await?;
    }
    Ok(())
}

/// True if the event log has an outcome of this attempt and class. $1 id, $2 attempt, $3 class.
pub(crate) const KNOWN: &str = "\
    SELECT EXISTS (SELECT FROM events WHERE message_id = $1 \
    AND (details::json ->> 'attempt')::bigint = $2 AND details::json ->> 'outcome' = $3)";

/// True if the event log has an outcome of this attempt and class.
async fn is_in_log(transaction: &mut Transaction, settlement: &Settlement) -> Result<bool> {
    let query = sqlx::query(KNOWN)
        .bind(uuid(settlement.id))
        .bind(i64::from(settlement.fence))
        .bind(settlement.outcome.class.as_str());
    transaction.is_true(query).await
}
