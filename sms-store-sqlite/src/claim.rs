//! `queued → sending`, and what is to be offered for it.

use sms_core::clock::duration_to_ms;
use sms_core::store::{BeginRequest, Begun, DueRequest};
use sms_core::{Job, Lane, Result};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};

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
    let claim = Claim {
        ids: id_list(request.ids),
        worker: request.worker.to_owned(),
        batch: request.batch.cast_signed(),
        provider: request.provider.to_owned(),
        lease_ms: duration_to_ms(request.lease),
    };
    let begun = claim.begun();
    let shared = claim.clone();
    let shared = store.write_shared(true, move |conn, now| {
        Box::pin(async move { shared.begin(conn, now).await.map(Some) })
    });
    if shared.await?.is_none() {
        store.write(move |conn, now| Box::pin(claim.begin(conn, now))).await?;
    }
    // Read by another connection, so that the one that writes is free for the next write. What this very call began
    // before, its answer being lost, is there, too.
    let rows = store.read(|conn| Box::pin(async { begun.fetch_all(conn).await.map_err(from_sqlx) })).await?;
    rows.iter().map(row::begun).collect()
}

/// A [`BeginRequest`] of its own, since a write may outlive its caller.
#[derive(Clone)]
struct Claim {
    ids: String,
    worker: String,
    batch: i64,
    provider: String,
    lease_ms: i64,
}

impl Claim {
    async fn begin(self, conn: &mut SqliteConnection, now: i64) -> Result<()> {
        let lease_until = now.saturating_add(self.lease_ms);
        let query = sqlx::query(sql::BEGIN).bind(self.ids).bind(now).bind(self.worker).bind(self.batch);
        query.bind(lease_until).bind(self.provider).execute(conn).await.map_err(from_sqlx)?;
        Ok(())
    }

    fn begun(&self) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
        sqlx::query(sql::BEGUN).bind(self.ids.clone()).bind(self.worker.clone()).bind(self.batch)
    }
}

/// A limit of rows as SQLite takes it.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
