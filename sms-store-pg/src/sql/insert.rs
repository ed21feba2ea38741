//! `∅ → queued`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sms_core::clock::{StoreTime, datetime_to_ms};
use sms_core::store::transition::DeliveryState;
use sms_core::store::{AcceptanceTimes, InsertRequest, Inserted, KEY_WINDOW};
use sms_core::{Error, ErrorKind, MessageId, NewMessage, Result, SendOptions};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::database::Database;
use crate::error::{from_sqlx, too_large};
use crate::pool::Query;
use crate::sql::args::{clean, clean_some, millis, name_some, uuid};
use crate::sql::commons::{Common, commons};
use crate::sql::fragments::with_clock;
use crate::sql::idempotency::{KeyHolders, Refused, refused, replayed};
use crate::sql::stop_list::is_stopped;

/// Number of times an insert is repeated after it lost a key to a transaction that it could not
/// see. Each repeat sees the transaction that the one before it lost to.
const MAX_REPEATS: usize = 5;

/// The statements that insert. They name their tables with the schema, because they also run on
/// connections of the application.
#[derive(Clone, Debug)]
pub(crate) struct InsertStatements {
    plain: Variants,
    keyed: Variants,
    pub(crate) key_holders: KeyHolders,
}

/// Two variants of an insert. Nearly always every id and key is free. The optimistic variant then
/// takes a third less time, and where it fails the careful one runs next.
#[derive(Clone, Debug)]
struct Variants {
    /// Fails if an id or a key is taken.
    optimistic: Arc<str>,
    /// Leaves out the messages with such an id or key.
    careful: Arc<str>,
}

/// The columns of a message without a key, in the order of `asked_messages!`.
macro_rules! message_columns {
    () => {
        "id, to_number, text, reference, metadata, options, send_at, owner, sender, class, \
         encoding, parts, deadline_ms, max_attempts, on_unknown, lane, route, resend"
    };
}

/// The rows to insert. $3 to $9 hold the columns in which each message differs. $11 to $21 hold the
/// columns that many messages share, each combination once, and $10 the index of a message's
/// combination, so that a shared value is sent and read once. PostgreSQL finds an element of a text
/// array by walking to it: the time grows with the square of the number of combinations, which is
/// small in every real batch.
macro_rules! asked_messages {
    ($own:literal, $names:literal) => {
        concat!(
            "SELECT id, to_number, text, reference, metadata, options, send_at, \
             ($11::text[])[at], ($12::text[])[at], \
             ($13::smallint[])[at], ($14::smallint[])[at], ($15::smallint[])[at], \
             ($16::bigint[])[at], \
             ($17::integer[])[at], ($18::smallint[])[at], ($19::smallint[])[at], \
             ($20::text[])[at], ($21::text[])[at]",
            $names,
            " FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], \
             $8::text[], $9::bigint[], $10::integer[]",
            $own,
            ") AS own (id, to_number, text, reference, metadata, options, send_at, at",
            $names,
            ")"
        )
    };
}

/// The states of the new messages, as
/// [`DeliveryState::accept`](sms_core::store::transition::DeliveryState::accept) writes them. The
/// argument of the macro is the parameter for the store's time minus the wall clock.
macro_rules! insert_states {
    ($ahead:literal) => {
        concat!(
            "INSERT INTO sms.states \
             (id, lane, route, status, created_at, updated_at, due_at, push_at, valid_until) \
             SELECT id, lane, route, 0, now, now, due_at, \
                    CASE WHEN send_at IS NULL AND route = 'default' THEN now + $2 \
                    ELSE due_at END, due_at + deadline_ms \
             FROM stored, clock, LATERAL (SELECT greatest(send_at + ",
            $ahead,
            "::bigint, now) AS due_at) AS at"
        )
    };
}

/// The times of each message that was stored before this statement, under its id.
macro_rules! stored_before {
    () => {
        " LEFT JOIN LATERAL (SELECT s.created_at, s.due_at FROM sms.states AS s \
             WHERE s.id = a.id OFFSET 0) AS b ON TRUE "
    };
}

