//! The stop-list: see [`StopList`](sms_core::StopList).

use std::collections::BTreeMap;

use sms_core::stop_list::{NewStop, Stop, StopsRequest};
use sms_core::{PhoneNumber, Result};
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::error::too_large;
use crate::sql::args::{clean, rows};
use crate::sql::row::Columns;

/// True if a number is on the list, which is named as the statement names its tables. The first
/// look is made once for each statement: where the list is empty, the numbers cost nothing.
macro_rules! is_stopped {
    ($list:literal, $number:literal) => {
        concat!(
            "((SELECT EXISTS (SELECT FROM ",
            $list,
            ")) AND (SELECT b.number FROM ",
            $list,
            " AS b WHERE b.number = ",
            $number,
            ") IS NOT NULL)"
        )
    };
}
pub(crate) use is_stopped;

/// Adds numbers. Returns a row for each that is new. $1 time, $2 numbers, $3 reasons, $4 authors.
pub(crate) const ADD: &str = "\
    INSERT INTO stop_list AS s (number, added_at, reason, added_by) \
    SELECT number, $1::bigint, reason, added_by \
    FROM unnest($2::bigint[], $3::text[], $4::text[]) AS a (number, reason, added_by) \
    ON CONFLICT (number) DO UPDATE SET reason = excluded.reason, added_by = excluded.added_by \
    RETURNING s.xmax = 0";

pub(crate) async fn add(database: &Database, stops: &[NewStop]) -> Result<usize> {
    // One statement cannot write a row twice; the last word on a number counts. Sorted, so that two
    // calls never wait for each other.
    let stops: BTreeMap<PhoneNumber, &NewStop> =
        stops.iter().map(|stop| (stop.number, stop)).collect();
    let query = sqlx::query(ADD)
        .bind(database.now())
        .bind(stops.keys().copied().map(digits).collect::<Result<Vec<_>>>()?)
        .bind(stops.values().map(|stop| clean(&stop.reason)).collect::<Vec<_>>())
        .bind(stops.values().map(|stop| clean(&stop.by)).collect::<Vec<_>>());
    let is_new = |row: &PgRow| Columns::new(row).take::<bool>();
    let added = database.rows(query).await?.iter().map(is_new).collect::<Result<Vec<_>>>()?;
    Ok(added.into_iter().filter(|is_new| *is_new).count())
}

/// Removes numbers. Returns a row for each that was there. $1 numbers.
pub(crate) const REMOVE: &str = "DELETE FROM stop_list WHERE number = ANY ($1) RETURNING number";

pub(crate) async fn remove(database: &Database, numbers: &[PhoneNumber]) -> Result<usize> {
    let mut numbers = numbers.iter().copied().map(digits).collect::<Result<Vec<_>>>()?;
    numbers.sort_unstable();
    Ok(database.rows(sqlx::query(REMOVE).bind(numbers)).await?.len())
}

/// Those of these numbers that are on the list, in their order. $1 numbers.
pub(crate) const LISTED: &str =
    "SELECT number FROM stop_list WHERE number = ANY ($1) ORDER BY number";

pub(crate) async fn listed(
    database: &Database,
    numbers: &[PhoneNumber],
) -> Result<Vec<PhoneNumber>> {
    let numbers = numbers.iter().copied().map(digits).collect::<Result<Vec<_>>>()?;
    let found = database.rows(sqlx::query(LISTED).bind(numbers)).await?;
    found.iter().map(|row| Columns::new(row).phone()).collect()
}

/// Numbers in their order. $1 first, $2 last, $3 limit.
pub(crate) const PAGE: &str = "\
    SELECT number, added_at, reason, added_by FROM stop_list \
    WHERE number >= $1 AND number <= $2 ORDER BY number LIMIT $3";

pub(crate) async fn page(database: &Database, request: StopsRequest) -> Result<Vec<Stop>> {
    let after = request.after.map(digits).transpose()?.map_or(0, |after| after + 1);
    let only = request.number.map(digits).transpose()?;
    let query = sqlx::query(PAGE)
        .bind(only.map_or(after, |only| only.max(after)))
        .bind(only.unwrap_or(i64::MAX))
        .bind(rows(request.limit));
    database.rows(query).await?.iter().map(stop).collect()
}

fn stop(row: &PgRow) -> Result<Stop> {
    let mut columns = Columns::new(row);
    let (number, added_at) = (columns.phone()?, columns.time()?);
    let (reason, by): (String, String) = (columns.take()?, columns.take()?);
    Ok(Stop::new(NewStop::new(number, reason, by), added_at))
}

fn digits(number: PhoneNumber) -> Result<i64> {
    i64::try_from(number.digits()).map_err(|_| too_large("number"))
}
