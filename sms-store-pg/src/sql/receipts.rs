//! `sent → delivered | undelivered`.

use std::collections::HashMap;

use sms_core::clock::datetime_to_ms;
use sms_core::store::ReceiptEffect;
use sms_core::store::ledger::Ledger;
use sms_core::{MessageId, Money, Receipt, Result};

use crate::database::Database;
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

/// The messages with these provider ids: the place in the list, and the message. A place may come
/// several times; its last row counts. A message's own id takes precedence over an alias, and of
/// two messages with one id the one that was sent last. $1 providers, $2 provider ids.
pub(crate) const FIND: &str = "\
    SELECT a.n, f.id FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (provider, \
    provider_id, n) \
    CROSS JOIN LATERAL ( \
        SELECT s.id, 1 AS rank, s.sent_at FROM states AS s \
        WHERE s.provider_id = a.provider_id AND s.provider = a.provider \
        UNION ALL \
        SELECT s.id, 0, s.sent_at FROM ( \
            SELECT l.message_id FROM aliases AS l \
            WHERE l.provider_id = a.provider_id AND l.provider = a.provider OFFSET 0) AS l \
        JOIN states AS s ON s.id = l.message_id \
        OFFSET 0) AS f \
    ORDER BY f.rank, f.sent_at";

/// The messages of receipts, by the place of the receipt in the list.
async fn find(
    transaction: &mut Transaction,
    receipts: &[Receipt],
) -> Result<HashMap<usize, MessageId>> {
    let (providers, ids) = names(receipts);
    let found = transaction.rows(sqlx::query(FIND).bind(providers).bind(ids)).await?;
    let place = |row| {
        let mut columns = Columns::new(row);
        // Counted from 1. Of several rows for one place the last one counts.
        Ok((columns.large::<usize>("place")? - 1, columns.id()?))
    };
    found.iter().map(place).collect()
}

/// Keeps receipts until their provider ids are known. $1 the time, then lists: $2 provider, $3
/// provider id, $4 state, $5 code, $6 text, $7 when it was made, $8 cost, $9 cost later. Inserts in
/// the order of the ids, so that two calls never wait for each other.
pub(crate) const PARK: &str = "\
    INSERT INTO parked (parked_at, provider, provider_id, state, code, text, at, cost, \
        cost_later) \
    SELECT $1, provider, provider_id, state, code, text, at, cost, cost_later \
    FROM unnest($2::text[], $3::text[], $4::smallint[], $5::integer[], $6::text[], $7::bigint[], \
        $8::bigint[], $9::boolean[]) \
    WITH ORDINALITY AS a (provider, provider_id, state, code, text, at, cost, cost_later, n) \
    ORDER BY provider_id, provider, n \
    ON CONFLICT DO NOTHING";

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
    let query = sqlx::query(PARK)
        .bind(transaction.now())
        .bind(column!(r => name(&r.provider)))
        .bind(column!(r => name(&r.provider_id)))
        .bind(column!(r => i16::from(r.state.number())))
        .bind(column!(r => r.code))
        .bind(column!(r => clean_some(r.text.as_deref())))
        .bind(column!(r => r.at.map(datetime_to_ms)))
        .bind(column!(r => r.cost.map(Money::micros)))
        .bind(column!(r => r.cost_later));
    transaction.rows(query).await.map(drop)
}

/// Takes the receipts that wait for a provider id. $1 provider id, $2 provider.
pub(crate) const UNPARK: &str = "\
    DELETE FROM parked WHERE provider_id = $1 AND provider = $2 RETURNING seq, state, code, text, \
    at, cost, cost_later";

/// Applies the receipts that waited for a provider id to its message.
pub(crate) async fn join_parked(
    transaction: &mut Transaction,
    ledger: &mut Ledger,
    id: MessageId,
    provider: &str,
    provider_id: &str,
) -> Result<()> {
    let unpark = sqlx::query(UNPARK).bind(name(provider_id)).bind(name(provider));
    let rows = transaction.rows(unpark).await?;
    let read = |row| {
        let mut columns = Columns::new(row);
        let seq: i64 = columns.take()?;
        Ok((seq, columns.receipt(provider, provider_id)?))
    };
    let mut parked = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
    // In the order in which they came, which `RETURNING` does not guarantee.
    parked.sort_by_key(|(seq, _)| *seq);
    for (_, receipt) in parked {
        ledger.receive(id, &receipt);
    }
    Ok(())
}
