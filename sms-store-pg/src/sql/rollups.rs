//! Counts over time: see [`Rollups`](sms_core::Rollups).
//!
//! A page of the log is read first. One statement, which is a transaction by itself, then counts it
//! if nobody has counted it before. A second caller waits for the row of the position and finds
//! that it has moved.

use sms_core::rollups::change::{ANSWERS, Change, LoggedEvent, NO_DETAIL, changes};
use sms_core::rollups::counter::Counter;
use sms_core::rollups::requests::{RollUpProgress, RollUpRequest, SeriesRequest, Step};
use sms_core::rollups::series::{CountRow, Series};
use sms_core::{Class, EventDetails, EventKind, Result, Scope, Status};
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::error::undecodable;
use crate::pool::PooledConnection;
use crate::sql::args::{name, rows};
use crate::sql::read::{HORIZON, READ_TO, position};
use crate::sql::row::Columns;

/// The largest number of acceptances that one call counts.
const MAX_ACCEPTANCES: usize = 10_000;
/// The largest number of old counts that one call drops.
const MAX_DROPPED: usize = 1000;

/// The position up to which the log is counted, and true if there are acceptances to count.
pub(crate) const POSITION: &str =
    "SELECT position, EXISTS (SELECT FROM acceptances) FROM rollup_position";

/// Begins to count at a position. $1 position.
pub(crate) const BEGIN: &str = "\
    INSERT INTO rollup_position (one_row, position) VALUES (TRUE, $1) ON CONFLICT DO NOTHING";

/// The part of events that counting needs, by their kind and status: every look-up counts here. $1
/// after this position, $2 up to this one, $3 statuses with a code (a cost has details, too), $4
/// kinds with a latency, $5 the kind that always changes the status.
pub(crate) const LOGGED: &str = "\
    SELECT e.at, e.kind, e.status, m.owner, m.class, \
    CASE WHEN e.status = ANY ($3) OR strpos(e.details, '\"cost\"') > 0 THEN e.details END, \
    CASE WHEN e.kind = ANY ($4) \
        THEN (SELECT created_at FROM states WHERE id = e.message_id) END, m.send_at, \
    CASE WHEN e.kind <> $5 THEN (SELECT p.status FROM events AS p \
        WHERE p.message_id = e.message_id AND p.seq < e.seq ORDER BY p.seq DESC LIMIT 1) END, \
    m.route \
    FROM events AS e CROSS JOIN LATERAL (SELECT owner, class, send_at, route FROM messages \
        WHERE id = e.message_id OFFSET 0) AS m \
    WHERE e.seq > $1 AND e.seq <= $2 ORDER BY e.seq";

pub(crate) async fn roll_up(database: &Database, request: RollUpRequest) -> Result<RollUpProgress> {
    let mut conn = database.connection().await?;
    let horizon = position(&conn.rows(sqlx::query(HORIZON)).await?)?;
    let horizon = horizon.ok_or_else(|| undecodable("position"))?;
    let Some(row) = conn.rows(sqlx::query(POSITION)).await?.pop() else {
        conn.execute(sqlx::query(BEGIN).bind(horizon)).await?;
        return Ok(RollUpProgress::new(false));
    };
    let mut columns = Columns::new(&row);
    let (after, has_acceptances): (i64, bool) = (columns.take()?, columns.take()?);
    let scan = sqlx::query(READ_TO).bind(after).bind(horizon).bind(rows(request.limit));
    let read_to = position(&conn.rows(scan).await?)?.unwrap_or(after);
    if read_to == after && !has_acceptances {
        drop_old(database, &mut conn).await?;
        return Ok(RollUpProgress::new(false));
    }
    let logged = sqlx::query(LOGGED)
        .bind(after)
        .bind(read_to)
        .bind(Counter::CODED.map(|status| i16::from(status.number())))
        .bind(ANSWERS.map(EventKind::as_str))
        .bind(EventKind::Attempt.as_str());
    let logged = conn.rows(logged).await?;
    let events = logged.iter().map(logged_event).collect::<Result<Vec<_>>>()?;
    let is_full = events.len() >= request.limit;
    let changes = changes(events);
    macro_rules! column {
        ($change:ident => $value:expr) => {
            changes.iter().map(|$change| $value).collect::<Vec<_>>()
        };
    }
    let count = sqlx::query(COUNT)
        .bind(after)
        .bind(read_to)
        .bind(rows(MAX_ACCEPTANCES))
        .bind(i16::from(Counter::Accepted.number()))
        .bind(NO_DETAIL)
        .bind(column!(change => change.minute))
        .bind(column!(change => change.owner.clone()))
        .bind(column!(change => i16::from(change.counter.number())))
        .bind(column!(change => i16::from(change.class.number())))
        .bind(column!(change => change.detail))
        .bind(counts(&changes)?);
    let counted = conn.rows(count).await?.pop().ok_or_else(|| undecodable("count"))?;
    let mut columns = Columns::new(&counted);
    let (accepted, is_counted): (i64, bool) = (columns.take()?, columns.take()?);
    let is_behind = is_full || accepted >= rows(MAX_ACCEPTANCES);
    // Not with every page of a backlog.
    if !is_behind {
        drop_old(database, &mut conn).await?;
    }
    // Somebody else may have counted the same page.
    let changes = if is_counted { changes } else { Vec::new() };
    Ok(RollUpProgress::new(is_behind).changes(changes))
}

