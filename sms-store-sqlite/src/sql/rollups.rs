//! Counts over time: see [`Rollups`](sms_core::Rollups).
//!
//! A page of the log is read first, on a connection that reads, so that the transaction that counts
//! it is short. That one checks that nobody has counted it before.

use rusqlite::{Connection, Row, params};
use sms_core::rollups::change::{Change, LoggedEvent, NO_DETAIL, changes};
use sms_core::rollups::counter::Counter;
use sms_core::rollups::requests::{RollUpProgress, RollUpRequest, SeriesRequest, Step};
use sms_core::rollups::series::{CountRow, Series};
use sms_core::{Class, EventDetails, EventKind, NewMessage, Result, Scope, Status};

use crate::database::Database;
use crate::error::{DbResult, undecodable};
use crate::sql::args::rows;
use crate::sql::read::READ_TO;
use crate::sql::row::Columns;

/// The largest number of acceptances that one call counts.
const MAX_ACCEPTANCES: usize = 1000;
/// The largest number of old counts that one call drops.
const MAX_DROPPED: i64 = 1000;

/// Notes acceptances, if anybody counts. ?1 time, ?2 owner, ?3 class, ?4 number.
pub(crate) const NOTE_ACCEPTED: &str = "\
    INSERT INTO acceptances (at, owner, class, count) \
    SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM rollup_position)";

/// Notes in the transaction of an insert that these messages were accepted.
pub(crate) fn note_accepted(conn: &Connection, now: i64, messages: &[&NewMessage]) -> DbResult<()> {
    // A batch has few owners and classes, and those of one follow each other.
    let mut groups: Vec<(&str, Class, i64)> = Vec::new();
    for message in messages {
        let (owner, class) = (message.owner.as_deref().unwrap_or_default(), message.class);
        match groups.iter_mut().rev().find(|group| (group.0, group.1) == (owner, class)) {
            Some((.., count)) => *count += 1,
            None => groups.push((owner, class, 1)),
        }
    }
    let mut note = conn.prepare_cached(NOTE_ACCEPTED)?;
    for (owner, class, count) in groups {
        note.execute(params![now, owner, class.number(), count])?;
    }
    Ok(())
}

/// The position up to which the log is counted, and true if there are acceptances to count.
pub(crate) const POSITION: &str =
    "SELECT position, EXISTS (SELECT 1 FROM acceptances) FROM rollup_position";

/// Begins to count at the end of the log.
pub(crate) const BEGIN: &str = "\
    INSERT INTO rollup_position (one_row, position) SELECT 1, ifnull(max(seq), 0) FROM events \
    WHERE TRUE ON CONFLICT DO NOTHING";

/// The part of events that counting needs, by their kind and status: every look-up counts here. ?1
/// after this position, ?2 up to this one, ?3 and ?4 the statuses with a code (a cost has details,
/// too), ?5 the kind that always changes the status.
pub(crate) const LOGGED: &str = "\
    SELECT e.at, e.kind, e.status, m.owner, m.class, \
    CASE WHEN e.status IN (?3, ?4) OR instr(e.details, '\"cost\"') > 0 THEN e.details END, \
    m.created_at, m.send_at, \
    CASE WHEN e.kind <> ?5 THEN (SELECT p.status FROM events AS p \
        WHERE p.message_id = e.message_id AND p.seq < e.seq ORDER BY p.seq DESC LIMIT 1) END, \
    m.route \
    FROM events AS e JOIN messages AS m ON m.id = e.message_id \
    WHERE e.seq > ?1 AND e.seq <= ?2 ORDER BY e.seq";

/// A part of the log that is not counted yet.
struct LogPage {
    after: i64,
    read_to: i64,
    changes: Vec<Change>,
    is_full: bool,
    has_acceptances: bool,
}

