//! `sent → delivered | undelivered`.

use rusqlite::{Connection, params};
use sms_core::clock::datetime_to_ms;
use sms_core::store::ReceiptEffect;
use sms_core::store::ledger::Ledger;
use sms_core::{MessageId, Receipt, Result};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql;
use crate::sql::ledger;
use crate::sql::row::Columns;

pub(crate) async fn apply(database: &Database, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let receipts = receipts.to_vec();
    database.write(move |conn, now| apply_all(conn, now, &receipts)).await
}

fn apply_all(conn: &Connection, now: i64, receipts: &[Receipt]) -> DbResult<Vec<ReceiptEffect>> {
    let mut ledger = Ledger::new(now);
    let mut effects = Vec::with_capacity(receipts.len());
    for receipt in receipts {
        effects.push(match find(conn, &mut ledger, receipt)? {
            Some(id) => ledger.receive(id, receipt),
            None => park(conn, now, receipt)?,
        });
    }
    ledger::write(conn, ledger.into_changes())?;
    Ok(effects)
}

/// Loads the message of a receipt. A message's own id comes before an alias.
fn find(conn: &Connection, ledger: &mut Ledger, receipt: &Receipt) -> DbResult<Option<MessageId>> {
    let name = params![receipt.provider_id, receipt.provider];
    for load in [sql::LOAD_BY_PROVIDER_ID, sql::LOAD_BY_ALIAS] {
        if let [id] = ledger::load(ledger, conn, load, name)?[..] {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Keeps a receipt until its provider id is known.
fn park(conn: &Connection, now: i64, receipt: &Receipt) -> DbResult<ReceiptEffect> {
    conn.prepare_cached(sql::PARK)?.execute(params![
        now,
        receipt.provider,
        receipt.provider_id,
        receipt.state.as_str(),
        receipt.code,
        receipt.text,
        receipt.at.map(datetime_to_ms),
    ])?;
    Ok(ReceiptEffect::Parked)
}

/// Applies the receipts that waited for a provider id to its message.
pub(crate) fn join_parked(
    conn: &Connection,
    ledger: &mut Ledger,
    id: MessageId,
    provider: &str,
    provider_id: &str,
) -> DbResult<()> {
    let mut unpark = conn.prepare_cached(sql::UNPARK)?;
    let rows = unpark.query_and_then(params![provider_id, provider], |row| {
        let mut columns = Columns::new(row);
        let seq: i64 = columns.take()?;
        DbResult::Ok((seq, columns.receipt(provider, provider_id)?))
    })?;
    let mut parked = rows.collect::<DbResult<Vec<_>>>()?;
    // In the order they came, which `RETURNING` does not promise.
    parked.sort_by_key(|(seq, _)| *seq);
    for (_, receipt) in parked {
        ledger.receive(id, &receipt);
    }
    Ok(())
}