async fn drop_old(database: &Database, conn: &mut PooledConnection) -> Result<()> {
    for step in [Step::Minute, Step::Hour] {
        let oldest = database.now().saturating_sub(step.kept_ms());
        let drop_old = sqlx::query(DROP_OLD).bind(seconds(step)).bind(oldest);
        conn.execute(drop_old.bind(rows(MAX_DROPPED))).await?;
    }
    Ok(())
}

fn counts(changes: &[Change]) -> Result<Vec<i64>> {
    let count = |change: &Change| i64::try_from(change.count).map_err(|_| undecodable("count"));
    changes.iter().map(count).collect()
}

fn logged_event(row: &PgRow) -> Result<LoggedEvent> {
    let mut columns = Columns::new(row);
    let (at, kind) = (columns.take()?, EventKind::from_name(columns.take()?));
    let kind = kind.ok_or_else(|| undecodable("kind"))?;
    let (status, owner) = (columns.status()?, columns.take::<Option<String>>()?);
    let class = columns.numbered("class", Class::from_number)?;
    let details: EventDetails = columns.json("details", serde_json::from_str)?;
    let (created_at, send_at) = (columns.take()?, columns.take()?);
    let before = columns
        .take::<Option<i16>>()?
        .map(|number| Status::from_number(number.into()).ok_or_else(|| undecodable("status")));
    let event = LoggedEvent::new(at, kind, status, class).owner(owner).code(details.code);
    let event = event.cost(details.cost, &columns.route()?);
    Ok(event.before(before.transpose()?).wanted(created_at, send_at))
}

/// Moves on in the log, guard: nobody has; takes acceptances and adds them and the changes to the
/// counts. Returns the number of acceptances. $1 from this position, $2 to this one, $3 largest
/// number of acceptances, $4 their counter, $5 their detail; of the changes $6 minutes, $7 owners,
/// $8 counters, $9 classes, $10 details, $11 numbers.
pub(crate) const COUNT: &str = "\
    WITH moved AS ( \
         UPDATE rollup_position SET position = $2 WHERE one_row AND position = $1 \
         RETURNING position \
     ), taken AS ( \
         DELETE FROM acceptances \
         WHERE ctid = ANY (ARRAY(SELECT ctid FROM acceptances LIMIT $3)) \
           AND EXISTS (SELECT FROM moved) \
         RETURNING at, owner, class, count \
     ), changed (at, owner, counter, class, detail, count) AS ( \
         SELECT at, owner, $4::smallint, class, $5::bigint, count FROM taken \
         UNION ALL \
         SELECT * FROM unnest($6::bigint[], $7::text[], $8::smallint[], $9::smallint[], \
             $10::bigint[], $11::bigint[]) AS changes WHERE EXISTS (SELECT FROM moved) \
     ), added AS ( \
         INSERT INTO rollups AS r (step, at, owner, counter, class, detail, count) \
         SELECT step, at - at % (1000 * step), owner, counter, class, detail, sum(count)::bigint \
         FROM changed CROSS JOIN (VALUES (60), (3600)) AS steps (step) \
         GROUP BY 1, 2, 3, 4, 5, 6 \
         ON CONFLICT (step, at, owner, counter, class, detail) \
         DO UPDATE SET count = r.count + excluded.count \
     ) SELECT (SELECT count(*) FROM taken), EXISTS (SELECT FROM moved)";

/// Drops counts that are too old. $1 resolution in seconds, $2 oldest start to keep, $3 limit.
pub(crate) const DROP_OLD: &str = "\
    DELETE FROM rollups WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM rollups WHERE step = $1 AND at < $2 LIMIT $3))";

/// Counts of a range. $1 resolution in seconds, $2 from, $3 to, $4 step in milliseconds, $5 owner
/// or NULL for all.
pub(crate) const SERIES: &str = "\
    SELECT at - (at - $2) % $4::bigint, class, counter, detail, sum(count)::bigint FROM rollups \
    WHERE step = $1 AND at >= $2 AND at < $3 AND ($5::text IS NULL OR owner = $5) \
    GROUP BY 1, 2, 3, 4";

pub(crate) async fn series(database: &Database, request: &SeriesRequest) -> Result<Series> {
    let owner = match &request.scope {
        Scope::All => None,
        Scope::Owner(owner) => Some(name(owner)),
    };
    let query = sqlx::query(SERIES)
        .bind(seconds(request.step.resolution()))
        .bind(request.from)
        .bind(request.to)
        .bind(request.step.millis())
        .bind(owner);
    let found = database.scan(query).await?;
    Ok(Series::of(request, found.iter().map(count_row).collect::<Result<Vec<_>>>()?))
}

/// The length of a step as the table has it.
fn seconds(step: Step) -> i32 {
    step.seconds().cast_signed()
}

fn count_row(row: &PgRow) -> Result<CountRow> {
    let mut columns = Columns::new(row);
    let at = columns.take()?;
    let class = columns.numbered("class", Class::from_number)?;
    let counter = columns.numbered("counter", Counter::from_number)?;
    Ok(CountRow::new(at, class, counter, columns.take()?, columns.large("count")?))
}
