//! Background maintenance: leases that are over, deadlines that are past, status queries that are
//! due, and old messages.
//!
//! Rows that another transaction has locked are left to the next round.

use std::time::Duration;

use sms_core::provider::ProviderRef;
use sms_core::store::decision::RESEND_AFTER;
use sms_core::store::parts::Parts;
use sms_core::store::transition::{COST_PERIOD_MS, COST_QUERIES, LEASE_OVER};
use sms_core::store::{AwaitingRequest, QueryPurpose, RoutePurgeRequest};
use sms_core::{MessageId, Result};
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::error::undecodable;
use crate::sql::args::{millis, rows};
use crate::sql::fragments::{POSITIONS, position, with_clock};
use crate::sql::row::{self, Columns};

/// The largest number of rows of one call: each may take a position in the event log.
const MAX_ROWS: usize = POSITIONS / 2;
/// The longest first interval, so that twenty doublings still fit in a `bigint`.
const MAX_FIRST_INTERVAL_MS: i64 = 1 << 42;

/// `sending → unknown | queued`; guard: the lease is over. Writes the same as
/// [`DeliveryState::rescue`](sms_core::store::transition::DeliveryState::rescue). $2 limit, $3 wait
/// before a resend, $4 reason.
pub(crate) const RESCUE: &str = concat!(
    with_clock!(),
    ", left_behind AS MATERIALIZED ( \
         SELECT s.id, s.worker, \
             s.resends < m.on_unknown AND clock.now + $3 < s.valid_until AS resend \
         FROM states AS s JOIN messages AS m ON m.id = s.id CROSS JOIN clock \
         WHERE s.status = 1 AND s.lease_until <= (SELECT now FROM clock) \
         ORDER BY s.lease_until LIMIT $2 FOR UPDATE OF s SKIP LOCKED \
     ), rescued AS ( \
         UPDATE states AS s \
         SET status = CASE WHEN l.resend THEN 0 ELSE 6 END, updated_at = clock.now, \
             due_at = CASE WHEN l.resend THEN clock.now + $3 ELSE s.due_at END, \
             push_at = CASE WHEN l.resend THEN clock.now + $3 ELSE s.push_at END, \
             resends = s.resends + l.resend::integer, unknown_at = s.lease_since, code = NULL, \
             reason = $4, worker = NULL, batch = NULL, lease_since = NULL, lease_until = NULL \
         FROM left_behind AS l CROSS JOIN clock \
         WHERE s.id = ANY (ARRAY(SELECT id FROM left_behind)) AND s.id = l.id \
         RETURNING s.id, s.status, s.fence, l.worker, l.resend, clock.now \
     ) INSERT INTO events (seq, message_id, at, kind, status, details) SELECT ",
    position!(),
    " + row_number() OVER (), id, now, 'lease_over', status, json_strip_nulls(json_build_object( \
         'attempt', fence, 'resend', CASE WHEN resend THEN TRUE END, 'by', worker))::text \
     FROM rescued RETURNING message_id"
);

pub(crate) async fn rescue(database: &Database, limit: usize) -> Result<Vec<MessageId>> {
    let query = sqlx::query(RESCUE)
        .bind(database.now())
        .bind(rows(limit.min(MAX_ROWS)))
        .bind(millis(RESEND_AFTER))
        .bind(LEASE_OVER);
    row::ids(&database.rows(query).await?)
}

/// `queued → expired | unknown`; guard: the deadline is past. Writes the same as
/// [`DeliveryState::expire`](sms_core::store::transition::DeliveryState::expire). $2 limit.
pub(crate) const EXPIRE: &str = concat!(
    with_clock!(),
    ", past AS MATERIALIZED ( \
         SELECT id FROM states WHERE status = 0 AND valid_until <= (SELECT now FROM clock) \
         ORDER BY valid_until LIMIT $2 FOR UPDATE SKIP LOCKED \
     ), expired AS ( \
         UPDATE states AS s SET status = CASE WHEN s.resends > 0 THEN 6 ELSE 7 END, \
         updated_at = clock.now \
         FROM clock WHERE s.id = ANY (ARRAY(SELECT id FROM past)) \
         RETURNING s.id, s.status, clock.now \
     ) INSERT INTO events (seq, message_id, at, kind, status, details) SELECT ",
    position!(),
    " + row_number() OVER (), id, now, 'expired', status, '{}' FROM expired RETURNING message_id"
);

