//! `sent → delivered | undelivered`.

use std::collections::HashMap;

use sms_core::clock::datetime_to_ms;
use sms_core::receipt::ReceiptEffect;
use sms_core::{MessageId, Receipt, Result};
use sqlx::{Row as _, SqliteConnection};

use crate::error::{from_sqlx, undecodable};
use crate::ledger::Ledger;
use crate::row::{Columns, receipt_state_name};
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn apply(store: &SqliteStore, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let receipts = receipts.to_vec();
    store.write(move |conn, now| Box::pin(async move { apply_all(conn, now, &receipts).await })).await
}

async fn apply_all(
    conn: &mut SqliteConnection,
    now: i64,
    receipts: &[Receipt],
) -> Result<Vec<ReceiptEffect>> {
    let mut ledger = Ledger::new(now);
    let found = find(conn, &mut ledger, receipts).await?;
    let mut effects = Vec::with_capacity(receipts.len());
    for (index, receipt) in receipts.iter().enumerate() {
        effects.push(match found.get(&index) {
            Some(id) => ledger.receive(*id, receipt),
            None => park(conn, now, receipt).await?,
        });
    }
    ledger.write(conn).await?;
    Ok(effects)
}

/// Takes the messages of receipts in hand: for each receipt's place in the list, its message.
async fn find(
    conn: &mut SqliteConnection,
    ledger: &mut Ledger,
    receipts: &[Receipt],
) -> Result<HashMap<usize, MessageId>> {
    let names: Vec<_> = receipts.iter().map(|receipt| (&receipt.provider, &receipt.provider_id)).collect();
    let names = serde_json::to_string(&names).map_err(|_| undecodable("provider id"))?;
    let mut found = HashMap::with_capacity(receipts.len());
    // A message's own id goes before an alias, so it comes last.
    for load in [sql::LOAD_BY_ALIAS, sql::LOAD_BY_PROVIDER_ID] {
        let rows = sqlx::query(load).bind(names.clone()).fetch_all(&mut *conn).await.map_err(from_sqlx)?;
        for (id, row) in ledger.take(&rows)?.into_iter().zip(&rows) {
            let place: i64 = row.try_get(sql::PLACE).map_err(from_sqlx)?;
            found.insert(usize::try_from(place).map_err(|_| undecodable("place"))?, id);
        }
    }
    Ok(found)
}

/// Keeps a receipt until its provider id is known.
async fn park(conn: &mut SqliteConnection, now: i64, receipt: &Receipt) -> Result<ReceiptEffect> {
    let park = sqlx::query(sql::PARK)
        .bind(now)
        .bind(receipt.provider.clone())
        .bind(receipt.provider_id.clone())
        .bind(receipt_state_name(receipt.state))
        .bind(receipt.code)
        .bind(receipt.text.clone())
        .bind(receipt.at.map(datetime_to_ms));
    park.execute(conn).await.map_err(from_sqlx)?;
    Ok(ReceiptEffect::Parked)
}

/// Applies the receipts that waited for a provider id to its message.
pub(crate) async fn join_parked(
    conn: &mut SqliteConnection,
    ledger: &mut Ledger,
    id: MessageId,
    provider: &str,
    provider_id: &str,
) -> Result<()> {
    let unpark = sqlx::query(sql::UNPARK).bind(provider_id.to_owned()).bind(provider.to_owned());
    let rows = unpark.fetch_all(conn).await.map_err(from_sqlx)?;
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
