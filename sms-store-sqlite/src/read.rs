//! One message, the event log, the counts.

use sms_core::clock::datetime_to_ms;
use sms_core::store::{Stats, StatsRange};
use sms_core::{Event, MessageId, Result, Scope, StoredMessage};

use crate::claim::rows;
use crate::error::{from_sqlx, undecodable};
use crate::row::{self, Columns};
use crate::sql;
use crate::store::SqliteStore;

/// The most events a timeline has.
const LONGEST_TIMELINE: usize = 1000;

pub(crate) async fn get(store: &SqliteStore, id: MessageId, scope: &Scope) -> Result<Option<StoredMessage>> {
    let query = sqlx::query(sql::GET).bind(id.as_bytes().to_vec());
    let row =
        store.read(|conn| Box::pin(async { query.fetch_optional(conn).await.map_err(from_sqlx) })).await?;
    let stored = row.as_ref().map(row::stored_message).transpose()?;
    Ok(stored.filter(|stored| scope.admits(stored.message.owner.as_deref())))
}

pub(crate) async fn timeline(store: &SqliteStore, id: MessageId) -> Result<Vec<Event>> {
    let query = sqlx::query(sql::TIMELINE).bind(id.as_bytes().to_vec()).bind(rows(LONGEST_TIMELINE));
    let found = store.read(|conn| Box::pin(async { query.fetch_all(conn).await.map_err(from_sqlx) })).await?;
    // The last ones were asked for, newest first.
    found.iter().rev().map(row::event).collect()
}

pub(crate) async fn events_after(store: &SqliteStore, seq: u64, limit: usize) -> Result<Vec<Event>> {
    let after = i64::try_from(seq).unwrap_or(i64::MAX);
    let query = sqlx::query(sql::EVENTS_AFTER).bind(after).bind(rows(limit));
    let found = store.read(|conn| Box::pin(async { query.fetch_all(conn).await.map_err(from_sqlx) })).await?;
    found.iter().map(row::event).collect()
}

pub(crate) async fn stats(store: &SqliteStore, range: &StatsRange) -> Result<Stats> {
    let owner = match &range.scope {
        Scope::All => None,
        Scope::Owner(owner) => Some(owner.clone()),
    };
    let query = sqlx::query(sql::STATS)
        .bind(range.from_time.map_or(i64::MIN, datetime_to_ms))
        .bind(range.to_time.map_or(i64::MAX, datetime_to_ms))
        .bind(owner);
    let found = store.read(|conn| Box::pin(async { query.fetch_all(conn).await.map_err(from_sqlx) })).await?;
    let mut counts = Stats::default();
    for row in &found {
        let mut columns = Columns::new(row);
        let status = columns.status()?;
        let count = counts.counts.get_mut(usize::from(status.number()));
        *count.ok_or_else(|| undecodable("status"))? = columns.number("count")?;
    }
    Ok(counts)
}