pub(crate) async fn expire(database: &Database, limit: usize) -> Result<Vec<MessageId>> {
    let query = sqlx::query(EXPIRE).bind(database.now()).bind(rows(limit.min(MAX_ROWS)));
    row::ids(&database.rows(query).await?)
}

/// Schedules the next status query of messages for which one is due, and gives up those that are
/// too old. Writes the same as
/// [`DeliveryState::plan_query`](sms_core::store::transition::DeliveryState::plan_query). $2 limit,
/// $3 first interval, $4 longest interval, $5 age at which a message is given up.
pub(crate) const AWAITING: &str = concat!(
    with_clock!(),
    ", planned AS ( \
         UPDATE states AS s \
         SET poll_at = CASE WHEN clock.now - coalesce(s.sent_at, 0) < $5 \
                 THEN clock.now + least($3 * (1::bigint << least(s.polls, 20)), $4) END, \
             polls = s.polls + (clock.now - coalesce(s.sent_at, 0) < $5)::integer \
         FROM clock WHERE s.id = ANY (ARRAY( \
             SELECT id FROM states \
             WHERE status = 2 AND poll_at IS NOT NULL AND poll_at <= (SELECT now FROM clock) \
               AND route = $6 \
             ORDER BY poll_at LIMIT $2 FOR UPDATE SKIP LOCKED)) \
         RETURNING s.id, s.provider, s.provider_id, s.provider_parts, \
             s.poll_at IS NULL AS given_up, clock.now \
     ), logged AS ( \
         INSERT INTO events (seq, message_id, at, kind, status, details) SELECT ",
    position!(),
    " + row_number() OVER (), id, now, 'receipt_given_up', 2, '{}' FROM planned WHERE given_up \
     ) SELECT provider, provider_id, provider_parts FROM planned \
     WHERE NOT given_up AND provider IS NOT NULL AND provider_id IS NOT NULL"
);

/// Schedules the next query about the cost of messages for which one is due, and ends the queries
/// after enough of them. Writes the same as
/// [`DeliveryState::plan_cost_query`](sms_core::store::transition::DeliveryState::plan_cost_query).
/// $2 limit, $3 period, $4 largest number of queries, $5 route.
pub(crate) const AWAITING_COST: &str = concat!(
    with_clock!(),
    ", planned AS ( \
         UPDATE states AS s \
         SET poll_at = CASE WHEN s.polls < $4::integer \
                 THEN clock.now + ($3::bigint << (2 * least(s.polls, $4))) END, \
             polls = s.polls + 1 \
         FROM clock WHERE s.id = ANY (ARRAY( \
             SELECT id FROM states \
             WHERE status IN (3, 4) AND poll_at IS NOT NULL \
               AND poll_at <= (SELECT now FROM clock) AND route = $5 \
             ORDER BY poll_at LIMIT $2 FOR UPDATE SKIP LOCKED)) \
         RETURNING s.provider, s.provider_id, s.poll_at \
     ) SELECT provider, provider_id FROM planned \
     WHERE poll_at IS NOT NULL AND provider IS NOT NULL AND provider_id IS NOT NULL"
);

pub(crate) async fn awaiting_receipt(
    database: &Database,
    request: &AwaitingRequest,
) -> Result<Vec<ProviderRef>> {
    match request.purpose {
        QueryPurpose::Receipt => awaiting_state(database, request).await,
        QueryPurpose::Cost => awaiting_cost(database, request).await,
    }
}

async fn awaiting_cost(database: &Database, request: &AwaitingRequest) -> Result<Vec<ProviderRef>> {
    let query = sqlx::query(AWAITING_COST)
        .bind(database.now())
        .bind(rows(request.limit.min(MAX_ROWS)))
        .bind(COST_PERIOD_MS)
        .bind(COST_QUERIES.cast_signed())
        .bind(request.route.as_str());
    let name = |row: &PgRow| {
        let mut columns = Columns::new(row);
        Ok(ProviderRef::new(columns.take::<String>()?, columns.take::<String>()?))
    };
    database.rows(query).await?.iter().map(name).collect()
}

