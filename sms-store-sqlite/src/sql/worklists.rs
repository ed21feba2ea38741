//! Items of work: see [`Worklists`](sms_core::Worklists).

use rusqlite::{Connection, Row, params};
use sms_core::Result;
use sms_core::worklists::item::{ItemCounts, ItemState, WorkItem};
use sms_core::worklists::requests::{AppendItems, DeleteItems, ItemsRequest, RecordResults};

use crate::database::Database;
use crate::error::{DbResult, undecodable};
use crate::sql::args::rows;
use crate::sql::row::Columns;

/// Adds an item, unless its number is taken. ?1 list, ?2 number, ?3 state, ?4 payload, ?5 result.
pub(crate) const APPEND: &str = "\
    INSERT INTO work_items (list, number, state, payload, result) VALUES (?1, ?2, ?3, ?4, ?5) \
    ON CONFLICT DO NOTHING";

pub(crate) async fn append(database: &Database, request: AppendItems) -> Result<()> {
    let append = move |conn: &Connection, _| {
        let mut append = conn.prepare_cached(APPEND)?;
        for WorkItem { number, payload, state, result, .. } in &request.items {
            let (number, state) = (stored(*number)?, state.number());
            append.execute(params![request.list, number, state, payload, result])?;
        }
        Ok(())
    };
    database.write(append).await
}

/// Items of a list. ?1 list, ?2 smallest number, ?3 state or NULL for all, ?4 limit.
pub(crate) const ITEMS: &str = "\
    SELECT number, payload, state, result FROM work_items \
    WHERE list = ?1 AND number >= ?2 AND (?3 IS NULL OR state = ?3) ORDER BY number LIMIT ?4";

pub(crate) async fn items(database: &Database, request: &ItemsRequest) -> Result<Vec<WorkItem>> {
    let request = request.clone();
    let read = move |conn: &Connection| {
        let state = request.state.map(ItemState::number);
        let params = params![request.list, stored(request.from)?, state, rows(request.limit)];
        conn.prepare_cached(ITEMS)?.query_and_then(params, item)?.collect()
    };
    database.scan(read).await
}

/// Ends an item, guard: it is pending. ?1 list, ?2 number, ?3 state, ?4 result, ?5 `pending`.
pub(crate) const RECORD: &str = "\
    UPDATE work_items SET state = ?3, result = ?4 WHERE list = ?1 AND number = ?2 AND state = ?5";

pub(crate) async fn record(database: &Database, request: RecordResults) -> Result<usize> {
    let record = move |conn: &Connection, _| {
        let mut record = conn.prepare_cached(RECORD)?;
        let (mut changed, pending) = (0, ItemState::Pending.number());
        for end in &request.results {
            let (number, state) = (stored(end.number)?, end.state.number());
            changed += record.execute(params![request.list, number, state, end.result, pending])?;
        }
        Ok(changed)
    };
    database.write(record).await
}

/// Numbers of items by state. ?1 list.
pub(crate) const COUNTS: &str =
    "SELECT state, count(*) FROM work_items WHERE list = ?1 GROUP BY state";

pub(crate) async fn counts(database: &Database, list: &str) -> Result<ItemCounts> {
    let list = list.to_owned();
    let count = move |conn: &Connection| {
        let mut counts = ItemCounts::default();
        let mut count = conn.prepare_cached(COUNTS)?;
        let mut found = count.query([list])?;
        while let Some(row) = found.next()? {
            let mut columns = Columns::new(row);
            counts.add(state(&mut columns)?, columns.number("count")?);
        }
        Ok(counts)
    };
    database.scan(count).await
}

/// Removes items of a list. ?1 list, ?2 limit.
pub(crate) const DELETE: &str = "\
    DELETE FROM work_items WHERE (list, number) IN ( \
        SELECT list, number FROM work_items WHERE list = ?1 LIMIT ?2)";

pub(crate) async fn delete(database: &Database, request: DeleteItems) -> Result<usize> {
    let delete = move |conn: &Connection, _| {
        let params = params![request.list, rows(request.limit)];
        Ok(conn.prepare_cached(DELETE)?.execute(params)?)
    };
    database.write(delete).await
}

/// A number of an item as the table has it.
fn stored(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| undecodable("number"))
}

fn state(columns: &mut Columns<'_>) -> DbResult<ItemState> {
    Ok(ItemState::from_number(columns.take()?).ok_or_else(|| undecodable("state"))?)
}

fn item(row: &Row<'_>) -> DbResult<WorkItem> {
    let mut columns = Columns::new(row);
    let item = WorkItem::new(columns.number("number")?, columns.take::<String>()?);
    Ok(item.ended(state(&mut columns)?, columns.take::<Option<String>>()?))
}
