//! Reads of one message, of the event log and of the counts.

use sms_core::clock::datetime_to_ms;
use sms_core::store::{
    EventPage, EventsRequest, LogEnd, LogEndRequest, MessageRequest, Stats, StatsRequest,
};
use sms_core::{Event, EventKind, Result, Scope, SendOptions, StoredMessage};
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::error::undecodable;
use crate::sql::args::{name, rows, uuid};
use crate::sql::row::{Columns, stored_message, whole_message};

/// The largest number of events in a timeline.
const MAX_TIMELINE_EVENTS: usize = 1000;
/// The largest number of events that one call of `events` looks at.
const MAX_SCANNED_EVENTS: usize = 10_000;

/// One message. $1 id.
pub(crate) const GET: &str = concat!(
    "SELECT ",
    whole_message!(),
    " FROM messages AS m JOIN states AS s ON s.id = m.id WHERE m.id = $1 AND s.id = $1"
);

pub(crate) async fn get(
    database: &Database,
    request: &MessageRequest,
) -> Result<Option<StoredMessage>> {
    let found = database.rows(sqlx::query(GET).bind(uuid(request.id))).await?;
    let stored = found.first().map(stored_message).transpose()?;
    Ok(stored.filter(|stored| request.scope.admits(stored.message.owner.as_deref())))
}

/// The newest events of one message, newest first. $1 message, $2 limit.
pub(crate) const TIMELINE: &str = "\
    SELECT seq, message_id, at, kind, status, details, \
    (SELECT owner FROM messages WHERE id = $1), (SELECT options FROM messages WHERE id = $1) \
    FROM events WHERE message_id = $1 ORDER BY seq DESC LIMIT $2";

pub(crate) async fn timeline(database: &Database, request: &MessageRequest) -> Result<Vec<Event>> {
    let query = sqlx::query(TIMELINE).bind(uuid(request.id)).bind(rows(MAX_TIMELINE_EVENTS));
    let found = database.rows(query).await?;
    // The statement returns the newest ones, newest first.
    let mut events = found.iter().rev().map(event).collect::<Result<Vec<_>>>()?;
    events.retain(|event| request.scope.admits(event.owner.as_deref()));
    Ok(events)
}

/// The position before which the event log is complete: no transaction that is running, or begins
/// later, will write an event before it.
///
/// A transaction that writes events locks their table before it gets its number, and until its end.
/// So an event can still be written only under the number of a transaction that holds such a lock
/// now, or under a number that has not been given yet. Other transactions, of other tables or
/// databases, hold nothing up. A transaction gets its number a moment before it locks that number,
/// so a running transaction without that lock also counts as a writer. This must be a statement of
/// its own, before the one that reads: the read must see what was committed while this one ran.
pub(crate) const HORIZON: &str = "\
    WITH next AS MATERIALIZED (SELECT \
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid), \
    locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted), \
    writing AS ( \
        SELECT t.transactionid::text::bigint AS xid \
        FROM locks AS e JOIN locks AS t USING (virtualtransaction) \
        WHERE e.relation = 'events'::regclass AND e.mode = 'RowExclusiveLock' \
          AND e.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
          AND t.locktype = 'transactionid' AND t.mode = 'ExclusiveLock' \
        UNION ALL \
        SELECT running.xid::text::bigint & 4294967295 \
        FROM pg_snapshot_xip(pg_current_snapshot()) AS running (xid) \
        WHERE NOT EXISTS ( \
            SELECT FROM locks AS t WHERE t.locktype = 'transactionid' AND t.mode = 'ExclusiveLock' \
              AND t.transactionid::text::bigint = running.xid::text::bigint & 4294967295) \
          AND pg_xact_status(running.xid) = 'in progress') \
    SELECT (SELECT base FROM event_base) + 65536 * least(next.xid, ( \
        SELECT min(next.xid + \
            ((writing.xid - (next.xid & 4294967295) + 2147483648) & 4294967295) - 2147483648) \
        FROM writing)) \
    FROM next";

/// The position up to which a call reads. $1 after this position, $2 the horizon, $3 limit.
pub(crate) const READ_TO: &str = "\
    SELECT max(seq) FROM ( \
        SELECT seq FROM events WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3) AS scanned";

