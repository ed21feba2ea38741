//! Items of work: see [`Worklists`](sms_core::Worklists).

use sms_core::Result;
use sms_core::worklists::item::{ItemCounts, ItemState, WorkItem};
use sms_core::worklists::requests::{AppendItems, DeleteItems, ItemsRequest, RecordResults};
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::error::too_large;
use crate::sql::args::{clean, clean_some, name, rows};
use crate::sql::row::Columns;

/// Adds items, without those with a number that is taken. $1 list; lists: $2 numbers, $3 states, $4
/// payloads, $5 results.
pub(crate) const APPEND: &str = "\
    INSERT INTO work_items (list, number, state, payload, result) \
    SELECT $1, a.* FROM unnest($2::bigint[], $3::smallint[], $4::text[], $5::text[]) AS a \
    ON CONFLICT (list, number) DO NOTHING";

pub(crate) async fn append(database: &Database, request: AppendItems) -> Result<()> {
    let items = &request.items;
    let query = sqlx::query(APPEND)
        .bind(name(&request.list))
        .bind(numbers(items.iter().map(|item| item.number))?)
        .bind(states(items.iter().map(|item| item.state)))
        .bind(items.iter().map(|item| clean(&item.payload)).collect::<Vec<_>>())
        .bind(items.iter().map(|item| clean_some(item.result.as_deref())).collect::<Vec<_>>());
    database.rows(query).await.map(drop)
}

/// Items of a list. $1 list, $2 smallest number, $3 state or NULL for all, $4 limit.
pub(crate) const ITEMS: &str = "\
    SELECT number, payload, state, result FROM work_items \
    WHERE list = $1 AND number >= $2 AND ($3::smallint IS NULL OR state = $3) \
    ORDER BY number LIMIT $4";

pub(crate) async fn items(database: &Database, request: &ItemsRequest) -> Result<Vec<WorkItem>> {
    let query = sqlx::query(ITEMS)
        .bind(name(&request.list))
        .bind(stored(request.from)?)
        .bind(request.state.map(|state| i16::from(state.number())))
        .bind(rows(request.limit));
    database.scan_briefly(query).await?.iter().map(item).collect()
}

/// Ends items, guard: they are pending. $1 list, $2 `pending`; lists: $3 numbers, $4 states, $5
/// results.
pub(crate) const RECORD: &str = "\
    UPDATE work_items AS w SET state = a.state, result = a.result \
    FROM unnest($3::bigint[], $4::smallint[], $5::text[]) AS a (number, state, result) \
    WHERE w.list = $1 AND w.number = ANY ($3) AND w.number = a.number AND w.state = $2";

pub(crate) async fn record(database: &Database, request: RecordResults) -> Result<usize> {
    let mut results = request.results;
    // Each once, the first: an UPDATE would take any. In the order of the numbers, so that two
    // calls never wait for each other.
    results.sort_by_key(|end| end.number);
    results.dedup_by_key(|end| end.number);
    let query = sqlx::query(RECORD)
        .bind(name(&request.list))
        .bind(i16::from(ItemState::Pending.number()))
        .bind(numbers(results.iter().map(|end| end.number))?)
        .bind(states(results.iter().map(|end| end.state)))
        .bind(results.iter().map(|end| clean_some(end.result.as_deref())).collect::<Vec<_>>());
    let changed = database.connection().await?.execute(query).await?;
    usize::try_from(changed).map_err(|_| too_large("number of items"))
}

/// Numbers of items by state. $1 list.
pub(crate) const COUNTS: &str =
    "SELECT state, count(*) FROM work_items WHERE list = $1 GROUP BY state";

pub(crate) async fn counts(database: &Database, list: &str) -> Result<ItemCounts> {
    let mut counts = ItemCounts::default();
    for row in database.scan(sqlx::query(COUNTS).bind(name(list))).await? {
        let mut columns = Columns::new(&row);
        let state = columns.numbered("state", ItemState::from_number)?;
        counts.add(state, columns.large("count")?);
    }
    Ok(counts)
}

/// Removes items of a list. $1 list, $2 limit.
pub(crate) const DELETE: &str = "\
    DELETE FROM work_items WHERE list = $1 AND number = ANY (ARRAY( \
        SELECT number FROM work_items WHERE list = $1 ORDER BY number LIMIT $2))";

pub(crate) async fn delete(database: &Database, request: DeleteItems) -> Result<usize> {
    let query = sqlx::query(DELETE).bind(name(&request.list)).bind(rows(request.limit));
    let removed = database.connection().await?.execute(query).await?;
    usize::try_from(removed).map_err(|_| too_large("number of items"))
}

/// A number of an item as the table has it.
fn stored(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| too_large("number of an item"))
}

fn numbers(numbers: impl Iterator<Item = u64>) -> Result<Vec<i64>> {
    numbers.map(stored).collect()
}

fn states(states: impl Iterator<Item = ItemState>) -> Vec<i16> {
    states.map(|state| state.number().into()).collect()
}

fn item(row: &PgRow) -> Result<WorkItem> {
    let mut columns = Columns::new(row);
    let item = WorkItem::new(columns.large("number")?, columns.take::<String>()?);
    let state = columns.numbered("state", ItemState::from_number)?;
    Ok(item.ended(state, columns.take::<Option<String>>()?))
}
