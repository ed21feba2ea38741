//! Reads of one message, of the event log and of the counts.

use rusqlite::{Connection, Params, Row, params};
use sms_core::clock::datetime_to_ms;
use sms_core::store::{
    EventPage, EventsRequest, LogEnd, LogEndRequest, MessageRequest, Stats, StatsRequest,
};
use sms_core::{Event, EventKind, Result, Scope, SendOptions, StoredMessage};

use crate::database::Database;
use crate::error::{DbResult, undecodable};
use crate::sql::args::rows;
use crate::sql::row::{Columns, stored_message};

/// The largest number of events in a timeline.
const MAX_TIMELINE_EVENTS: usize = 1000;
/// The largest number of events that one call of `events` looks at.
const MAX_SCANNED_EVENTS: usize = 10_000;

/// One message, its columns in the order in which [`stored_message`] reads them. ?1 id.
pub(crate) const GET: &str = "\
    SELECT id, owner, key, fingerprint, to_number, text, sender, class, route, reference, \
    metadata, options, encoding, parts, send_at, deadline_ms, max_attempts, on_unknown, resend, \
    status, created_at, updated_at, due_at, valid_until, attempts, resends, fence, worker, \
    lease_since, lease_until, unknown_at, provider, provider_id, provider_parts, code, reason \
    FROM messages WHERE id = ?1";

pub(crate) async fn get(
    database: &Database,
    request: &MessageRequest,
) -> Result<Option<StoredMessage>> {
    let id = request.id;
    let get = move |conn: &Connection| {
        let mut get = conn.prepare_cached(GET)?;
        get.query_and_then([id.as_bytes()], stored_message)?.next().transpose()
    };
    let stored = database.read(get).await?;
    Ok(stored.filter(|stored| request.scope.admits(stored.message.owner.as_deref())))
}

/// The newest events of one message, newest first. ?1 message, ?2 limit.
pub(crate) const TIMELINE: &str = "\
    SELECT e.seq, e.message_id, e.at, e.kind, e.status, e.details, m.owner, m.options \
    FROM events AS e LEFT JOIN messages AS m ON m.id = e.message_id \
    WHERE e.message_id = ?1 ORDER BY e.seq DESC LIMIT ?2";

pub(crate) async fn timeline(database: &Database, request: &MessageRequest) -> Result<Vec<Event>> {
    let id = request.id;
    let timeline = move |conn: &Connection| {
        let mut timeline = conn.prepare_cached(TIMELINE)?;
        let events =
            timeline.query_and_then(params![id.as_bytes(), rows(MAX_TIMELINE_EVENTS)], event)?;
        events.collect::<DbResult<Vec<_>>>()
    };
    let mut events = database.read(timeline).await?;
    events.retain(|event| request.scope.admits(event.owner.as_deref()));
    // The statement returns the newest ones, newest first.
    events.reverse();
    Ok(events)
}

/// The position up to which a call reads. ?1 after this position, ?2 limit.
pub(crate) const READ_TO: &str = "\
    SELECT max(seq) FROM (SELECT seq FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2)";

/// Events of all messages, by position. Positions are given under the write lock, so they follow
/// the order of commits. ?1 after this position, ?2 up to this one, ?3 owner or NULL for all, ?4
/// kinds as a JSON array, empty for all, ?5 limit.
pub(crate) const EVENTS: &str = "\
    SELECT e.seq, e.message_id, e.at, e.kind, e.status, e.details, m.owner, m.options \
    FROM events AS e LEFT JOIN messages AS m ON m.id = e.message_id \
    WHERE e.seq > ?1 AND e.seq <= ?2 AND (?3 IS NULL OR m.owner = ?3) \
    AND (?4 = '[]' OR e.kind IN (SELECT value FROM json_each(?4))) \
    ORDER BY e.seq LIMIT ?5";

