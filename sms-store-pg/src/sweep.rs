//! What time does to messages: leases that are over, deadlines that are past, receipts that do not
//! come.
//!
//! Rows that somebody else has in hand are left to the next round.

use sms_core::provider::{Polling, ProviderRef};
use sms_core::store::decision::RESEND_AFTER;
use sms_core::store::transition::Standing;
use sms_core::{MessageId, Result};

use crate::args::{millis, rows};
use crate::row::{self, Columns};
use crate::sql;
use crate::store::PgStore;

/// The most rows of one call: each may take a position in the event log.
const MOST: usize = sql::POSITIONS / 2;
/// The longest first interval, so that twenty doublings are still a `bigint`.
const LONGEST_FIRST_MS: i64 = 1 << 42;

pub(crate) async fn rescue(store: &PgStore, limit: usize) -> Result<Vec<MessageId>> {
    let query = sqlx::query(sql::RESCUE)
        .bind(store.now())
        .bind(rows(limit.min(MOST)))
        .bind(millis(RESEND_AFTER))
        .bind(lease_over());
    row::ids(&store.rows(query).await?)
}

/// The reason that [`Standing::rescue`] gives.
fn lease_over() -> Option<String> {
    let mut standing = Standing { resends: 1, ..crate::settle::ANY_STANDING };
    standing.rescue(0);
    standing.reason
}

pub(crate) async fn expire(store: &PgStore, limit: usize) -> Result<Vec<MessageId>> {
    let query = sqlx::query(sql::EXPIRE).bind(store.now()).bind(rows(limit.min(MOST)));
    row::ids(&store.rows(query).await?)
}

pub(crate) async fn awaiting_receipt(
    store: &PgStore,
    polling: &Polling,
    limit: usize,
) -> Result<Vec<ProviderRef>> {
    let query = sqlx::query(sql::AWAITING)
        .bind(store.now())
        .bind(rows(limit.min(MOST)))
        .bind(millis(polling.first).min(LONGEST_FIRST_MS))
        .bind(millis(polling.max))
        .bind(millis(polling.give_up));
    let reference = |row| {
        let mut columns = Columns::new(row);
        Ok(ProviderRef { provider: columns.take()?, provider_id: columns.take()? })
    };
    store.rows(query).await?.iter().map(reference).collect()
}