/// The note of what was accepted, one row for each owner and class, if anybody counts.
macro_rules! note_accepted {
    () => {
        "noted AS (INSERT INTO sms.acceptances (at, owner, class, count) \
             SELECT now, coalesce(owner, ''), class, count(*) FROM stored, clock \
             WHERE EXISTS (SELECT FROM sms.rollup_position) GROUP BY now, owner, class)"
    };
}

/// The insert of messages without a key, up to its result. `$conflict` follows the rows.
macro_rules! insert_plain {
    ($conflict:literal) => {
        concat!(
            with_clock!(),
            ", stored AS (INSERT INTO sms.messages (",
            message_columns!(),
            ") ",
            asked_messages!("", ""),
            " WHERE NOT ",
            is_stopped!("sms.stop_list", "to_number"),
            $conflict,
            " RETURNING id, send_at, deadline_ms, lane, route, owner, class), ",
            note_accepted!(),
            ", queued AS (",
            insert_states!("$22"),
            ") "
        )
    };
}

/// `∅ → queued` for messages without a key; guard: the id is free, and the recipient is not on the
/// stop-list. Returns the rows of [`INSERT_KEYED`], without holders. $2 time until the caretaker
/// may push them, then `asked_messages!`, $22 the store's time minus the wall clock.
pub(crate) const INSERT: &str = concat!(
    insert_plain!(" ON CONFLICT DO NOTHING"),
    "SELECT a.id, b.created_at, b.due_at, NULL::uuid, NULL::bytea, ",
    is_stopped!("sms.stop_list", "a.to_number"),
    " FROM unnest($3::uuid[], $4::bigint[]) AS a (id, to_number)",
    stored_before!(),
    "WHERE a.id NOT IN (SELECT id FROM stored)"
);

/// The same where every id is free, and a unique violation otherwise. What it did not insert is
/// then on the stop-list, which costs less to tell.
pub(crate) const INSERT_NEW: &str = concat!(
    insert_plain!(""),
    "SELECT a.id, NULL::bigint, NULL::bigint, NULL::uuid, NULL::bytea, TRUE \
     FROM unnest($3::uuid[], $4::bigint[]) AS a (id, to_number) WHERE ",
    is_stopped!("sms.stop_list", "a.to_number")
);

/// The same for messages of which some have a key; guard: the key is free, too, or its window is
/// over, and then it is released first. Returns a row for each message that was not inserted: its
/// id, its times if it was stored before, the message that holds its key with its fingerprint, and
/// true if its recipient is on the stop-list. $22 keys, $23 fingerprints, $24 the window, $25 the
/// store's time minus the wall clock.
///
/// A row that says none of this belongs to a message that lost its key or id to a transaction which
/// this statement waited for and cannot see. The statement is to be run again.
pub(crate) const INSERT_KEYED: &str = concat!(
    with_clock!(),
    ", asked (",
    message_columns!(),
    ", key, fingerprint) AS MATERIALIZED (",
    asked_messages!(", $22::text[], $23::bytea[]", ", key, fingerprint"),
    "), held AS MATERIALIZED ( \
         SELECT a.id, m.id AS holder, m.fingerprint, s.created_at <= clock.now - $24 AS is_over \
         FROM asked AS a CROSS JOIN clock CROSS JOIN LATERAL ( \
             SELECT m.id, m.fingerprint FROM sms.messages AS m \
             WHERE coalesce(m.owner, '') = coalesce(a.owner, '') AND m.key = a.key \
               AND m.key IS NOT NULL AND NOT m.key_released OFFSET 0) AS m \
         CROSS JOIN LATERAL (SELECT s.created_at FROM sms.states AS s \
             WHERE s.id = m.id OFFSET 0) AS s \
     ), released AS ( \
         UPDATE sms.messages SET key_released = TRUE \
         WHERE id = ANY (ARRAY(SELECT holder FROM held WHERE is_over)) AND NOT key_released \
         RETURNING id \
     ), stored AS (INSERT INTO sms.messages (",
    message_columns!(),
    ", key, fingerprint) SELECT ",
    message_columns!(),
    ", key, fingerprint FROM asked \
         WHERE (SELECT count(*) FROM released) >= 0 \
           AND id NOT IN (SELECT id FROM held WHERE NOT is_over) AND NOT ",
    is_stopped!("sms.stop_list", "to_number"),
    " ON CONFLICT DO NOTHING RETURNING id, send_at, deadline_ms, lane, route, owner, class), ",
    note_accepted!(),
    ", queued AS (",
    insert_states!("$25"),
    ") SELECT a.id, b.created_at, b.due_at, h.holder, h.fingerprint, ",
    is_stopped!("sms.stop_list", "a.to_number"),
    " FROM asked AS a LEFT JOIN held AS h ON h.id = a.id AND NOT h.is_over",
    stored_before!(),
    "WHERE a.id NOT IN (SELECT id FROM stored)"
);