pub(crate) async fn events(database: &Database, request: &EventsRequest) -> Result<EventPage> {
    let request = request.clone();
    let kinds: Vec<&str> = request.kinds.iter().map(|kind| kind.as_str()).collect();
    let kinds = serde_json::json!(kinds).to_string();
    let events = move |conn: &Connection| {
        let after = i64::try_from(request.after).unwrap_or(i64::MAX);
        let mut scan = conn.prepare_cached(READ_TO)?;
        let read_to: Option<i64> =
            scan.query_row([after, rows(MAX_SCANNED_EVENTS)], |row| row.get(0))?;
        let Some(read_to) = read_to else {
            return Ok(EventPage::new(Vec::new(), request.after));
        };
        let owner = match &request.scope {
            Scope::All => None,
            Scope::Owner(owner) => Some(owner),
        };
        let mut statement = conn.prepare_cached(EVENTS)?;
        let params = params![after, read_to, owner, kinds, rows(request.limit)];
        let events = statement.query_and_then(params, event)?.collect::<DbResult<Vec<_>>>()?;
        Ok(EventPage::scanned(events, &request, read_to.unsigned_abs()))
    };
    database.read(events).await
}

/// The last position. NULL if there are no events.
pub(crate) const LOG_END: &str = "SELECT max(seq) FROM events";

pub(crate) async fn log_end(database: &Database, _: &LogEndRequest) -> Result<LogEnd> {
    let end = move |conn: &Connection| {
        let end: Option<i64> = conn.prepare_cached(LOG_END)?.query_row([], |row| row.get(0))?;
        Ok(LogEnd::new(end.map_or(0, i64::unsigned_abs)))
    };
    database.read(end).await
}

/// Number of messages in each status, with a further condition.
macro_rules! stats {
    ($admitted:literal) => {
        concat!(
            "SELECT status, count(*) FROM messages INDEXED BY messages_created \
             WHERE status > 1 AND created_at >= ?1 AND created_at < ?2",
            $admitted,
            " GROUP BY status UNION ALL \
             SELECT 0, count(*) FROM messages INDEXED BY messages_due \
             WHERE status = 0 AND created_at >= ?1 AND created_at < ?2",
            $admitted,
            " UNION ALL \
             SELECT 1, count(*) FROM messages INDEXED BY messages_look \
             WHERE status = 1 AND look_at IS NOT NULL AND created_at >= ?1 AND created_at < ?2",
            $admitted
        )
    };
}

/// Number of messages in each status, read from indexes alone, except for those being sent. ?1
/// accepted from, ?2 accepted before.
pub(crate) const STATS: &str = stats!("");

/// The same of one owner. ?3 owner.
pub(crate) const STATS_OF_OWNER: &str = stats!(" AND owner = ?3");

pub(crate) async fn stats(database: &Database, range: &StatsRequest) -> Result<Stats> {
    let from = range.from_time.map_or(i64::MIN, datetime_to_ms);
    let to = range.to_time.map_or(i64::MAX, datetime_to_ms);
    match range.scope.clone() {
        Scope::All => database.scan(move |conn| count(conn, STATS, params![from, to])).await,
        Scope::Owner(owner) => {
            database.scan(move |conn| count(conn, STATS_OF_OWNER, params![from, to, owner])).await
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

/// Reads a row of the event log.
pub(crate) fn event(row: &Row<'_>) -> DbResult<Event> {
    let mut columns = Columns::new(row);
    let (seq, id, at) = (columns.number("position")?, columns.id()?, columns.time()?);
    let kind = columns.named("kind", EventKind::from_name)?;
    let (status, details) = (columns.status()?, columns.json("details", serde_json::from_str)?);
    let event = Event::new(seq, id, at, kind, status, details);
    let event = event.owner(columns.take::<Option<String>>()?);
    let options: SendOptions = columns.json("options", serde_json::from_str)?;
    Ok(event.traceparent(options.traceparent))
}