pub(crate) async fn roll_up(database: &Database, request: RollUpRequest) -> Result<RollUpProgress> {
    let limit = rows(request.limit);
    let Some(page) = database.read(move |conn| next_page(conn, limit)).await? else {
        database.write(|conn, _| Ok(conn.prepare_cached(BEGIN)?.execute([])?)).await?;
        return Ok(RollUpProgress::new(false));
    };
    database.write(move |conn, now| count(conn, now, page)).await
}

/// The next page of the log; `None` before counting begins.
fn next_page(conn: &Connection, limit: i64) -> DbResult<Option<LogPage>> {
    // One read transaction, so that position and log are of the same moment.
    let moment = conn.unchecked_transaction()?;
    let mut position = moment.prepare_cached(POSITION)?;
    let position = position.query_and_then([], |row| DbResult::Ok((row.get(0)?, row.get(1)?)))?;
    let Some((after, has_acceptances)) = position.last().transpose()? else { return Ok(None) };
    let mut scan = moment.prepare_cached(READ_TO)?;
    let read_to: Option<i64> = scan.query_row([after, limit], |row| row.get(0))?;
    let read_to = read_to.unwrap_or(after);
    let mut logged = moment.prepare_cached(LOGGED)?;
    let [first, second] = Counter::CODED.map(Status::number);
    let params = params![after, read_to, first, second, EventKind::Attempt.as_str()];
    let events = logged.query_and_then(params, logged_event)?;
    let events = events.collect::<DbResult<Vec<_>>>()?;
    let is_full = rows(events.len()) >= limit;
    Ok(Some(LogPage { after, read_to, changes: changes(events), is_full, has_acceptances }))
}

fn logged_event(row: &Row<'_>) -> DbResult<LoggedEvent> {
    let mut columns = Columns::new(row);
    let (at, kind) = (columns.take()?, columns.named("kind", EventKind::from_name)?);
    let (status, owner) = (columns.status()?, columns.take::<Option<String>>()?);
    let class = columns.class()?;
    let details: EventDetails = columns.json("details", serde_json::from_str)?;
    let (created_at, send_at) = (columns.take()?, columns.take()?);
    let before = columns
        .take::<Option<i64>>()?
        .map(|number| Status::from_number(number).ok_or_else(|| undecodable("status")));
    let event = LoggedEvent::new(at, kind, status, class).owner(owner).code(details.code);
    let event = event.cost(details.cost, &columns.route()?);
    Ok(event.before(before.transpose()?).wanted(created_at, send_at))
}

/// Moves on in the log; guard: nobody has. ?1 from this position, ?2 to this one.
pub(crate) const MOVE: &str = "UPDATE rollup_position SET position = ?2 WHERE position = ?1";

/// The last of the acceptances to count. ?1 limit.
pub(crate) const LAST_ACCEPTANCE: &str =
    "SELECT max(seq) FROM (SELECT seq FROM acceptances ORDER BY seq LIMIT ?1)";

/// Adds acceptances to the counts. ?1 up to this one, ?2 their counter, ?3 detail, ?4 resolution in
/// seconds.
pub(crate) const ADD_ACCEPTED: &str = "\
    INSERT INTO rollups (step, at, owner, counter, class, detail, count) \
    SELECT ?4, at - at % (1000 * ?4) AS start, owner, ?2, class, ?3, sum(count) \
    FROM acceptances WHERE seq <= ?1 GROUP BY start, owner, class \
    ON CONFLICT DO UPDATE SET count = count + excluded.count";

/// Removes acceptances that are counted. ?1 up to this one.
pub(crate) const FORGET_ACCEPTED: &str = "DELETE FROM acceptances WHERE seq <= ?1";

/// Adds to a count. ?1 resolution in seconds, ?2 minute, ?3 owner, ?4 counter, ?5 class, ?6 detail,
/// ?7 number.
pub(crate) const ADD: &str = "\
    INSERT INTO rollups (step, at, owner, counter, class, detail, count) \
    VALUES (?1, ?2 - ?2 % (1000 * ?1), ?3, ?4, ?5, ?6, ?7) \
    ON CONFLICT DO UPDATE SET count = count + excluded.count";

