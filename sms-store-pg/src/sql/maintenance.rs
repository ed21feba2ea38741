//! Background maintenance: leases that are over, deadlines that are past, status queries that are
//! due, and old messages.
//!
//! Rows that another transaction has locked are left to the next round.

use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef};
use sms_core::store::decision::RESEND_AFTER;
use sms_core::store::transition::LEASE_OVER;
use sms_core::{MessageId, Result};

use crate::database::Database;
use crate::error::undecodable;
use crate::sql;
use crate::sql::args::{millis, rows};
use crate::sql::row::{self, Columns};

/// The largest number of rows of one call: each may take a position in the event log.
const MAX_ROWS: usize = sql::POSITIONS / 2;
/// The longest first interval, so that twenty doublings still fit in a `bigint`.
const MAX_FIRST_INTERVAL_MS: i64 = 1 << 42;

pub(crate) async fn rescue(database: &Database, limit: usize) -> Result<Vec<MessageId>> {
    let query = sqlx::query(sql::RESCUE)
        .bind(database.now())
        .bind(rows(limit.min(MAX_ROWS)))
        .bind(millis(RESEND_AFTER))
        .bind(LEASE_OVER);
    row::ids(&database.rows(query).await?)
}

pub(crate) async fn expire(database: &Database, limit: usize) -> Result<Vec<MessageId>> {
    let query = sqlx::query(sql::EXPIRE).bind(database.now()).bind(rows(limit.min(MAX_ROWS)));
    row::ids(&database.rows(query).await?)
}

pub(crate) async fn awaiting_receipt(
    database: &Database,
    polling: &Polling,
    limit: usize,
) -> Result<Vec<ProviderRef>> {
    let query = sqlx::query(sql::AWAITING)
        .bind(database.now())
        .bind(rows(limit.min(MAX_ROWS)))
        .bind(millis(polling.first).min(MAX_FIRST_INTERVAL_MS))
        .bind(millis(polling.max))
        .bind(millis(polling.give_up));
    let reference = |row| {
        let mut columns = Columns::new(row);
        Ok(ProviderRef { provider: columns.take()?, provider_id: columns.take()? })
    };
    database.rows(query).await?.iter().map(reference).collect()
}

pub(crate) async fn purge(
    database: &Database,
    older_than: Duration,
    limit: usize,
) -> Result<usize> {
    let query =
        sqlx::query(sql::PURGE).bind(database.now()).bind(millis(older_than)).bind(rows(limit));
    let found = database.rows(query).await?;
    Columns::new(found.first().ok_or_else(|| undecodable("count"))?).large("count")
}