impl InsertStatements {
    pub(crate) fn new(schema: &str) -> Self {
        let in_schema = |statement: &str| statement.replace(" sms.", &format!(" {schema}."));
        let variants = |optimistic: &str, careful: &str| Variants {
            optimistic: in_schema(optimistic).into(),
            careful: in_schema(careful).into(),
        };
        let plain = variants(INSERT_NEW, INSERT);
        let keyed = variants(&INSERT_KEYED.replace(" ON CONFLICT DO NOTHING", ""), INSERT_KEYED);
        Self { plain, keyed, key_holders: KeyHolders::new(schema) }
    }
}

pub(crate) async fn insert(
    database: &Database,
    statements: &InsertStatements,
    request: InsertRequest<'_>,
) -> Result<Vec<Inserted>> {
    let InsertRequest { messages, push_after, .. } = request;
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut conn = database.connection().await?;
    let is_keyed = messages.iter().any(|message| message.key.is_some());
    let Variants { optimistic, careful } =
        if is_keyed { &statements.keyed } else { &statements.plain };
    for text in std::iter::once(optimistic).chain(std::iter::repeat_n(careful, MAX_REPEATS)) {
        let time = database.time();
        let query = statement(time, text, is_keyed, messages, push_after)?;
        let left = conn.rows_unless_taken(query).await?;
        let answers = left.map(|left| answers(time, messages, &left)).transpose()?.flatten();
        if let Some(answers) = answers {
            return Ok(answers);
        }
    }
    Err(contended())
}

/// Inserts one message in the transaction of a caller.
pub(crate) async fn insert_in(
    database: &Database,
    statements: &InsertStatements,
    conn: &mut PgConnection,
    message: &NewMessage,
) -> Result<MessageId> {
    let messages = std::slice::from_ref(message);
    let time = database.time();
    if let Err(refused) = message.check_at(time.wall_at(time.now_ms)) {
        // A message that was accepted while its time was valid is replayed.
        let query = statements.key_holders.query(database.now(), messages);
        let rows = query.fetch_all(&mut *conn).await.map_err(from_sqlx)?;
        let first = replayed(messages, &rows)?.first().copied().flatten().ok_or(refused)?;
        return first.into_accepted(message.id).map(|accepted| accepted.id);
    }
    for _ in 0..MAX_REPEATS {
        let time = database.time();
        let query = statement(time, &statements.keyed.careful, true, messages, Duration::ZERO)?;
        let left = query.fetch_all(&mut *conn).await.map_err(from_sqlx)?;
        if let Some(inserted) = answers(time, messages, &left)?
            && let Some(inserted) = inserted.first()
        {
            return inserted.into_accepted(message.id).map(|accepted| accepted.id);
        }
    }
    Err(contended())
}

fn contended() -> Error {
    Error::new(ErrorKind::Unavailable, "too many calls use the idempotency key at once")
}

/// One answer for each message, in order; `None` if the statement is to be run again.
fn answers(
    time: StoreTime,
    messages: &[NewMessage],
    left: &[PgRow],
) -> Result<Option<Vec<Inserted>>> {
    let left: HashMap<MessageId, Refused> = left.iter().map(refused).collect::<Result<_>>()?;
    let answer = |message: &NewMessage| {
        let Some(Refused { stored_before, holder, is_stopped }) = left.get(&message.id) else {
            // As the statement has computed it.
            let due_at = DeliveryState::accept(message, time, Duration::ZERO).due_at;
            return Some(Inserted::Stored(AcceptanceTimes::from_ms(time.now_ms, due_at)));
        };
        match (stored_before, holder) {
            (Some(times), _) => Some(Inserted::Stored(*times)),
            (None, Some(holder)) => Some(Inserted::held_by(*holder, message)),
            (None, None) => is_stopped.then_some(Inserted::OnStopList),
        }
    };
    Ok(messages.iter().map(answer).collect())
}

