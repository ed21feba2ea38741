//! `queued → sending`, and the claim of due messages for a queue.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use sms_core::clock::{StoreTime, datetime_from_ms};
use sms_core::store::decision::AttemptState;
use sms_core::store::{BeginRequest, Begun, CLOCK_DIFFERENCE, DueRequest};
use sms_core::{Class, Job, Lane, MessageId, OnUnknown, Result, Submission};
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::error::undecodable;
use crate::sql::args::{millis, name, rows, uuids};
use crate::sql::fragments::{its_message, with_clock};
use crate::sql::row::Columns;
use crate::sql::stop_list::is_stopped;

/// The part of [`DUE`] for one lane.
macro_rules! due {
    ($lane:literal, $limit:literal) => {
        concat!(
            "SELECT id, lane, push_at FROM states \
             WHERE status = 0 AND route = $7 AND lane = ",
            $lane,
            " AND push_at <= (SELECT now FROM clock) + $6 AND due_at <= (SELECT now FROM clock) \
               AND valid_until + 0 > (SELECT now FROM clock) ORDER BY push_at LIMIT ",
            $limit,
            " FOR UPDATE SKIP LOCKED"
        )
    };
}

/// Claims queued messages of a route to offer to a queue: due, not past their deadline, not claimed
/// for a while. $2 time before they are claimed again, $3 to $5 limits of the lanes, $6 how much
/// earlier than that they may be claimed now, $7 route.
pub(crate) const DUE: &str = concat!(
    with_clock!(),
    ", urgent AS (",
    due!("0", "$3"),
    "), normal AS (",
    due!("1", "$4"),
    "), bulk AS (",
    due!("2", "$5"),
    "), picked AS MATERIALIZED ( \
         SELECT * FROM urgent UNION ALL SELECT * FROM normal UNION ALL SELECT * FROM bulk \
     ), offered AS ( \
         UPDATE states SET push_at = (SELECT now FROM clock) + $2 \
         WHERE id = ANY (ARRAY(SELECT id FROM picked)) \
     ) SELECT id, lane FROM picked ORDER BY lane, push_at"
);

pub(crate) async fn due(database: &Database, request: DueRequest) -> Result<Vec<Job>> {
    let [urgent, normal, bulk] = request.limits.map(rows).into_values();
    let query = sqlx::query(DUE)
        .bind(database.now())
        .bind(millis(request.again_after))
        .bind(urgent)
        .bind(normal)
        .bind(bulk)
        .bind(millis(request.ahead))
        .bind(request.route.as_str());
    let job = |row| {
        let mut columns = Columns::new(row);
        let (id, lane) = (columns.id()?, columns.take::<i16>()?);
        Ok(Job::new(id, Lane::from_number(lane.into()).ok_or_else(|| undecodable("lane"))?))
    };
    database.rows(query).await?.iter().map(job).collect()
}

/// The columns of a [`Begun`], in the order in which [`read_begun`] reads
/// them.
macro_rules! begun_columns {
    () => {
        concat!(
            "s.id, m.to_number, m.text, m.sender, m.class, m.options, s.valid_until, s.fence, \
             s.attempts, m.max_attempts, s.resends, m.on_unknown, s.lease_since - s.unknown_at, ",
            is_stopped!("stop_list", "m.to_number"),
            ", m.owner"
        )
    };
}

/// `queued → sending`; guard: due within $8, not past its deadline, takes this route. $2 ids, $3
/// worker, $4 batch, $5 length of the lease, $6 provider, $7 route.
pub(crate) const BEGIN: &str = concat!(
    with_clock!(),
    ", begun AS ( \
         UPDATE states AS s \
         SET status = 1, fence = s.fence + 1, attempts = s.attempts + 1, updated_at = clock.now, \
             worker = $3, batch = $4, lease_since = clock.now, lease_until = clock.now + $5, \
             provider = $6 \
         FROM clock \
         WHERE s.id = ANY ($2) AND s.status + 0 = 0 AND s.due_at <= clock.now + $8 \
         AND s.valid_until + 0 > clock.now AND s.route = $7 \
         RETURNING s.* \
     ) SELECT ",
    begun_columns!(),
    " FROM begun AS s",
    its_message!()
);

/// The messages that an earlier call with the same worker and batch began. $1 ids, $2 worker, $3
/// batch.
pub(crate) const BEGUN: &str = concat!(
    "SELECT ",
    begun_columns!(),
    " FROM states AS s",
    its_message!(),
    "WHERE s.id = ANY ($1) AND s.status + 0 = 1 AND s.worker = $2 AND s.batch = $3"
);

pub(crate) async fn begin(database: &Database, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
    // Sorted, because rows are locked in the order of their ids.
    let asked: BTreeSet<MessageId> = request.ids.iter().copied().collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, worker, batch) = (uuids(&asked), name(request.worker), request.batch.cast_signed());
    let mut conn = database.connection().await?;
    let time = database.time();
    let query = sqlx::query(BEGIN)
        .bind(time.now_ms)
        .bind(ids.as_slice())
        .bind(worker.as_ref())
        .bind(batch)
        .bind(millis(request.lease))
        .bind(name(request.provider))
        .bind(request.route.as_str())
        .bind(millis(CLOCK_DIFFERENCE));
    let mut begun: Vec<Begun> =
        conn.rows(query).await?.iter().map(|row| read_begun(row, time)).collect::<Result<_>>()?;
    // Some were left out: another worker began them, they are not due, or this same call began them
    // before and its answer was lost.
    if begun.len() < asked.len() {
        let known: HashSet<MessageId> = begun.iter().map(|begun| begun.submission.id).collect();
        let query = sqlx::query(BEGUN).bind(ids).bind(worker.as_ref()).bind(batch);
        let before = conn
            .rows(query)
            .await?
            .iter()
            .map(|row| read_begun(row, time))
            .collect::<Result<Vec<_>>>()?;
        begun.extend(before.into_iter().filter(|begun| !known.contains(&begun.submission.id)));
    }
    Ok(begun)
}

/// Reads a row of `begun_columns!`.
fn read_begun(row: &PgRow, time: StoreTime) -> Result<Begun> {
    let mut columns = Columns::new(row);
    let (id, to) = (columns.id()?, columns.phone()?);
    let mut submission = Submission::new(id, to, columns.take::<String>()?);
    submission.from = columns.take()?;
    submission.class = columns.numbered("class", Class::from_number)?;
    submission.options = columns.json("options", serde_json::from_str)?;
    submission.valid_until = datetime_from_ms(time.wall_at(columns.take()?));
    let fence = columns.number("fence")?;
    submission.attempt = fence;
    let attempt = AttemptState::new(
        columns.small("number of attempts")?,
        columns.number("limit of attempts")?,
        columns.small("number of resends")?,
        columns.numbered("policy", OnUnknown::from_number)?,
    )
    .unknown_before(
        columns.take::<Option<i64>>()?.map(|ms| Duration::from_millis(ms.max(0).cast_unsigned())),
    );
    let on_stop_list = columns.take()?;
    let owner = columns.take::<Option<String>>()?;
    Ok(Begun::new(submission, fence, attempt).on_stop_list(on_stop_list).owner(owner))
}
