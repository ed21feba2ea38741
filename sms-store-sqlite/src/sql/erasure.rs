//! Erasure of messages and numbers: see [`Erasure`](sms_core::Erasure).

use rusqlite::{Connection, params};
use sms_core::clock::duration_to_ms;
use sms_core::erasure::{
    EraseMessages, EraseNumber, ErasedNumber, MAX_REMAINING, RemoveTexts, RemovedTexts, ending,
    needs_recipient,
};
use sms_core::store::BulkResult;
use sms_core::{MessageId, NumberReader, PhoneNumber, Result};

use crate::database::Database;
use crate::error::{DbResult, undecodable};
use crate::sql::args::rows;
use crate::sql::row::Columns;

/// The owner and the status of a message. ?1 id.
pub(crate) const STATUS: &str = "SELECT owner, status FROM messages WHERE id = ?1";

/// Erases a message, guard: it needs its recipient no more. ?1 id, ?2 the number in place of its
/// own.
pub(crate) const ERASE: &str = "\
    UPDATE messages SET to_number = ?2, text = '', reference = NULL, metadata = NULL, \
    options = NULL, key = NULL, fingerprint = NULL, reason = NULL, \
    resend = CASE WHEN resend IS NOT NULL THEN json_set(resend, '$.reason', '') END \
    WHERE id = ?1 AND +status NOT IN (0, 1, 6)";

/// Removes the texts of the events of a message. ?1 id.
pub(crate) const ERASE_EVENTS: &str = "\
    UPDATE events SET details = json_remove(details, '$.text') \
    WHERE message_id = ?1 AND details ->> '$.text' IS NOT NULL";

pub(crate) async fn erase(database: &Database, request: EraseMessages) -> Result<Vec<BulkResult>> {
    let erase = move |conn: &Connection, _| {
        let mut status = conn.prepare_cached(STATUS)?;
        let mut results = Vec::with_capacity(request.ids.len());
        for id in &request.ids {
            let found = status.query_and_then([id.as_bytes()], |row| {
                let mut columns = Columns::new(row);
                DbResult::Ok((columns.take::<Option<String>>()?, columns.status()?))
            })?;
            let found = found.collect::<DbResult<Vec<_>>>()?.pop();
            results.push(match found {
                Some((owner, status)) if request.scope.admits(owner.as_deref()) => {
                    if needs_recipient(status) {
                        BulkResult::Refused(status)
                    } else {
                        erase_one(conn, *id)?;
                        BulkResult::Done(status)
                    }
                }
                _ => BulkResult::Gone,
            });
        }
        Ok(results)
    };
    database.write(erase).await
}

/// Erases a message. Returns false if it still needs its recipient.
fn erase_one(conn: &Connection, id: MessageId) -> DbResult<bool> {
    let mut erase = conn.prepare_cached(ERASE)?;
    let is_erased = erase.execute(params![id.as_bytes(), stored(PhoneNumber::ERASED)?])? > 0;
    if is_erased {
        conn.prepare_cached(ERASE_EVENTS)?.execute([id.as_bytes()])?;
    }
    Ok(is_erased)
}

/// Messages of a number that need it no more. ?1 number, ?2 limit.
pub(crate) const OF_NUMBER: &str = "\
    SELECT id FROM messages WHERE to_number = ?1 AND +status NOT IN (0, 1, 6) ORDER BY id LIMIT ?2";

/// The number of messages of a number. ?1 number, ?2 limit.
pub(crate) const REMAINING: &str =
    "SELECT count(*) FROM (SELECT 1 FROM messages WHERE to_number = ?1 LIMIT ?2)";

/// Removes receipts of no known message. ?1 digits in their texts.
pub(crate) const ERASE_PARKED: &str = "DELETE FROM parked WHERE instr(text, ?1) > 0";

/// A column without the characters of [`SEPARATORS`](sms_core::erasure::SEPARATORS).
macro_rules! joined {
    ($column:literal) => {
        concat!(
            "replace(replace(replace(replace(replace(replace(replace(replace(",
            $column,
            ", ' ', ''), '-', ''), '.', ''), '(', ''), ')', ''), '\u{a0}', ''), '\u{2009}', ''), \
             '\u{202f}', '')"
        )
    };
}

/// Ended items with these digits. ?1 digits, ?2 limit, ?3 the last of the digits.
pub(crate) const ITEMS_WITH: &str = concat!(
    "SELECT list, number FROM work_items WHERE state <> 0 AND ( \
        instr(payload, ?3) > 0 AND instr(",
    joined!("payload"),
    ", ?1) > 0 OR instr(result, ?3) > 0 AND instr(",
    joined!("result"),
    ", ?1) > 0) LIMIT ?2"
);

/// Empties an ended item. ?1 list, ?2 number.
pub(crate) const EMPTY_ITEM: &str = "\
    UPDATE work_items SET payload = '', result = NULL \
    WHERE list = ?1 AND number = ?2 AND state <> 0";