async fn awaiting_state(
    database: &Database,
    request: &AwaitingRequest,
) -> Result<Vec<ProviderRef>> {
    let polling = &request.polling;
    let query = sqlx::query(AWAITING)
        .bind(database.now())
        .bind(rows(request.limit.min(MAX_ROWS)))
        .bind(millis(polling.first).min(MAX_FIRST_INTERVAL_MS))
        .bind(millis(polling.max))
        .bind(millis(polling.give_up))
        .bind(request.route.as_str());
    let mut names = Vec::new();
    for row in &database.rows(query).await? {
        let mut columns = Columns::new(row);
        let (provider, provider_id) = (columns.take()?, columns.take()?);
        let parts: Parts = columns.json("parts", serde_json::from_str)?;
        names.extend(parts.names_to_query(provider, provider_id));
    }
    Ok(names)
}

/// `→ ∅` for messages that are neither queued nor sending and have not changed for this long, with
/// everything that belongs to them; and for receipts that have waited as long. The index is the one
/// by acceptance: a message that has not changed for long was also accepted long ago, and of those
/// accepted so long ago few have changed since. $2 how long, $3 limit.
pub(crate) const PURGE: &str = concat!(
    with_clock!(),
    ", gone AS MATERIALIZED ( \
         SELECT id FROM states \
         WHERE created_at < (SELECT now FROM clock) - $2 AND updated_at < (SELECT now \
         FROM clock) - $2 \
           AND status > 1 ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED \
     ), ids AS MATERIALIZED (SELECT coalesce(array_agg(id), '{}') AS list FROM gone \
     ), e AS (DELETE FROM events WHERE message_id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), a AS (DELETE FROM aliases WHERE message_id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), m AS (DELETE FROM messages WHERE id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), s AS (DELETE FROM states WHERE id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), p AS (DELETE FROM parked WHERE parked_at < (SELECT now FROM clock) - $2 \
     ) SELECT count(*) FROM gone"
);

pub(crate) async fn purge(
    database: &Database,
    older_than: Duration,
    limit: usize,
) -> Result<usize> {
    let query = sqlx::query(PURGE).bind(database.now()).bind(millis(older_than)).bind(rows(limit));
    let found = database.rows(query).await?;
    Columns::new(found.first().ok_or_else(|| undecodable("count"))?).large("count")
}

/// The same for messages of one route that are not among its newest. $2 how long, $3 limit, $4
/// route, $5 number of the newest.
pub(crate) const PURGE_ROUTE: &str = concat!(
    with_clock!(),
    ", old AS MATERIALIZED ( \
         SELECT msg.id FROM messages AS msg \
             CROSS JOIN LATERAL (SELECT * FROM states AS st WHERE st.id = msg.id OFFSET 0) AS st \
         WHERE msg.route <> 'default' AND msg.route = $4 AND msg.id <= ( \
             SELECT id FROM messages WHERE route <> 'default' AND route = $4 \
             ORDER BY id DESC LIMIT 1 OFFSET $5) \
           AND st.updated_at < (SELECT now FROM clock) - $2 AND st.status > 1 \
         ORDER BY msg.id LIMIT $3 \
     ), gone AS MATERIALIZED ( \
         SELECT id FROM states WHERE id = ANY (ARRAY(SELECT id FROM old)) \
           AND updated_at < (SELECT now FROM clock) - $2 AND status > 1 FOR UPDATE SKIP LOCKED \
     ), ids AS MATERIALIZED (SELECT coalesce(array_agg(id), '{}') AS list FROM gone \
     ), e AS (DELETE FROM events WHERE message_id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), a AS (DELETE FROM aliases WHERE message_id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), m AS (DELETE FROM messages WHERE id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), s AS (DELETE FROM states WHERE id = ANY ((SELECT list FROM ids)::uuid[]) \
     ) SELECT count(*) FROM gone"
);

pub(crate) async fn purge_route(database: &Database, request: &RoutePurgeRequest) -> Result<usize> {
    let query = sqlx::query(PURGE_ROUTE)
        .bind(database.now())
        .bind(millis(request.older_than))
        .bind(rows(request.limit))
        .bind(request.route.as_str())
        .bind(rows(request.keep_newest));
    let found = database.rows(query).await?;
    Columns::new(found.first().ok_or_else(|| undecodable("count"))?).large("count")
}
