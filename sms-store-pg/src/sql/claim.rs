//! `queued → sending`, and what is to be offered for it.

use std::collections::{BTreeSet, HashSet};

use sms_core::store::{BeginRequest, Begun, DueRequest};
use sms_core::{Job, Lane, MessageId, Result};

use crate::database::Database;
use crate::error::undecodable;
use crate::sql;
use crate::sql::args::{millis, name, rows, uuids};
use crate::sql::row::{self, Columns};

pub(crate) async fn due(database: &Database, request: DueRequest) -> Result<Vec<Job>> {
    let [urgent, normal, bulk] = request.limits.map(rows);
    let query = sqlx::query(sql::DUE)
        .bind(database.now())
        .bind(millis(request.again_after))
        .bind(urgent)
        .bind(normal)
        .bind(bulk)
        .bind(millis(request.ahead));
    let job = |row| {
        let mut columns = Columns::new(row);
        let (id, lane) = (columns.id()?, columns.take::<i16>()?);
        Ok(Job { id, lane: Lane::from_number(lane.into()).ok_or_else(|| undecodable("lane"))? })
    };
    database.rows(query).await?.iter().map(job).collect()
}

pub(crate) async fn begin(database: &Database, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
    // In the order of the ids, in which rows are locked.
    let asked: BTreeSet<MessageId> = request.ids.iter().copied().collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, worker, batch) = (uuids(&asked), name(request.worker), request.batch.cast_signed());
    let mut conn = database.connection().await?;
    let time = database.time();
    let query = sqlx::query(sql::BEGIN)
        .bind(time.now)
        .bind(ids.as_slice())
        .bind(worker.as_ref())
        .bind(batch)
        .bind(millis(request.lease))
        .bind(name(request.provider));
    let mut begun: Vec<Begun> =
        conn.rows(query).await?.iter().map(|row| row::begun(row, time)).collect::<Result<_>>()?;
    // Some were left out: begun by others, not due, or begun by this very call before, its answer
    // being lost.
    if begun.len() < asked.len() {
        let known: HashSet<MessageId> = begun.iter().map(|begun| begun.submission.id).collect();
        let query = sqlx::query(sql::BEGUN).bind(ids).bind(worker.as_ref()).bind(batch);
        let before = conn
            .rows(query)
            .await?
            .iter()
            .map(|row| row::begun(row, time))
            .collect::<Result<Vec<_>>>()?;
        begun.extend(before.into_iter().filter(|begun| !known.contains(&begun.submission.id)));
    }
    Ok(begun)
}