/// Drops counts that are too old. ?1 resolution in seconds, ?2 oldest start to keep, ?3 limit.
pub(crate) const DROP_OLD: &str = "\
    DELETE FROM rollups WHERE (step, at, owner, counter, class, detail) IN ( \
        SELECT step, at, owner, counter, class, detail FROM rollups \
        WHERE step = ?1 AND at < ?2 LIMIT ?3)";

/// Counts a page of the log and the acceptances, unless somebody else has.
fn count(conn: &Connection, now: i64, page: LogPage) -> DbResult<RollUpProgress> {
    let LogPage { after, read_to, changes, is_full, has_acceptances } = page;
    drop_old(conn, now)?;
    let is_new = after != read_to || has_acceptances;
    if !is_new || conn.prepare_cached(MOVE)?.execute([after, read_to])? == 0 {
        return Ok(RollUpProgress::new(false));
    }
    let mut last = conn.prepare_cached(LAST_ACCEPTANCE)?;
    let last: Option<i64> = last.query_row([rows(MAX_ACCEPTANCES)], |row| row.get(0))?;
    for step in [Step::Minute, Step::Hour] {
        let accepted = Counter::Accepted.number();
        let mut add = conn.prepare_cached(ADD_ACCEPTED)?;
        add.execute(params![last, accepted, NO_DETAIL, step.seconds()])?;
        let mut add = conn.prepare_cached(ADD)?;
        for Change { minute, owner, class, counter, detail, count, .. } in &changes {
            let count = i64::try_from(*count).map_err(|_| undecodable("count"))?;
            let (counter, class) = (counter.number(), class.number());
            add.execute(params![step.seconds(), minute, owner, counter, class, detail, count])?;
        }
    }
    let forgotten = conn.prepare_cached(FORGET_ACCEPTED)?.execute([last])?;
    Ok(RollUpProgress::new(is_full || forgotten >= MAX_ACCEPTANCES).changes(changes))
}

fn drop_old(conn: &Connection, now: i64) -> DbResult<()> {
    let mut drop_old = conn.prepare_cached(DROP_OLD)?;
    for step in [Step::Minute, Step::Hour] {
        let oldest = now.saturating_sub(step.kept_ms());
        drop_old.execute(params![step.seconds(), oldest, MAX_DROPPED])?;
    }
    Ok(())
}

/// Counts of a range. ?1 resolution in seconds, ?2 from, ?3 to, ?4 step in milliseconds, ?5 owner
/// or NULL for all.
pub(crate) const SERIES: &str = "\
    SELECT at - (at - ?2) % ?4 AS point, class, counter, detail, sum(count) FROM rollups \
    WHERE step = ?1 AND at >= ?2 AND at < ?3 AND (?5 IS NULL OR owner = ?5) \
    GROUP BY point, class, counter, detail";

pub(crate) async fn series(database: &Database, request: &SeriesRequest) -> Result<Series> {
    let asked = request.clone();
    let read = move |conn: &Connection| {
        let owner = match &asked.scope {
            Scope::All => None,
            Scope::Owner(owner) => Some(owner),
        };
        let resolution = asked.step.resolution().seconds();
        let mut series = conn.prepare_cached(SERIES)?;
        let params = params![resolution, asked.from, asked.to, asked.step.millis(), owner];
        series.query_and_then(params, count_row)?.collect::<DbResult<Vec<_>>>()
    };
    Ok(Series::of(request, database.scan(read).await?))
}

fn count_row(row: &Row<'_>) -> DbResult<CountRow> {
    let mut columns = Columns::new(row);
    let at = columns.take()?;
    let class = Class::from_number(columns.take()?).ok_or_else(|| undecodable("class"))?;
    let counter = Counter::from_number(columns.take()?).ok_or_else(|| undecodable("counter"))?;
    Ok(CountRow::new(at, class, counter, columns.take()?, columns.number("count")?))
}
