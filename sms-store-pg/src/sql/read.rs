//! One message, the event log, the counts.

use sms_core::clock::datetime_to_ms;
use sms_core::store::{Stats, StatsRange};
use sms_core::{Event, MessageId, Result, Scope, StoredMessage};

use crate::database::Database;
use crate::error::undecodable;
use crate::sql;
use crate::sql::args::{name, rows, uuid};
use crate::sql::row::{self, Columns};

/// The most events a timeline has.
const LONGEST_TIMELINE: usize = 1000;

pub(crate) async fn get(
    database: &Database,
    id: MessageId,
    scope: &Scope,
) -> Result<Option<StoredMessage>> {
    let found = database.rows(sqlx::query(sql::GET).bind(uuid(id))).await?;
    let stored = found.first().map(row::stored_message).transpose()?;
    Ok(stored.filter(|stored| scope.admits(stored.message.owner.as_deref())))
}

pub(crate) async fn timeline(database: &Database, id: MessageId) -> Result<Vec<Event>> {
    let found = database
        .rows(sqlx::query(sql::TIMELINE).bind(uuid(id)).bind(rows(LONGEST_TIMELINE)))
        .await?;
    // The last ones were asked for, newest first.
    found.iter().rev().map(row::event).collect()
}

pub(crate) async fn events_after(
    database: &Database,
    seq: u64,
    limit: usize,
) -> Result<Vec<Event>> {
    let after = i64::try_from(seq).unwrap_or(i64::MAX);
    let mut conn = database.connection().await?;
    let horizon = conn.rows(sqlx::query(sql::HORIZON)).await?;
    let horizon: i64 =
        Columns::new(horizon.first().ok_or_else(|| undecodable("position"))?).take()?;
    let query = sqlx::query(sql::EVENTS_AFTER).bind(after).bind(horizon).bind(rows(limit));
    conn.rows(query).await?.iter().map(row::event).collect()
}

pub(crate) async fn stats(database: &Database, range: &StatsRange) -> Result<Stats> {
    let statement = match &range.scope {
        Scope::All => sql::STATS,
        Scope::Owner(_) => sql::STATS_OF_OWNER,
    };
    let mut query = sqlx::query(statement)
        .bind(range.from_time.map_or(i64::MIN, datetime_to_ms))
        .bind(range.to_time.map_or(i64::MAX, datetime_to_ms));
    if let Scope::Owner(owner) = &range.scope {
        query = query.bind(name(owner));
    }
    // Planned for the range that is asked for, which may be an hour or everything.
    let found = database.scan(query.persistent(false)).await?;
    let mut counts = Stats::default();
    for row in &found {
        let mut columns = Columns::new(row);
        let status = columns.status()?;
        let count = counts.counts.get_mut(usize::from(status.number()));
        *count.ok_or_else(|| undecodable("status"))? = columns.large("count")?;
    }
    Ok(counts)
}