pub(crate) async fn erase_number(
    database: &Database,
    request: EraseNumber,
    numbers: NumberReader,
) -> Result<ErasedNumber> {
    let (number, limit) = (request.number, request.limit);
    let digits = number.digits().to_string();
    let erase = move |conn: &Connection, _| erase_messages(conn, number, &digits, limit);
    let step = database.write(erase).await?;
    if step.has_more {
        return Ok(step);
    }
    // The search reads every item, so it does not hold the write lock.
    let digits = numbers.common_digits(number);
    let find = move |conn: &Connection| {
        let mut items = conn.prepare_cached(ITEMS_WITH)?;
        let found = items.query_map(params![digits, rows(limit), ending(&digits)], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })?;
        Ok(found.collect::<rusqlite::Result<Vec<_>>>()?)
    };
    let found = database.scan(find).await?;
    let has_more = found.len() == limit;
    let items = if found.is_empty() { 0 } else { empty_items(database, found).await? };
    Ok(ErasedNumber { items, has_more, ..step })
}

fn erase_messages(
    conn: &Connection,
    number: PhoneNumber,
    digits: &str,
    limit: usize,
) -> DbResult<ErasedNumber> {
    let mut erased = ErasedNumber::default();
    let mut of_number = conn.prepare_cached(OF_NUMBER)?;
    let ids = of_number
        .query_and_then(params![stored(number)?, rows(limit)], |row| Columns::new(row).id())?;
    for id in ids.collect::<DbResult<Vec<_>>>()? {
        erased.messages += usize::from(erase_one(conn, id)?);
    }
    erased.has_more = erased.messages == limit;
    if !erased.has_more {
        let mut remaining = conn.prepare_cached(REMAINING)?;
        let params = params![stored(number)?, rows(MAX_REMAINING)];
        erased.remaining = remaining
            .query_and_then(params, |row| Columns::new(row).number("count"))?
            .next()
            .transpose()?
            .unwrap_or_default();
        erased.receipts = conn.prepare_cached(ERASE_PARKED)?.execute([digits])?;
    }
    Ok(erased)
}

async fn empty_items(database: &Database, items: Vec<(String, i64)>) -> Result<usize> {
    let empty = move |conn: &Connection, _| {
        let mut empty = conn.prepare_cached(EMPTY_ITEM)?;
        let mut emptied = 0;
        for (list, number) in &items {
            emptied += empty.execute(params![list, number])?;
        }
        Ok(emptied)
    };
    database.write(empty).await
}

/// Messages after a position, in the order of their ids: id, time of acceptance, and whether it may
/// lose its text. ?1 position, ?2 limit, ?3 changed before.
pub(crate) const EXAMINED: &str = "\
    SELECT id, created_at, updated_at < ?3 AND +status NOT IN (0, 1, 6) AND text <> '' \
    FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2";

/// Removes a text, under the same guard. ?1 id, ?2 changed before.
pub(crate) const REMOVE_TEXT: &str = "\
    UPDATE messages SET text = '' \
    WHERE id = ?1 AND updated_at < ?2 AND +status NOT IN (0, 1, 6) AND text <> ''";

pub(crate) async fn remove_texts(
    database: &Database,
    request: RemoveTexts,
) -> Result<RemovedTexts> {
    let RemoveTexts { older_than, after, limit, .. } = request;
    let before = database.time().now_ms.saturating_sub(duration_to_ms(older_than));
    // Nearly all of them have lost theirs before, so they are read without the write lock.
    let examine = move |conn: &Connection| {
        let mut examined = conn.prepare_cached(EXAMINED)?;
        let first = after.map_or([0; 16], |id| *id.as_bytes());
        let found = examined.query_and_then(params![first, rows(limit), before], |row| {
            let mut columns = Columns::new(row);
            DbResult::Ok((columns.id()?, columns.take::<i64>()?, columns.take::<bool>()?))
        })?;
        found.collect::<DbResult<Vec<_>>>()
    };
    let examined = database.scan(examine).await?;
    let old = examined.iter().take_while(|(_, created_at, _)| *created_at < before);
    let old: Vec<_> = old.map(|(id, _, has_old_text)| (*id, *has_old_text)).collect();
    let ids: Vec<MessageId> =
        old.iter().filter(|(_, has_old_text)| *has_old_text).map(|(id, _)| *id).collect();
    let removed = if ids.is_empty() { 0 } else { remove(database, ids, before).await? };
    let position = old.last().map(|(id, _)| *id).or(after);
    Ok(RemovedTexts { removed, position, has_more: old.len() == limit })
}

async fn remove(database: &Database, ids: Vec<MessageId>, before: i64) -> Result<usize> {
    let remove = move |conn: &Connection, _| {
        let mut remove = conn.prepare_cached(REMOVE_TEXT)?;
        let mut removed = 0;
        for id in &ids {
            removed += remove.execute(params![id.as_bytes(), before])?;
        }
        Ok(removed)
    };
    database.write(remove).await
}

/// A number as the table has it.
fn stored(number: PhoneNumber) -> DbResult<i64> {
    Ok(i64::try_from(number.digits()).map_err(|_| undecodable("number"))?)
}
