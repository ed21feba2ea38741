//! `queued → sending`, and the claim of due messages for a queue.

use std::time::Duration;

use rusqlite::{Connection, Row, params};
use sms_core::clock::{StoreTime, datetime_from_ms, duration_to_ms};
use sms_core::store::decision::AttemptState;
use sms_core::store::{BeginRequest, Begun, CLOCK_DIFFERENCE, DueRequest};
use sms_core::{Job, Lane, MessageId, Result, Route, Submission};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql::args::rows;
use crate::sql::row::Columns;

pub(crate) async fn due(database: &Database, request: DueRequest) -> Result<Vec<Job>> {
    database.write(move |conn, now| offer(conn, now, &request)).await
}

/// Queued messages of a route to offer to a queue: due, not past their deadline, not claimed for a
/// while. ?1 lane, ?2 the time, ?3 limit, ?4 the time and how much earlier they may be claimed, ?5
/// route.
pub(crate) const DUE: &str = "\
    SELECT id FROM messages INDEXED BY messages_due \
    WHERE status = 0 AND route = ?5 AND lane = ?1 AND push_at <= ?4 AND due_at <= ?2 \
      AND valid_until > ?2 \
    ORDER BY push_at LIMIT ?3";

/// Records that one of them was claimed. ?1 id, ?2 time before which it is not claimed again.
pub(crate) const OFFERED: &str = "UPDATE messages SET push_at = ?2 WHERE id = ?1 AND +status = 0";

fn offer(conn: &Connection, now: i64, request: &DueRequest) -> DbResult<Vec<Job>> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut due = conn.prepare_cached(DUE)?;
    let horizon = now.saturating_add(duration_to_ms(request.ahead));
    for (lane, limit) in Lane::ALL.into_iter().zip(request.limits.into_values()) {
        let route = request.route.as_str();
        let params = params![lane.number(), now, rows(limit), horizon, route];
        for id in due.query_and_then(params, |row| Columns::new(row).id())? {
            jobs.push(Job::new(id?, lane));
        }
    }
    let again_at = now.saturating_add(duration_to_ms(request.again_after));
    let mut offered = conn.prepare_cached(OFFERED)?;
    for job in &jobs {
        offered.execute(params![job.id.as_bytes(), again_at])?;
    }
    Ok(jobs)
}

pub(crate) async fn begin(database: &Database, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
    if request.ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids = request.ids.to_vec();
    // A message that is named twice is begun once; and neighbouring rows are found in one page.
    ids.sort_unstable();
    ids.dedup();
    let params = BeginParams {
        ids,
        worker: request.worker.to_owned(),
        batch: request.batch.cast_signed(),
        provider: request.provider.to_owned(),
        route: request.route.clone(),
        lease_ms: duration_to_ms(request.lease),
    };
    let begun = params.clone();
    database.share(move |conn, time| params.begin(conn, time.now_ms)).await?;
    // Read on another connection, so that the writer is free for the next write. If this same call
    // ran before and its answer was lost, the messages it began are read, too.
    let time = database.time();
    database.read(move |conn| begun.begun(conn, time)).await
}

/// A copy of a [`BeginRequest`], because a write may outlive its caller.
#[derive(Clone)]
struct BeginParams {
    ids: Vec<MessageId>,
    worker: String,
    batch: i64,
    provider: String,
    route: Route,
    lease_ms: i64,
}

/// `queued → sending`; guard: due by ?8, not past its deadline, takes this route. ?1 id, ?2 now, ?3
/// worker, ?4 batch, ?5 end of the lease, ?6 provider, ?7 route, ?8 now and the difference of
/// clocks.
pub(crate) const BEGIN: &str = "\
    UPDATE messages \
    SET status = 1, fence = fence + 1, attempts = attempts + 1, updated_at = ?2, \
        worker = ?3, batch = ?4, lease_since = ?2, lease_until = ?5, provider = ?6 \
    WHERE id = ?1 AND +status = 0 AND due_at <= ?8 AND valid_until > ?2 AND route = ?7";

/// The messages that a call with this worker and batch began. ?1 id, ?2 worker, ?3 batch.
pub(crate) const BEGUN: &str = "\
    SELECT id, to_number, text, sender, class, options, valid_until, \
           fence, attempts, max_attempts, resends, on_unknown, lease_since - unknown_at, \
           EXISTS (SELECT 1 FROM stop_list WHERE number = to_number), owner \
    FROM messages \
    WHERE id = ?1 AND +status = 1 AND worker = ?2 AND batch = ?3";

impl BeginParams {
    fn begin(&self, conn: &Connection, now: i64) -> DbResult<()> {
        let lease_until = now.saturating_add(self.lease_ms);
        let due_by = now.saturating_add(duration_to_ms(CLOCK_DIFFERENCE));
        let mut begin = conn.prepare_cached(BEGIN)?;
        for id in &self.ids {
            begin.execute(params![
                id.as_bytes(),
                now,
                self.worker,
                self.batch,
                lease_until,
                self.provider,
                self.route.as_str(),
                due_by
            ])?;
        }
        Ok(())
    }

    fn begun(&self, conn: &Connection, time: StoreTime) -> DbResult<Vec<Begun>> {
        let mut begun = conn.prepare_cached(BEGUN)?;
        let mut found = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            let mut rows = begun.query(params![id.as_bytes(), self.worker, self.batch])?;
            if let Some(row) = rows.next()? {
                found.push(read_begun(row, time)?);
            }
        }
        Ok(found)
    }
}

/// Reads a row of [`BEGUN`].
fn read_begun(row: &Row<'_>, time: StoreTime) -> DbResult<Begun> {
    let mut columns = Columns::new(row);
    let (id, to) = (columns.id()?, columns.phone()?);
    let mut submission = Submission::new(id, to, columns.take::<String>()?);
    submission.from = columns.take()?;
    submission.class = columns.class()?;
    submission.options = columns.json("options", serde_json::from_str)?;
    submission.valid_until = datetime_from_ms(time.wall_at(columns.take()?));
    let fence = columns.number("fence")?;
    submission.attempt = fence;
    let attempt = AttemptState::new(
        columns.number("number of attempts")?,
        columns.number("limit of attempts")?,
        columns.number("number of resends")?,
        columns.on_unknown()?,
    )
    .unknown_before(
        columns.take::<Option<i64>>()?.map(|ms| Duration::from_millis(ms.max(0).cast_unsigned())),
    );
    let on_stop_list = columns.take()?;
    let owner = columns.take::<Option<String>>()?;
    Ok(Begun::new(submission, fence, attempt).on_stop_list(on_stop_list).owner(owner))
}
