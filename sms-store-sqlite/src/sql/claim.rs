//! `queued → sending`, and what is to be offered for it.

use rusqlite::{Connection, params};
use sms_core::clock::{StoreTime, duration_to_ms};
use sms_core::store::{BeginRequest, Begun, DueRequest};
use sms_core::{Job, Lane, MessageId, Result};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql;
use crate::sql::args::rows;
use crate::sql::row::{self, Columns};

pub(crate) async fn due(database: &Database, request: DueRequest) -> Result<Vec<Job>> {
    database.write(move |conn, now| offer(conn, now, request)).await
}

fn offer(conn: &Connection, now: i64, request: DueRequest) -> DbResult<Vec<Job>> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut due = conn.prepare_cached(sql::DUE)?;
    let horizon = now.saturating_add(duration_to_ms(request.ahead));
    for (lane, limit) in Lane::ALL.into_iter().zip(request.limits) {
        for id in due.query_and_then(params![lane.number(), now, rows(limit), horizon], |row| {
            Columns::new(row).id()
        })? {
            jobs.push(Job { id: id?, lane });
        }
    }
    let again_at = now.saturating_add(duration_to_ms(request.again_after));
    let mut offered = conn.prepare_cached(sql::OFFERED)?;
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
    // One named twice is begun once; and rows beside each other are found in one page.
    ids.sort_unstable();
    ids.dedup();
    let claim = Claim {
        ids,
        worker: request.worker.to_owned(),
        batch: request.batch.cast_signed(),
        provider: request.provider.to_owned(),
        lease_ms: duration_to_ms(request.lease),
    };
    let begun = claim.clone();
    database.share(move |conn, time| claim.begin(conn, time.now)).await?;
    // Read by another connection, so that the one that writes is free for the next write. What this
    // very call began before, its answer being lost, is there, too.
    let time = database.time();
    database.read(move |conn| begun.begun(conn, time)).await
}

/// A [`BeginRequest`] of its own, since a write may outlive its caller.
#[derive(Clone)]
struct Claim {
    ids: Vec<MessageId>,
    worker: String,
    batch: i64,
    provider: String,
    lease_ms: i64,
}

impl Claim {
    fn begin(&self, conn: &Connection, now: i64) -> DbResult<()> {
        let lease_until = now.saturating_add(self.lease_ms);
        let mut begin = conn.prepare_cached(sql::BEGIN)?;
        for id in &self.ids {
            begin.execute(params![
                id.as_bytes(),
                now,
                self.worker,
                self.batch,
                lease_until,
                self.provider
            ])?;
        }
        Ok(())
    }

    fn begun(&self, conn: &Connection, time: StoreTime) -> DbResult<Vec<Begun>> {
        let mut begun = conn.prepare_cached(sql::BEGUN)?;
        let mut found = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            let mut rows = begun.query(params![id.as_bytes(), self.worker, self.batch])?;
            if let Some(row) = rows.next()? {
                found.push(row::begun(row, time)?);
            }
        }
        Ok(found)
    }
}
