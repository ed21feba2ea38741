//! Erasure of messages and numbers: see [`Erasure`](sms_core::Erasure).

use std::collections::HashMap;

use sms_core::erasure::{
    EraseMessages, EraseNumber, ErasedNumber, MAX_REMAINING, RemoveTexts, RemovedTexts, ending,
    needs_recipient,
};
use sms_core::store::BulkResult;
use sms_core::{MessageId, NumberReader, PhoneNumber, Result, Status};

use crate::database::Database;
use crate::error::{too_large, undecodable};
use crate::sql::args::{millis, rows, uuid, uuids};
use crate::sql::row::{self, Columns};

/// Owners and statuses of messages. $1 ids.
pub(crate) const STATUSES: &str = "\
    SELECT s.id, s.status, m.owner FROM states AS s JOIN messages AS m ON m.id = s.id \
    WHERE s.id = ANY ($1) AND m.id = ANY ($1)";

/// Erases messages, guard: they need their recipient no more. Returns their ids. The key `text` is
/// taken out of the JSON of events without a conversion to jsonb, which refuses some of it. $1 ids,
/// $2 the number in place of their own.
pub(crate) const ERASE: &str = "\
    WITH gone AS MATERIALIZED ( \
        SELECT id FROM states WHERE id = ANY ($1) AND status NOT IN (0, 1, 6) \
        ORDER BY id FOR UPDATE \
    ), ids AS MATERIALIZED (SELECT coalesce(array_agg(id), '{}') AS list FROM gone \
    ), m AS (UPDATE messages SET to_number = $2, text = '', reference = NULL, metadata = NULL, \
            options = NULL, key = NULL, fingerprint = NULL, \
            resend = CASE WHEN resend IS NOT NULL THEN json_build_object( \
                'of', resend::json -> 'of', 'reason', '', 'by', resend::json -> 'by')::text END \
        WHERE id = ANY ((SELECT list FROM ids)::uuid[]) \
    ), s AS (UPDATE states SET reason = NULL \
        WHERE id = ANY ((SELECT list FROM ids)::uuid[]) AND reason IS NOT NULL \
    ), e AS (UPDATE events SET details = coalesce((SELECT json_object_agg(key, value)::text \
            FROM json_each(details::json) WHERE key <> 'text'), '{}') \
        WHERE message_id = ANY ((SELECT list FROM ids)::uuid[]) \
          AND details::json -> 'text' IS NOT NULL \
    ) SELECT id FROM gone";

pub(crate) async fn erase(database: &Database, request: EraseMessages) -> Result<Vec<BulkResult>> {
    let found = database.rows(sqlx::query(STATUSES).bind(uuids(&request.ids))).await?;
    let mut statuses: HashMap<MessageId, Status> = HashMap::new();
    for row in &found {
        let mut columns = Columns::new(row);
        let (id, status) = (columns.id()?, columns.status()?);
        if request.scope.admits(columns.take()?) {
            statuses.insert(id, status);
        }
    }
    let ended = statuses.iter().filter(|(_, status)| !needs_recipient(**status));
    let ended: Vec<MessageId> = ended.map(|(id, _)| *id).collect();
    erase_all(database, &ended).await?;
    // A message that has ended never waits again, so the statuses that were read still hold.
    let result = |id: &MessageId| match statuses.get(id) {
        None => BulkResult::Gone,
        Some(status) if needs_recipient(*status) => BulkResult::Refused(*status),
        Some(status) => BulkResult::Done(*status),
    };
    Ok(request.ids.iter().map(result).collect())
}

/// Erases messages. Returns their number.
async fn erase_all(database: &Database, ids: &[MessageId]) -> Result<usize> {
    if ids.is_empty() {
        return Ok(0);
    }
    let query = sqlx::query(ERASE).bind(uuids(ids)).bind(stored(PhoneNumber::ERASED));
    Ok(database.rows(query).await?.len())
}

/// Messages of a number that need it no more. $1 number, $2 limit.
pub(crate) const OF_NUMBER: &str = "\
    SELECT m.id FROM messages AS m CROSS JOIN LATERAL ( \
        SELECT s.status FROM states AS s WHERE s.id = m.id OFFSET 0) AS s \
    WHERE m.to_number = $1 AND s.status NOT IN (0, 1, 6) ORDER BY m.id LIMIT $2";

/// The number of messages of a number. $1 number, $2 limit.
pub(crate) const REMAINING: &str =
    "SELECT count(*) FROM (SELECT FROM messages WHERE to_number = $1 LIMIT $2) AS m";

/// Removes receipts of no known message. $1 digits in their texts.
pub(crate) const ERASE_PARKED: &str = "DELETE FROM parked WHERE position($1 IN text) > 0";

/// A column without the characters of [`SEPARATORS`](sms_core::erasure::SEPARATORS).
macro_rules! joined {
    ($column:literal) => {
        concat!("translate(", $column, ", ' -.()\u{a0}\u{2009}\u{202f}', '')")
    };
}

