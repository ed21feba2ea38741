//! The stop-list: see [`StopList`](sms_core::StopList).

use rusqlite::{Connection, Row, params};
use sms_core::stop_list::{NewStop, Stop, StopsRequest};
use sms_core::{PhoneNumber, Result};

use crate::database::Database;
use crate::error::{DbResult, undecodable};
use crate::sql::args::rows;
use crate::sql::row::Columns;

/// True if there is any number on the list.
pub(crate) const HAS_STOPS: &str = "SELECT EXISTS (SELECT 1 FROM stop_list)";

/// True if this number is on the list. ?1 number.
pub(crate) const IS_STOPPED: &str = "SELECT EXISTS (SELECT 1 FROM stop_list WHERE number = ?1)";

/// Adds a number, or replaces its reason and author. ?1 number, ?2 time, ?3 reason, ?4 author.
pub(crate) const ADD: &str = "\
    INSERT INTO stop_list (number, added_at, reason, added_by) VALUES (?1, ?2, ?3, ?4) \
    ON CONFLICT DO UPDATE SET reason = excluded.reason, added_by = excluded.added_by";

/// Removes a number. ?1 number.
pub(crate) const REMOVE: &str = "DELETE FROM stop_list WHERE number = ?1";

/// Numbers in their order. ?1 first, ?2 last, ?3 limit.
pub(crate) const PAGE: &str = "\
    SELECT number, added_at, reason, added_by FROM stop_list \
    WHERE number >= ?1 AND number <= ?2 ORDER BY number LIMIT ?3";

pub(crate) async fn add(database: &Database, stops: &[NewStop]) -> Result<usize> {
    let stops = stops.to_vec();
    let add_all = move |conn: &Connection, now| {
        let mut added = 0;
        for stop in &stops {
            added += usize::from(!is_stopped(conn, stop.number)?);
            let params = params![digits(stop.number)?, now, stop.reason, stop.by];
            conn.prepare_cached(ADD)?.execute(params)?;
        }
        Ok(added)
    };
    database.write(add_all).await
}

pub(crate) async fn remove(database: &Database, numbers: &[PhoneNumber]) -> Result<usize> {
    let numbers = numbers.to_vec();
    let remove_all = move |conn: &Connection, _| {
        let mut remove = conn.prepare_cached(REMOVE)?;
        let mut removed = 0;
        for number in numbers {
            removed += remove.execute([digits(number)?])?;
        }
        Ok(removed)
    };
    database.write(remove_all).await
}

pub(crate) async fn listed(
    database: &Database,
    numbers: &[PhoneNumber],
) -> Result<Vec<PhoneNumber>> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    let read = move |conn: &Connection| {
        let mut listed = Vec::new();
        for number in numbers {
            if is_stopped(conn, number)? {
                listed.push(number);
            }
        }
        Ok(listed)
    };
    database.read(read).await
}

pub(crate) async fn page(database: &Database, request: StopsRequest) -> Result<Vec<Stop>> {
    let read = move |conn: &Connection| {
        let after = request.after.map(digits).transpose()?.map_or(0, |after| after + 1);
        let only = request.number.map(digits).transpose()?;
        let first = only.map_or(after, |only| only.max(after));
        let params = [first, only.unwrap_or(i64::MAX), rows(request.limit)];
        conn.prepare_cached(PAGE)?.query_and_then(params, stop)?.collect()
    };
    database.read(read).await
}

/// True if a number is on the list.
pub(crate) fn is_stopped(conn: &Connection, number: PhoneNumber) -> DbResult<bool> {
    let number = digits(number)?;
    Ok(conn.prepare_cached(IS_STOPPED)?.query_row([number], |row| row.get(0))?)
}

fn stop(row: &Row<'_>) -> DbResult<Stop> {
    let mut columns = Columns::new(row);
    let (number, added_at) = (columns.phone()?, columns.time()?);
    let (reason, by): (String, String) = (columns.take()?, columns.take()?);
    Ok(Stop::new(NewStop::new(number, reason, by), added_at))
}

fn digits(number: PhoneNumber) -> DbResult<i64> {
    Ok(i64::try_from(number.digits()).map_err(|_| undecodable("number"))?)
}
