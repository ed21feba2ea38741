//! `sending → sent | queued | failed | unknown`, and late outcomes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use sms_core::store::decision::Verdict;
use sms_core::store::transition::{NewEvent, Standing};
use sms_core::store::{Settled, Settlement};
use sms_core::{MessageId, OnUnknown, OutcomeClass, Result, Status};

use crate::args::{clean_some, millis, name, name_some, uuid};
use crate::error::undecodable;
use crate::ledger::{Ledger, LedgerRow, Together, attempts, details, fence};
use crate::pool::Query;
use crate::receipts::join_parked;
use crate::row::{self, Columns};
use crate::sql;
use crate::store::PgStore;

pub(crate) async fn settle(store: &PgStore, settlements: &[Settlement]) -> Result<Vec<Settled>> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    let mut now = HashSet::new();
    if let Some(batch) = PlainBatch::new(settlements) {
        now = row::ids(&store.rows(batch.query(store.now())?).await?)?.into_iter().collect();
        if now.len() == settlements.len() {
            return Ok(batch.settled(settlements));
        }
    }
    // All of them, as a rule; or those that somebody else has changed while the statement above was
    // running.
    let others: Vec<&Settlement> =
        settlements.iter().filter(|settlement| !now.contains(&settlement.id)).collect();
    let mut together = store.together().await?;
    let settled = settle_any(&mut together, &others).await?;
    together.commit().await?;
    let mut settled = settled.into_iter();
    let answer = |settlement: &Settlement| match Plain::new(settlement)
        .filter(|_| now.contains(&settlement.id))
    {
        Some(plain) => Ok(Settled::Now(plain.standing.status)),
        None => settled.next().ok_or_else(|| undecodable("settlement")),
    };
    settlements.iter().map(answer).collect()
}

/// What nearly every batch is: outcomes of their owners, for which no receipts are waiting. By id.
struct PlainBatch<'a>(BTreeMap<MessageId, Plain<'a>>);

impl<'a> PlainBatch<'a> {
    /// `None` for a batch that is something else.
    fn new(settlements: &'a [Settlement]) -> Option<Self> {
        let plain =
            settlements.iter().map(|settlement| Some((settlement.id, Plain::new(settlement)?)));
        let plain = plain.collect::<Option<BTreeMap<_, _>>>()?;
        (plain.len() == settlements.len()).then_some(Self(plain))
    }

    /// [`sql::SETTLE`].
    fn query(&self, now: i64) -> Result<Query<'static>> {
        macro_rules! column {
            ($plain:ident => $value:expr) => {
                self.0.values().map(|$plain| $value).collect::<Vec<_>>()
            };
        }
        macro_rules! checked {
            ($plain:ident => $value:expr) => {
                self.0.values().map(|$plain| $value).collect::<Result<Vec<_>>>()?
            };
        }
        let query = sqlx::query(sql::SETTLE)
            .bind(now)
            .bind(column!(p => uuid(p.settlement.id)))
            .bind(checked!(p => fence(p.settlement.fence)))
            .bind(column!(p => i16::from(p.standing.status.number())))
            .bind(column!(p => (p.standing.status == Status::Queued).then_some(p.standing.due_at)))
            .bind(checked!(p => attempts(ANY_STANDING.attempts - p.standing.attempts)))
            .bind(column!(p => name_some(p.standing.provider.as_deref())))
            .bind(column!(p => name_some(p.standing.provider_id.as_deref())))
            .bind(column!(p => p.standing.code))
            .bind(column!(p => clean_some(p.standing.reason.as_deref())))
            .bind(column!(p => p.standing.poll_at))
            .bind(column!(p => p.standing.unknown_at.map(|at| -at)))
            .bind(checked!(p => details(&p.event.1)));
        Ok(query)
    }

    fn settled(&self, settlements: &[Settlement]) -> Vec<Settled> {
        let status =
            |settlement: &Settlement| self.0.get(&settlement.id).map(|plain| plain.standing.status);
        settlements.iter().filter_map(status).map(Settled::Now).collect()
    }
}

/// What a settlement by the owner writes, where that depends on nothing but the guard; times count
/// from now.
struct Plain<'a> {
    settlement: &'a Settlement,
    standing: Standing,
    event: NewEvent,
}

impl<'a> Plain<'a> {
    /// `None` for a resend, which looks at the deadline, and for a verdict that contradicts its
    /// outcome.
    fn new(settlement: &'a Settlement) -> Option<Self> {
        let accepted = settlement.outcome.class == OutcomeClass::Accepted;
        let sent = settlement.verdict == Verdict::Sent;
        if accepted != sent
            || matches!(settlement.verdict, Verdict::Resend { .. } | Verdict::SentBefore)
        {
            return None;
        }
        let mut standing = ANY_STANDING;
        let event = standing.settle(0, settlement)?;
        standing.unknown_at = standing.unknown_at.map(|_| -millis(settlement.took));
        Some(Self { settlement, standing, event })
    }
}