/// Ended items with these digits. $1 digits, $2 limit, $3 the last of the digits.
pub(crate) const ITEMS_WITH: &str = concat!(
    "SELECT list, number FROM work_items WHERE state <> 0 AND ( \
        position($3 IN payload) > 0 AND position($1 IN ",
    joined!("payload"),
    ") > 0 OR position($3 IN result) > 0 AND position($1 IN ",
    joined!("result"),
    ") > 0) LIMIT $2"
);

/// Empties ended items. Lists: $1 names of lists, $2 numbers.
pub(crate) const EMPTY_ITEMS: &str = "\
    UPDATE work_items AS w SET payload = '', result = NULL \
    FROM unnest($1::text[], $2::bigint[]) AS a (list, number) \
    WHERE w.list = a.list AND w.number = a.number AND w.state <> 0";

pub(crate) async fn erase_number(
    database: &Database,
    request: EraseNumber,
    numbers: NumberReader,
) -> Result<ErasedNumber> {
    let (number, limit) = (stored(request.number), rows(request.limit));
    let found = database.rows(sqlx::query(OF_NUMBER).bind(number).bind(limit)).await?;
    let mut erased = ErasedNumber {
        messages: erase_all(database, &row::ids(&found)?).await?,
        has_more: found.len() == request.limit,
        ..ErasedNumber::default()
    };
    if erased.has_more {
        return Ok(erased);
    }
    let remaining = sqlx::query(REMAINING).bind(number).bind(rows(MAX_REMAINING));
    let remaining = database.rows(remaining).await?;
    erased.remaining =
        Columns::new(remaining.first().ok_or_else(|| undecodable("count"))?).large("count")?;
    let parked = sqlx::query(ERASE_PARKED).bind(request.number.digits().to_string());
    erased.receipts = count(database.connection().await?.execute(parked).await?)?;
    let digits = numbers.common_digits(request.number);
    let last = ending(&digits).to_owned();
    let search = sqlx::query(ITEMS_WITH).bind(digits).bind(limit).bind(last);
    let items = database.scan(search).await?;
    erased.has_more = items.len() == request.limit;
    if !items.is_empty() {
        let (mut lists, mut numbers) = (Vec::new(), Vec::new());
        for item in &items {
            let mut columns = Columns::new(item);
            lists.push(columns.take::<String>()?);
            numbers.push(columns.take::<i64>()?);
        }
        let empty = sqlx::query(EMPTY_ITEMS).bind(lists).bind(numbers);
        erased.items = count(database.connection().await?.execute(empty).await?)?;
    }
    Ok(erased)
}

/// Messages after a position, in the order of their ids: id, true if it was accepted before, and
/// true if it has not changed since and needs its recipient no more. $1 position, $2 limit, $3
/// before.
pub(crate) const EXAMINED: &str = "\
    SELECT id, created_at < $3, updated_at < $3 AND status NOT IN (0, 1, 6) FROM states \
    WHERE id > $1 ORDER BY id LIMIT $2";

/// Removes texts, under the same guard. $1 ids, $2 changed before.
pub(crate) const REMOVE_TEXTS: &str = "\
    UPDATE messages SET text = '' WHERE text <> '' AND id = ANY (ARRAY( \
        SELECT id FROM states WHERE id = ANY ($1) AND updated_at < $2 \
          AND status NOT IN (0, 1, 6)))";

pub(crate) async fn remove_texts(
    database: &Database,
    request: RemoveTexts,
) -> Result<RemovedTexts> {
    let RemoveTexts { older_than, after, limit, .. } = request;
    let before = database.now().saturating_sub(millis(older_than));
    let first = after.unwrap_or_else(|| MessageId::from_bytes([0; 16]));
    let query = sqlx::query(EXAMINED).bind(uuid(first)).bind(rows(limit)).bind(before);
    let mut result = RemovedTexts { position: after, ..RemovedTexts::default() };
    let (mut old, mut ids) = (0, Vec::new());
    for row in database.scan_briefly(query).await? {
        let mut columns = Columns::new(&row);
        let id = columns.id()?;
        let (is_old, is_ended): (bool, bool) = (columns.take()?, columns.take()?);
        if !is_old {
            break;
        }
        (old, result.position) = (old + 1, Some(id));
        if is_ended {
            ids.push(id);
        }
    }
    result.has_more = old == limit;
    if !ids.is_empty() {
        let remove = sqlx::query(REMOVE_TEXTS).bind(uuids(&ids)).bind(before);
        result.removed = count(database.connection().await?.execute(remove).await?)?;
    }
    Ok(result)
}

/// A number as the table has it. It has 15 digits at most.
const fn stored(number: PhoneNumber) -> i64 {
    number.digits().cast_signed()
}

fn count(rows: u64) -> Result<usize> {
    usize::try_from(rows).map_err(|_| too_large("number of rows"))
}
