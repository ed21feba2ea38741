//! `sent → delivered | undelivered`.

use std::collections::HashMap;

use sms_core::clock::datetime_to_ms;
use sms_core::store::ReceiptEffect;
use sms_core::store::ledger::Ledger;
use sms_core::{MessageId, Receipt, Result};

use crate::database::Database;
use crate::sql;
use crate::sql::args::{clean_some, name, names};
use crate::sql::ledger;
use crate::sql::row::Columns;
use crate::transaction::Transaction;

pub(crate) async fn apply(database: &Database, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let mut transaction = database.begin_transaction().await?;
    let effects = apply_all(&mut transaction, receipts).await?;
    transaction.commit().await?;
    Ok(effects)
}

async fn apply_all(
    transaction: &mut Transaction,
    receipts: &[Receipt],
) -> Result<Vec<ReceiptEffect>> {
    let found = find(transaction, receipts).await?;
    let mut ledger = ledger::load(transaction, found.values()).await?;
    let (mut effects, mut unknown) = (Vec::with_capacity(receipts.len()), Vec::new());
    for (place, receipt) in receipts.iter().enumerate() {
        // A message that was purged in the meantime is not in the ledger, which answers the same.
        let effect =
            found.get(&place).map_or(ReceiptEffect::Parked, |id| ledger.receive(*id, receipt));
        if effect == ReceiptEffect::Parked {
            unknown.push(receipt);
        }
        effects.push(effect);
    }
    park(transaction, &unknown).await?;
    ledger::write(transaction, ledger).await?;
    Ok(effects)
}

/// The messages of receipts, by the receipt's place in the list.
async fn find(
    transaction: &mut Transaction,
    receipts: &[Receipt],
) -> Result<HashMap<usize, MessageId>> {
    let (providers, ids) = names(receipts);
    let found = transaction.rows(sqlx::query(sql::FIND).bind(providers).bind(ids)).await?;
    let place = |row| {
        let mut columns = Columns::new(row);
        // Counted from 1. What goes before comes last.
        Ok((columns.large::<usize>("place")? - 1, columns.id()?))
    };
    found.iter().map(place).collect()
}

/// Keeps receipts until their provider ids are known.
async fn park(transaction: &mut Transaction, receipts: &[&Receipt]) -> Result<()> {
    if receipts.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        ($receipt:ident => $value:expr) => {
            receipts.iter().map(|$receipt| $value).collect::<Vec<_>>()
        };
    }
    let query = sqlx::query(sql::PARK)
        .bind(transaction.now())
        .bind(column!(r => name(&r.provider)))
        .bind(column!(r => name(&r.provider_id)))
        .bind(column!(r => i16::from(r.state.number())))
        .bind(column!(r => r.code))
        .bind(column!(r => clean_some(r.text.as_deref())))
        .bind(column!(r => r.at.map(datetime_to_ms)));
    transaction.rows(query).await.map(drop)
}

/// Applies the receipts that waited for a provider id to its message.
pub(crate) async fn join_parked(
    transaction: &mut Transaction,
    ledger: &mut Ledger,
    id: MessageId,
    provider: &str,
    provider_id: &str,
) -> Result<()> {
    let rows = transaction.rows(sqlx::query(sql::UNPARK).bind(provider_id).bind(provider)).await?;
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
