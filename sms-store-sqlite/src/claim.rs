//! `queued → sending`, and what is to be offered for it.

use std::collections::HashSet;
use std::sync::Arc;

use sms_core::clock::duration_to_ms;
use sms_core::store::{BeginRequest, Begun, DueRequest};
use sms_core::{Job, Lane, MessageId, Result};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::args::id_list;
use crate::error::from_sqlx;
use crate::row::{self, Columns};
use crate::sql;
use crate::store::SqliteStore;

pub(crate) async fn due(store: &SqliteStore, request: DueRequest) -> Result<Vec<Job>> {
    store.write(move |conn, now| Box::pin(offer(conn, now, request))).await
}

async fn offer(conn: &mut SqliteConnection, now: i64, request: DueRequest) -> Result<Vec<Job>> {
    let mut jobs: Vec<Job> = Vec::new();
    for (lane, limit) in Lane::ALL.into_iter().zip(request.limits) {
        let query = sqlx::query(sql::DUE).bind(i64::from(lane.number())).bind(now).bind(rows(limit));
        for row in query.fetch_all(&mut *conn).await.map_err(from_sqlx)? {
            jobs.push(Job { id: Columns::new(&row).id()?, lane });
        }
    }
    if !jobs.is_empty() {
        let again_at = now.saturating_add(duration_to_ms(request.again_after));
        let offered = sqlx::query(sql::OFFERED).bind(id_list(jobs.iter().map(|job| &job.id))).bind(again_at);
        offered.execute(conn).await.map_err(from_sqlx)?;
    }
    Ok(jobs)
}

pub(crate) async fn begin(store: &SqliteStore, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
    if request.ids.is_empty() {
        return Ok(Vec::new());
    }
    let asked: HashSet<&MessageId> = request.ids.iter().collect();
    let count = asked.len();
    let claim = Arc::new(Claim {
        ids: id_list(asked),
        worker: request.worker.to_owned(),
        batch: request.batch.cast_signed(),
        provider: request.provider.to_owned(),
        lease_ms: duration_to_ms(request.lease),
    });
    let mut begun = claim.clone().begin(store).await?;
    // Some were left out: begun by others, not due, or begun by this very call before, its answer being lost.
    if begun.len() < count {
        let known: HashSet<MessageId> = begun.iter().map(|begun| begun.submission.id).collect();
        let before = store.read(|conn| Box::pin(async move { claim.begun_before(conn).await })).await?;
        begun.extend(before.into_iter().filter(|begun| !known.contains(&begun.submission.id)));
    }
    Ok(begun)
}

/// A [`BeginRequest`] of its own, since a write may outlive its caller.
struct Claim {
    ids: String,
    worker: String,
    batch: i64,
    provider: String,
    lease_ms: i64,
}

impl Claim {
    async fn begin(self: Arc<Self>, store: &SqliteStore) -> Result<Vec<Begun>> {
        let claim = Arc::clone(&self);
        let shared = store.write_shared(true, move |conn, now| {
            Box::pin(async move { claim.run(conn, now).await.map(Some) })
        });
        let rows = match shared.await? {
            Some(rows) => rows,
            None => store.write(move |conn, now| Box::pin(async move { self.run(conn, now).await })).await?,
        };
        rows.iter().map(row::begun).collect()
    }

    async fn run(&self, conn: &mut SqliteConnection, now: i64) -> Result<Vec<SqliteRow>> {
        let query = sqlx::query(sql::BEGIN)
            .bind(self.ids.clone())
            .bind(now)
            .bind(self.worker.clone())
            .bind(self.batch)
            .bind(now.saturating_add(self.lease_ms))
            .bind(self.provider.clone());
        query.fetch_all(conn).await.map_err(from_sqlx)
    }

    async fn begun_before(&self, conn: &mut SqliteConnection) -> Result<Vec<Begun>> {
        let query = sqlx::query(sql::BEGUN).bind(self.ids.clone()).bind(self.worker.clone()).bind(self.batch);
        let rows = query.fetch_all(conn).await.map_err(from_sqlx)?;
        rows.iter().map(row::begun).collect()
    }
}

/// A limit of rows as SQLite takes it.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