/// An insert with its arguments.
fn statement(
    time: StoreTime,
    text: &Arc<str>,
    is_keyed: bool,
    messages: &[NewMessage],
    push_after: Duration,
) -> Result<Query<'static>> {
    let mut sorted: Vec<&NewMessage> = messages.iter().collect();
    // An insert waits for other inserts of its keys. All use one order, so that no two wait for
    // each other. The sort is stable: of two messages with one key the first stays the first.
    sorted.sort_by_key(|message| {
        (message.owner.as_deref(), message.key.as_ref().map(|key| key.key.as_str()))
    });
    let query =
        sqlx::query(AssertSqlSafe(Arc::clone(text))).bind(time.now_ms).bind(millis(push_after));
    let query = bind(&sorted, query)?;
    let query = if is_keyed { bind_keys(&sorted, query) } else { query };
    Ok(query.bind(time.ahead_ms))
}

fn bind(messages: &[&NewMessage], query: Query<'static>) -> Result<Query<'static>> {
    // A batch is one array for each column, so each column takes one pass.
    macro_rules! column {
        ($row:ident of $rows:expr => $value:expr) => {
            $rows.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    macro_rules! checked {
        ($row:ident of $rows:expr => $value:expr) => {
            $rows.iter().map(|$row| $value).collect::<Result<Vec<_>>>()?
        };
    }
    let number =
        |message: &NewMessage| i64::try_from(message.to.digits()).map_err(|_| too_large("number"));
    let metadata = |message: &NewMessage| {
        (!message.metadata.is_empty()).then(|| message.metadata.as_json().to_owned())
    };
    let options = |message: &NewMessage| {
        let is_filled = message.options != SendOptions::default();
        json(is_filled, || serde_json::to_string(&message.options))
    };
    let max_attempts = |common: &Common<'_>| {
        i32::try_from(common.max_attempts).map_err(|_| too_large("limit of attempts"))
    };
    let resend = |common: &Common<'_>| {
        json(common.resend.is_some(), || serde_json::to_string(&common.resend))
    };
    let (commons, places) = commons(messages);
    let query = query
        .bind(column!(m of messages => uuid(m.id)))
        .bind(checked!(m of messages => number(m)))
        .bind(column!(m of messages => clean(&m.text)))
        .bind(column!(m of messages => name_some(m.reference.as_deref())))
        .bind(column!(m of messages => metadata(m)))
        .bind(checked!(m of messages => options(m)))
        .bind(column!(m of messages => m.send_at.map(datetime_to_ms)))
        .bind(places)
        .bind(column!(c of commons => name_some(c.owner)))
        .bind(column!(c of commons => clean_some(c.sender)))
        .bind(column!(c of commons => c.class))
        .bind(column!(c of commons => c.encoding))
        .bind(column!(c of commons => c.parts))
        .bind(column!(c of commons => millis(c.deadline)))
        .bind(checked!(c of commons => max_attempts(c)))
        .bind(column!(c of commons => c.on_unknown))
        .bind(column!(c of commons => c.lane))
        .bind(column!(c of commons => c.route.to_owned()))
        .bind(checked!(c of commons => resend(c)));
    Ok(query)
}

/// The keys and fingerprints, NULL for a message without one, and the window of a key.
fn bind_keys(messages: &[&NewMessage], query: Query<'static>) -> Query<'static> {
    let keys = messages.iter().map(|message| message.key.as_ref());
    query
        .bind(keys.clone().map(|key| key.map(|key| clean(&key.key))).collect::<Vec<_>>())
        .bind(keys.map(|key| key.map(|key| key.fingerprint.as_slice())).collect::<Vec<_>>())
        .bind(millis(KEY_WINDOW))
}

/// JSON text, or NULL for the default.
fn json(
    is_filled: bool,
    encode: impl FnOnce() -> serde_json::Result<String>,
) -> Result<Option<String>> {
    let refused =
        |error| Error::new(ErrorKind::Internal, "a message cannot be encoded").with_source(error);
    is_filled.then(encode).transpose().map_err(refused)
}
