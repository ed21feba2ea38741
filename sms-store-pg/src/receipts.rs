//! `sent → delivered | undelivered`.

use std::collections::HashMap;

use sms_core::clock::datetime_to_ms;
use sms_core::store::ReceiptEffect;
use sms_core::{MessageId, Receipt, Result};

use crate::args::{clean_some, name, names};
use crate::ledger::{Ledger, Together};
use crate::row::{Columns, Numbered as _};
use crate::sql;
use crate::store::PgStore;

pub(crate) async fn apply(store: &PgStore, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let mut together = store.together().await?;
    let effects = apply_all(&mut together, receipts).await?;
    together.commit().await?;
    Ok(effects)
}

async fn apply_all(together: &mut Together, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
    let found = find(together, receipts).await?;
    let mut ledger = Ledger::load(together, found.values()).await?;
    let (mut effects, mut unknown) = (Vec::with_capacity(receipts.len()), Vec::new());
    for (place, receipt) in receipts.iter().enumerate() {
        // One that has been purged in between is as unknown as one that never was.
        let known = found.get(&place).filter(|id| ledger.row(**id).is_some());
        effects.push(if let Some(id) = known {
            ledger.receive(*id, receipt)
        } else {
            unknown.push(receipt);
            ReceiptEffect::Parked
        });
    }
    park(together, &unknown).await?;
    ledger.write(together).await?;
    Ok(effects)
}

/// The messages of receipts, by the receipt's place in the list.
async fn find(together: &mut Together, receipts: &[Receipt]) -> Result<HashMap<usize, MessageId>> {
    let (providers, ids) = names(receipts);
    let found = together.rows(sqlx::query(sql::FIND).bind(providers).bind(ids)).await?;
    let place = |row| {
        let mut columns = Columns::new(row);
        // Counted from 1. What goes before comes last.
        Ok((columns.large::<usize>("place")? - 1, columns.id()?))
    };
    found.iter().map(place).collect()
}

/// Keeps receipts until their provider ids are known.
async fn park(together: &mut Together, receipts: &[&Receipt]) -> Result<()> {
    if receipts.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        ($receipt:ident => $value:expr) => {
            receipts.iter().map(|$receipt| $value).collect::<Vec<_>>()
        };
    }
    let query = sqlx::query(sql::PARK)
        .bind(together.now())
        .bind(column!(r => name(&r.provider)))
        .bind(column!(r => name(&r.provider_id)))
        .bind(column!(r => r.state.number()))
        .bind(column!(r => r.code))
        .bind(column!(r => clean_some(r.text.as_deref())))
        .bind(column!(r => r.at.map(datetime_to_ms)));
    together.rows(query).await.map(drop)
}

/// Applies the receipts that waited for a provider id to its message.
pub(crate) async fn join_parked(
    together: &mut Together,
    ledger: &mut Ledger,
    id: MessageId,
    provider: &str,
    provider_id: &str,
) -> Result<()> {
    let rows = together.rows(sqlx::query(sql::UNPARK).bind(provider_id).bind(provider)).await?;
    let read = |row| {
        let mut columns = Columns::new(row);
        let seq: i64 = columns.take()?;
        Ok((seq, columns.receipt(provider, provider_id)?))
    };
    let mut parked = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
    // In the order they came, which `RETURNING` does not promise.
    parked.sort_by_key(|(seq, _)| *seq);
    for (_, receipt) in parked {
        ledger.receive(id, &receipt);
    }
    Ok(())
}
