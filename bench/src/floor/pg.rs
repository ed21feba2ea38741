//! A table with the columns that any queue of messages in PostgreSQL needs: an id, a number, a
//! text, a state, an index of due messages, and the provider's id with an index to find the message
//! of a receipt.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::try_join_all;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::meter::Meter;
use crate::backends::{database, execute};
use crate::text;

const TABLE: &str = "\
    CREATE TABLE floor (id uuid PRIMARY KEY, to_number bigint NOT NULL, text text NOT NULL, \
    status smallint NOT NULL, due_at bigint NOT NULL, provider_id text) \
    WITH (autovacuum_enabled = off); \
    CREATE INDEX floor_due ON floor (due_at) WHERE status = 0; \
    CREATE INDEX floor_provider ON floor (provider_id) WHERE provider_id IS NOT NULL";
const INSERT: &str = "INSERT INTO floor VALUES ($1, $2, $3, 0, $4, NULL)";
const INSERT_100: &str = "\
    INSERT INTO floor SELECT id, number, text, 0, due, NULL \
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[]) \
    AS asked (id, number, text, due)";
const CLAIM: &str = "\
    UPDATE floor SET status = 1 WHERE id = ANY (ARRAY( \
    SELECT id FROM floor WHERE status = 0 AND due_at <= $1 \
    ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED)) \
    RETURNING id, to_number, text";
const DONE: &str = "\
    UPDATE floor SET status = 2, provider_id = asked.provider_id \
    FROM unnest($1::uuid[], $2::text[]) AS asked (id, provider_id) \
    WHERE floor.id = ANY ($1) AND floor.id = asked.id";

pub(super) async fn measure(
    server: &str,
    span: Duration,
) -> anyhow::Result<[(&'static str, f64); 5]> {
    let name = format!("bench_floor_{}", Uuid::now_v7().simple());
    execute(server, &format!("CREATE DATABASE {name}")).await?;
    let url = database(server, &name)?;
    let measured = measure_in(&url, span).await;
    execute(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await?;
    measured
}

async fn measure_in(url: &str, span: Duration) -> anyhow::Result<[(&'static str, f64); 5]> {
    recreate(url).await?;
    let insert_alone = each(url, 1, span, insert_one).await?;
    recreate(url).await?;
    let insert = each(url, 32, span, insert_one).await?;
    recreate(url).await?;
    let insert_100 = each(url, 8, span, insert_hundred).await?;
    execute(url, "VACUUM ANALYZE floor").await?;
    execute(url, "CHECKPOINT").await?;
    let claim = each(url, 4, span, claim_hundred).await?;
    let done = done(url, span).await?;
    Ok([
        ("pg1", insert_alone),
        ("ins1", insert),
        ("ins100", insert_100),
        ("claim", claim),
        ("done", done),
    ])
}

async fn recreate(url: &str) -> anyhow::Result<()> {
    execute(url, "DROP TABLE IF EXISTS floor").await?;
    execute(url, TABLE).await?;
    execute(url, "CHECKPOINT").await
}

/// Rows per second of `clients` that repeat a step concurrently, each on its own connection.
async fn each(
    url: &str,
    clients: usize,
    span: Duration,
    step: impl AsyncFn(&mut PgConnection) -> sqlx::Result<u64> + Copy,
) -> anyhow::Result<f64> {
    let mut conns = Vec::new();
    for _ in 0..clients {
        conns.push(PgConnection::connect(url).await?);
    }
    let meter = Meter::start(span);
    let counts = try_join_all(conns.into_iter().map(async |mut conn| {
        let mut count = 0;
        while meter.runs() {
            match step(&mut conn).await? {
                0 => break,
                rows => count += rows,
            }
        }
        Ok::<u64, sqlx::Error>(count)
    }));
    let counts = counts.await?;
    Ok(meter.rate(counts.iter().sum()))
}

async fn insert_one(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let (id, number) = (Uuid::now_v7(), some_number());
    let insert = sqlx::query(INSERT).bind(id).bind(number).bind(text_of(number)).bind(number);
    Ok(insert.execute(conn).await?.rows_affected())
}

async fn insert_hundred(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let ids: Vec<Uuid> = (0..100).map(|_| Uuid::now_v7()).collect();
    let numbers: Vec<i64> = (0..100).map(|_| some_number()).collect();
    let texts: Vec<String> = numbers.iter().map(|number| text_of(*number)).collect();
    let insert = sqlx::query(INSERT_100).bind(ids).bind(&numbers).bind(texts).bind(&numbers);
    Ok(insert.execute(conn).await?.rows_affected())
}

async fn claim_hundred(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let rows = sqlx::query(CLAIM).bind(i64::MAX).fetch_all(conn).await?;
    // Reads the rows, like a worker.
    let mut texts = 0;
    for row in &rows {
        texts += usize::from(!row.try_get::<&str, _>(2)?.is_empty());
    }
    Ok(texts as u64)
}

/// Marks claimed rows as done. Each client has its own rows.
async fn done(url: &str, span: Duration) -> anyhow::Result<f64> {
    const CLIENTS: usize = 4;
    let mut conn = PgConnection::connect(url).await?;
    let rows = sqlx::query("SELECT id FROM floor WHERE status = 1").fetch_all(&mut conn).await?;
    let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<Uuid>, _>>()?;
    let mut conns = Vec::new();
    for _ in 0..CLIENTS {
        conns.push(PgConnection::connect(url).await?);
    }
    let shares = ids.chunks(ids.len().div_ceil(CLIENTS).max(1));
    let meter = Meter::start(span);
    let counts = try_join_all(conns.into_iter().zip(shares).map(async |(mut conn, share)| {
        let mut count = 0;
        for batch in share.chunks(100).take_while(|_| meter.runs()) {
            let provider_ids: Vec<String> = batch.iter().map(provider_id).collect();
            let done = sqlx::query(DONE).bind(batch).bind(provider_ids);
            count += done.execute(&mut conn).await?.rows_affected();
        }
        Ok::<u64, sqlx::Error>(count)
    }));
    let counts = counts.await.context("done")?;
    Ok(meter.rate(counts.iter().sum()))
}

/// An id in the form that sms.ru uses: a prefix that many share and a number.
fn provider_id(id: &Uuid) -> String {
    format!("202648-{}", id.as_u128() as u64 >> 12)
}

fn some_number() -> i64 {
    Uuid::now_v7().as_u128() as i64 & 0x7fff_ffff
}

fn text_of(number: i64) -> String {
    text::text(text::MARK, number.unsigned_abs(), 0)
}
