//! One message, the event log, the counts.

use rusqlite::{Connection, Params, params};
use sms_core::clock::datetime_to_ms;
use sms_core::store::{Stats, StatsRange};
use sms_core::{Event, MessageId, Result, Scope, StoredMessage};

use crate::database::Database;
use crate::error::{DbResult, undecodable};
use crate::sql;
use crate::sql::args::rows;
use crate::sql::row::{self, Columns};

/// The most events a timeline has.
const LONGEST_TIMELINE: usize = 1000;

pub(crate) async fn get(
    database: &Database,
    id: MessageId,
    scope: &Scope,
) -> Result<Option<StoredMessage>> {
    let get = move |conn: &Connection| {
        let mut get = conn.prepare_cached(sql::GET)?;
        get.query_and_then([id.as_bytes()], row::stored_message)?.next().transpose()
    };
    let stored = database.read(get).await?;
    Ok(stored.filter(|stored| scope.admits(stored.message.owner.as_deref())))
}

pub(crate) async fn timeline(database: &Database, id: MessageId) -> Result<Vec<Event>> {
    let timeline = move |conn: &Connection| {
        let mut timeline = conn.prepare_cached(sql::TIMELINE)?;
        let events =
            timeline.query_and_then(params![id.as_bytes(), rows(LONGEST_TIMELINE)], row::event)?;
        events.collect::<DbResult<Vec<_>>>()
    };
    let mut events = database.read(timeline).await?;
    // The last ones were asked for, newest first.
    events.reverse();
    Ok(events)
}

pub(crate) async fn events_after(
    database: &Database,
    seq: u64,
    limit: usize,
) -> Result<Vec<Event>> {
    let after = i64::try_from(seq).unwrap_or(i64::MAX);
    let events = move |conn: &Connection| {
        conn.prepare_cached(sql::EVENTS_AFTER)?
            .query_and_then([after, rows(limit)], row::event)?
            .collect()
    };
    database.read(events).await
}

pub(crate) async fn stats(database: &Database, range: &StatsRange) -> Result<Stats> {
    let from = range.from_time.map_or(i64::MIN, datetime_to_ms);
    let to = range.to_time.map_or(i64::MAX, datetime_to_ms);
    match range.scope.clone() {
        Scope::All => database.scan(move |conn| count(conn, sql::STATS, params![from, to])).await,
        Scope::Owner(owner) => {
            database
                .scan(move |conn| count(conn, sql::STATS_OF_OWNER, params![from, to, owner]))
                .await
        }
    }
}

fn count(conn: &Connection, sql: &str, params: impl Params) -> DbResult<Stats> {
    let mut counts = Stats::default();
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query(params)?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::new(row);
        let status = columns.status()?;
        let count = counts.counts.get_mut(usize::from(status.number()));
        *count.ok_or_else(|| undecodable("status"))? = columns.number("count")?;
    }
    Ok(counts)
}