/// Stands for every message that is being sent and has not been accepted: for a [`Plain`]
/// settlement it makes no difference which one it is.
pub(crate) const ANY_STANDING: Standing = Standing {
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

fn accepted_id(Settlement { outcome, .. }: &Settlement) -> Option<Cow<'_, str>> {
    name_some(outcome.provider_id.as_deref().filter(|_| outcome.class == OutcomeClass::Accepted))
}

/// For which of these receipts wait, by their places.
async fn awaited(together: &mut Together, settlements: &[&Settlement]) -> Result<HashSet<usize>> {
    let providers: Vec<_> =
        settlements.iter().map(|settlement| name(&settlement.provider)).collect();
    let ids: Vec<_> = settlements.iter().map(|settlement| accepted_id(settlement)).collect();
    let found = together.rows(sqlx::query(sql::AWAITED).bind(providers).bind(ids)).await?;
    // Counted from 1.
    found.iter().map(|row| Ok(Columns::new(row).large::<usize>("place")? - 1)).collect()
}

/// Any batch: also resends, repeats, late outcomes, and receipts that were waiting.
async fn settle_any(together: &mut Together, settlements: &[&Settlement]) -> Result<Vec<Settled>> {
    let mut ledger =
        Ledger::load(together, settlements.iter().map(|settlement| &settlement.id)).await?;
    let awaited = awaited(together, settlements).await?;
    let mut answers = Vec::with_capacity(settlements.len());
    for (place, settlement) in settlements.iter().enumerate() {
        let settled = settle_one(together, &mut ledger, settlement).await?;
        answers.push(match settled {
            Settled::Now(status) | Settled::Late(status) => {
                add_alias(together, &ledger, settlement).await?;
                if awaited.contains(&place)
                    && let Some(provider_id) = accepted_id(settlement)
                {
                    let provider = name(&settlement.provider);
                    join_parked(together, &mut ledger, settlement.id, &provider, &provider_id)
                        .await?;
                }
                let joined = ledger.row(settlement.id).map_or(status, |row| row.standing.status);
                if matches!(settled, Settled::Now(_)) {
                    Settled::Now(joined)
                } else {
                    Settled::Late(joined)
                }
            }
            Settled::Known(_) | Settled::Gone => settled,
        });
    }
    ledger.write(together).await?;
    Ok(answers)
}

async fn settle_one(
    together: &mut Together,
    ledger: &mut Ledger,
    settlement: &Settlement,
) -> Result<Settled> {
    let Some(LedgerRow { standing, .. }) = ledger.row(settlement.id) else {
        return Ok(Settled::Gone);
    };
    let (status, owned) = (standing.status, standing.is_owned_by(settlement));
    // The outcome of an owner cannot be known: recording it ends the ownership.
    if !owned && (ledger.has_outcome(settlement) || is_known(together, settlement).await?) {
        return Ok(Settled::Known(status));
    }
    let after = if owned { ledger.settle(settlement) } else { ledger.settle_late(settlement) };
    Ok(match after {
        Some(status) if owned => Settled::Now(status),
        // Also where the change is impossible: the message stays as it was.
        after => Settled::Late(after.unwrap_or(status)),
    })
}

/// Whether an outcome of this attempt and class is on record.
async fn is_known(together: &mut Together, settlement: &Settlement) -> Result<bool> {
    let known = sqlx::query(sql::KNOWN)
        .bind(uuid(settlement.id))
        .bind(i64::from(settlement.fence))
        .bind(settlement.outcome.class.as_str());
    together.is_so(known).await
}

/// Notes the provider id of an acceptance, where it did not become the message's own: receipts may
/// bear it.
async fn add_alias(
    together: &mut Together,
    ledger: &Ledger,
    settlement: &Settlement,
) -> Result<()> {
    let (Some(id), Some(row)) = (accepted_id(settlement), ledger.row(settlement.id)) else {
        return Ok(());
    };
    let (provider, own_id) =
        (row.standing.provider.as_deref(), row.standing.provider_id.as_deref());
    if (name_some(provider), name_some(own_id))
        != (Some(name(&settlement.provider)), Some(id.clone()))
    {
        let alias = sqlx::query(sql::ADD_ALIAS).bind(id).bind(name(&settlement.provider));
        together.rows(alias.bind(uuid(settlement.id))).await?;
    }
    Ok(())
}
