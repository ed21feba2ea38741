//! `sent → delivered | undelivered`.

use rusqlite::{Connection, params};
use sms_core::clock::datetime_to_ms;
use sms_core::store::ReceiptEffect;
use sms_core::store::ledger::Ledger;
use sms_core::{MessageId, Money, Receipt, Result};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql::ledger::{self, ledger_columns};
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

/// Loads a row by provider id; of two messages with one id the one that was sent last. ?1 provider
/// id, ?2 provider.
pub(crate) const LOAD_BY_PROVIDER_ID: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM messages AS m WHERE m.provider_id = ?1 AND m.provider = ?2 \
     AND m.provider_id IS NOT NULL \
     ORDER BY m.sent_at DESC LIMIT 1"
);

/// Loads a row by alias. ?1 provider id, ?2 provider.
pub(crate) const LOAD_BY_ALIAS: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM aliases AS a CROSS JOIN messages AS m ON m.id = a.message_id \
     WHERE a.provider_id = ?1 AND a.provider = ?2"
);

/// Loads the message of a receipt. A message's own id comes before an alias.
fn find(conn: &Connection, ledger: &mut Ledger, receipt: &Receipt) -> DbResult<Option<MessageId>> {
    let name = params![receipt.provider_id, receipt.provider];
    for load in [LOAD_BY_PROVIDER_ID, LOAD_BY_ALIAS] {
        if let [id] = ledger::load(ledger, conn, load, name)?[..] {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Keeps a receipt until its provider id is known. ?1 now, ?2 provider, ?3 provider id, ?4 state,
/// ?5 code, ?6 text, ?7 at, ?8 cost, ?9 cost later.
pub(crate) const PARK: &str = "\
    INSERT OR IGNORE INTO parked \
        (parked_at, provider, provider_id, state, code, text, at, cost, cost_later) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Keeps a receipt until its provider id is known.
fn park(conn: &Connection, now: i64, receipt: &Receipt) -> DbResult<ReceiptEffect> {
    conn.prepare_cached(PARK)?.execute(params![
        now,
        receipt.provider,
        receipt.provider_id,
        receipt.state.as_str(),
        receipt.code,
        receipt.text,
        receipt.at.map(datetime_to_ms),
        receipt.cost.map(Money::micros),
        receipt.cost_later,
    ])?;
    Ok(ReceiptEffect::Parked)
}

/// Takes the receipts that wait for a provider id. ?1 provider id, ?2 provider.
pub(crate) const UNPARK: &str = "\
    DELETE FROM parked WHERE provider_id = ?1 AND provider = ?2 RETURNING seq, state, code, text, \
    at, cost, cost_later";

/// Applies the receipts that waited for a provider id to its message.
pub(crate) fn join_parked(
    conn: &Connection,
    ledger: &mut Ledger,
    id: MessageId,
    provider: &str,
    provider_id: &str,
) -> DbResult<()> {
    let mut unpark = conn.prepare_cached(UNPARK)?;
    let rows = unpark.query_and_then(params![provider_id, provider], |row| {
        let mut columns = Columns::new(row);
        let seq: i64 = columns.take()?;
        DbResult::Ok((seq, columns.receipt(provider, provider_id)?))
    })?;
    let mut parked = rows.collect::<DbResult<Vec<_>>>()?;
    // In the order in which they came, which `RETURNING` does not guarantee.
    parked.sort_by_key(|(seq, _)| *seq);
    for (_, receipt) in parked {
        ledger.receive(id, &receipt);
    }
    Ok(())
}