/// Events of all messages, by position. $1 after this position, $2 up to this one, $3 owner or
/// NULL for all, $4 kinds or an empty array for all, $5 limit.
pub(crate) const EVENTS: &str = "\
    SELECT e.seq, e.message_id, e.at, e.kind, e.status, e.details, m.owner, m.options \
    FROM events AS e LEFT JOIN messages AS m ON m.id = e.message_id \
    WHERE e.seq > $1 AND e.seq <= $2 AND ($3::text IS NULL OR m.owner = $3) \
    AND (cardinality($4::text[]) = 0 OR e.kind = ANY ($4)) \
    ORDER BY e.seq LIMIT $5";

pub(crate) async fn events(database: &Database, request: &EventsRequest) -> Result<EventPage> {
    let after = i64::try_from(request.after).unwrap_or(i64::MAX);
    let mut conn = database.connection().await?;
    let horizon = position(&conn.rows(sqlx::query(HORIZON)).await?)?;
    let horizon = horizon.ok_or_else(|| undecodable("position"))?;
    let scan = sqlx::query(READ_TO).bind(after).bind(horizon).bind(rows(MAX_SCANNED_EVENTS));
    let Some(read_to) = position(&conn.rows(scan).await?)? else {
        return Ok(EventPage::new(Vec::new(), request.after));
    };
    let owner = match &request.scope {
        Scope::All => None,
        Scope::Owner(owner) => Some(name(owner)),
    };
    let kinds: Vec<&str> = request.kinds.iter().map(|kind| kind.as_str()).collect();
    let query = sqlx::query(EVENTS).bind(after).bind(read_to).bind(owner).bind(kinds);
    let found = conn.rows(query.bind(rows(request.limit))).await?;
    let events = found.iter().map(event).collect::<Result<Vec<_>>>()?;
    Ok(EventPage::scanned(events, request, read_to.unsigned_abs()))
}

/// The horizon, which is the end of the log as it is when no transaction writes: each later one
/// writes after it.
pub(crate) async fn log_end(database: &Database, _: &LogEndRequest) -> Result<LogEnd> {
    let end = position(&database.rows(sqlx::query(HORIZON)).await?)?;
    Ok(LogEnd::new(end.ok_or_else(|| undecodable("position"))?.unsigned_abs()))
}

/// The position that a statement returned; NULL is none.
pub(crate) fn position(rows: &[PgRow]) -> Result<Option<i64>> {
    Columns::new(rows.first().ok_or_else(|| undecodable("position"))?).take()
}

/// Number of messages in each status, each part from an index of its own. $1 accepted from, $2
/// accepted before.
pub(crate) const STATS: &str = "\
    SELECT status + 0::smallint, count(*) FROM states \
    WHERE status > 1 AND created_at >= $1 AND created_at < $2 GROUP BY 1 \
    UNION ALL \
    SELECT 0::smallint, count(*) FROM states WHERE status = 0 AND created_at >= $1 \
    AND created_at < $2 \
    UNION ALL \
    SELECT 1::smallint, count(*) FROM states WHERE status = 1 AND created_at >= $1 \
    AND created_at < $2";

/// The same of one owner. $3 owner.
pub(crate) const STATS_OF_OWNER: &str = "\
    SELECT s.status, count(*) FROM messages AS m JOIN states AS s ON s.id = m.id \
    WHERE s.created_at >= $1 AND s.created_at < $2 AND m.owner = $3 GROUP BY s.status";

pub(crate) async fn stats(database: &Database, range: &StatsRequest) -> Result<Stats> {
    let statement = match &range.scope {
        Scope::All => STATS,
        Scope::Owner(_) => STATS_OF_OWNER,
    };
    let mut query = sqlx::query(statement)
        .bind(range.from_time.map_or(i64::MIN, datetime_to_ms))
        .bind(range.to_time.map_or(i64::MAX, datetime_to_ms));
    if let Scope::Owner(owner) = &range.scope {
        query = query.bind(name(owner));
    }
    // Not kept prepared: the plan depends on the range, which may be an hour or everything.
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

/// Reads a row of the event log.
pub(crate) fn event(row: &PgRow) -> Result<Event> {
    let mut columns = Columns::new(row);
    let (seq, id, at) = (columns.large("position")?, columns.id()?, columns.time()?);
    let kind = EventKind::from_name(columns.take()?).ok_or_else(|| undecodable("kind"))?;
    let (status, details) = (columns.status()?, columns.json("details", serde_json::from_str)?);
    let event = Event::new(seq, id, at, kind, status, details);
    let event = event.owner(columns.take::<Option<String>>()?);
    let options: SendOptions = columns.json("options", serde_json::from_str)?;
    Ok(event.traceparent(options.traceparent))
}
