//! `∅ → queued`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sms_core::clock::{StoreTime, datetime_to_ms};
use sms_core::message::Fingerprint;
use sms_core::sender::key_reused;
use sms_core::store::{InsertRequest, Inserted, KEY_WINDOW};
use sms_core::{Error, ErrorKind, MessageId, NewMessage, Result, SendOptions};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::database::Database;
use crate::error::{from_sqlx, too_large, undecodable};
use crate::pool::Query;
use crate::sql;
use crate::sql::args::{clean, clean_some, millis, name_some, uuid};
use crate::sql::row::Columns;

/// How often an insert is repeated that has lost a key to somebody it did not see yet: each time
/// there was such a one, and each time it is seen the next time.
const REPEATS: usize = 5;

/// The statements that name their tables in full: they also run on connections of others.
///
/// Nearly always ids and keys are free, as far as can be seen. Then it takes a third less time to
/// insert without looking twice, and to begin again when one was not.
#[derive(Clone, Debug)]
pub(crate) struct InsertStatements {
    plain: Pair,
    keyed: Pair,
    holders: Arc<str>,
}

#[derive(Clone, Debug)]
struct Pair {
    /// Fails when an id or a key is not free after all.
    hopeful: Arc<str>,
    /// Leaves those out.
    careful: Arc<str>,
}

impl InsertStatements {
    pub(crate) fn new(schema: &str) -> Self {
        let pair = |statement: &str| {
            let careful = statement.replace(" sms.", &format!(" {schema}."));
            Pair {
                hopeful: careful.replace(" ON CONFLICT DO NOTHING", "").into(),
                careful: careful.into(),
            }
        };
        let holders = sql::KEY_HOLDERS.replace(" sms.", &format!(" {schema}.")).into();
        Self { plain: pair(sql::INSERT), keyed: pair(sql::INSERT_KEYED), holders }
    }
}

/// A key that is held: by whom, and for which content.
type Holder = (MessageId, Fingerprint);

/// What became of a message that was not stored.
struct Refused {
    is_stored: bool,
    holder: Option<Holder>,
}

pub(crate) async fn insert(
    database: &Database,
    statements: &InsertStatements,
    request: InsertRequest<'_>,
) -> Result<Vec<Inserted>> {
    let InsertRequest { messages, push_after } = request;
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut conn = database.connection().await?;
    let is_keyed = messages.iter().any(|message| message.key.is_some());
    let Pair { hopeful, careful } = if is_keyed { &statements.keyed } else { &statements.plain };
    for text in std::iter::once(hopeful).chain(std::iter::repeat_n(careful, REPEATS)) {
        let query = statement(database.time(), text, is_keyed, messages, push_after)?;
        let left = conn.rows_unless_taken(query).await?;
        // Without a key, what is left out is there already, under its id.
        let answers = left.map(|left| answers(messages, &left)).transpose()?.flatten();
        if let Some(answers) = answers {
            return Ok(answers);
        }
    }
    Err(contended())
}

/// The answers of those that hold the keys of messages.
pub(crate) async fn replays(
    database: &Database,
    statements: &InsertStatements,
    messages: &[NewMessage],
) -> Result<Vec<Option<Inserted>>> {
    let rows = database.rows(holders(statements, database.now(), messages)).await?;
    held(messages, &rows)
}

/// [`sql::KEY_HOLDERS`].
fn holders(statements: &InsertStatements, now: i64, messages: &[NewMessage]) -> Query<'static> {
    let keys =
        messages.iter().map(|message| message.key.as_ref().map(|key| clean(&key.key).into_owned()));
    let owners =
        messages.iter().map(|message| name_some(message.owner.as_deref()).map(Cow::into_owned));
    sqlx::query(AssertSqlSafe(Arc::clone(&statements.holders)))
        .bind(now)
        .bind(millis(KEY_WINDOW))
        .bind(messages.iter().map(|message| uuid(message.id)).collect::<Vec<_>>())
        .bind(owners.collect::<Vec<_>>())
        .bind(keys.collect::<Vec<_>>())
}

fn held(messages: &[NewMessage], rows: &[PgRow]) -> Result<Vec<Option<Inserted>>> {
    let holders: HashMap<MessageId, Refused> = rows.iter().map(refused).collect::<Result<_>>()?;
    let answer = |message: &NewMessage| {
        let holder = holders.get(&message.id)?.holder?;
        Some(Inserted::held_by(holder, message))
    };
    Ok(messages.iter().map(answer).collect())
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
    if let Err(refused) = message.check_at(time.wall_at(time.now)) {
        // What was accepted when its time was right is replayed.
        let rows = holders(statements, database.now(), messages)
            .fetch_all(&mut *conn)
            .await
            .map_err(from_sqlx)?;
        return match held(messages, &rows)?.first() {
            Some(Some(Inserted::Replayed(first))) => Ok(*first),
            Some(Some(_)) => Err(key_reused()),
            _ => Err(refused),
        };
    }
    for _ in 0..REPEATS {
        let query =
            statement(database.time(), &statements.keyed.careful, true, messages, Duration::ZERO)?;
        let left = query.fetch_all(&mut *conn).await.map_err(from_sqlx)?;
        match answers(messages, &left)?.as_deref() {
            Some([Inserted::Replayed(first)]) => return Ok(*first),
            Some([Inserted::KeyReused]) => return Err(key_reused()),
            Some(_) => return Ok(message.id),
            None => {}
        }
    }
    Err(contended())
}

fn contended() -> Error {
    Error::new(ErrorKind::Unavailable, "the idempotency key is being used by too many at once")
}

/// One answer for each message, in order; `None` when the statement is to be run again.
fn answers(messages: &[NewMessage], left: &[PgRow]) -> Result<Option<Vec<Inserted>>> {
    let left: HashMap<MessageId, Refused> = left.iter().map(refused).collect::<Result<_>>()?;
    let answer = |message: &NewMessage| {
        let Some(Refused { is_stored, holder }) = left.get(&message.id) else {
            return Some(Inserted::Stored);
        };
        match holder {
            _ if *is_stored => Some(Inserted::Stored),
            Some(holder) => Some(Inserted::held_by(*holder, message)),
            None => None,
        }
    };
    Ok(messages.iter().map(answer).collect())
}

fn refused(row: &PgRow) -> Result<(MessageId, Refused)> {
    let mut columns = Columns::new(row);
    let (id, is_stored) = (columns.id()?, columns.take()?);
    let holder: (Option<uuid::Uuid>, Option<&[u8]>) = (columns.take()?, columns.take()?);
    let holder = match holder {
        (Some(holder), Some(fingerprint)) => {
            let fingerprint = fingerprint.try_into().map_err(|_| undecodable("fingerprint"))?;
            Some((MessageId::from_bytes(holder.into_bytes()), fingerprint))
        }
        _ => None,
    };
    Ok((id, Refused { is_stored, holder }))
}

/// A statement over `asked_messages!`.
fn statement(
    time: StoreTime,
    text: &Arc<str>,
    is_keyed: bool,
    messages: &[NewMessage],
    push_after: Duration,
) -> Result<Query<'static>> {
    let mut sorted: Vec<&NewMessage> = messages.iter().collect();
    // Whoever inserts keys waits for others that insert them: all in one order, or two could wait
    // for each other. Of two with one key the first stays first.
    sorted.sort_by_key(|message| {
        (message.owner.as_deref(), message.key.as_ref().map(|key| key.key.as_str()))
    });
    let query =
        sqlx::query(AssertSqlSafe(Arc::clone(text))).bind(time.now).bind(millis(push_after));
    let query = bind(&sorted, query)?;
    let query = if is_keyed { bind_keys(&sorted, query) } else { query };
    Ok(query.bind(time.ahead))
}

/// What many messages of a batch have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Common<'m> {
    owner: Option<&'m str>,
    sender: Option<&'m str>,
    class: i16,
    encoding: i16,
    parts: i16,
    deadline: Duration,
    max_attempts: u32,
    on_unknown: i16,
    lane: i16,
}

impl<'m> Common<'m> {
    fn of(message: &'m NewMessage) -> Self {
        Self {
            owner: message.owner.as_deref(),
            sender: message.from.as_deref(),
            class: message.class.number().into(),
            encoding: message.encoding.number().into(),
            parts: message.parts.into(),
            deadline: message.deadline,
            max_attempts: message.max_attempts,
            on_unknown: message.on_unknown.number().into(),
            lane: message.lane().number().into(),
        }
    }
}

/// What the messages have in common, each once, and at which place each message has it: PostgreSQL
/// counts from 1.
fn commons<'m>(messages: &[&'m NewMessage]) -> (Vec<Common<'m>>, Vec<i32>) {
    let (mut commons, mut known) = (Vec::new(), HashMap::new());
    let mut place = |message: &&'m NewMessage| {
        let common = Common::of(message);
        *known.entry(common).or_insert_with(|| {
            commons.push(common);
            i32::try_from(commons.len()).unwrap_or(i32::MAX)
        })
    };
    let places = messages.iter().map(&mut place).collect();
    (commons, places)
}

fn bind(messages: &[&NewMessage], query: Query<'static>) -> Result<Query<'static>> {
    // One pass for each column: a batch is an array for each.
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
    let (commons, places) = commons(messages);
    let query = query
        .bind(column!(m of messages => uuid(m.id)))
        .bind(checked!(m of messages => i64::try_from(m.to.digits()).map_err(|_| too_large("number"))))
        .bind(column!(m of messages => clean(&m.text)))
        .bind(column!(m of messages => name_some(m.reference.as_deref())))
        .bind(column!(m of messages => (!m.metadata.is_empty()).then(|| m.metadata.as_json().to_owned())))
        .bind(checked!(m of messages => json(m.options != SendOptions::default(), || serde_json::to_string(&m.options))))
        .bind(column!(m of messages => m.send_at.map(datetime_to_ms)))
        .bind(places)
        .bind(column!(c of commons => name_some(c.owner)))
        .bind(column!(c of commons => clean_some(c.sender)))
        .bind(column!(c of commons => c.class))
        .bind(column!(c of commons => c.encoding))
        .bind(column!(c of commons => c.parts))
        .bind(column!(c of commons => millis(c.deadline)))
        .bind(checked!(c of commons => i32::try_from(c.max_attempts).map_err(|_| too_large("limit of attempts"))))
        .bind(column!(c of commons => c.on_unknown))
        .bind(column!(c of commons => c.lane));
    Ok(query)
}

/// The keys of messages of which some have one, and how long a key is held.
fn bind_keys(messages: &[&NewMessage], query: Query<'static>) -> Query<'static> {
    let keys = messages.iter().map(|message| message.key.as_ref());
    query
        .bind(keys.clone().map(|key| key.map(|key| clean(&key.key))).collect::<Vec<_>>())
        .bind(keys.map(|key| key.map(|key| key.fingerprint.as_slice())).collect::<Vec<_>>())
        .bind(millis(KEY_WINDOW))
}

/// JSON text, or NULL where there is nothing to say.
fn json(
    is_filled: bool,
    encode: impl FnOnce() -> serde_json::Result<String>,
) -> Result<Option<String>> {
    let refused =
        |error| Error::new(ErrorKind::Internal, "a message cannot be encoded").with_source(error);
    is_filled.then(encode).transpose().map_err(refused)
}
