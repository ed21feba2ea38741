//! `∅ → queued`.

use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use sms_core::clock::{StoreTime, datetime_to_ms, duration_to_ms};
use sms_core::message::{Fingerprint, IdempotencyKey};
use sms_core::sender::key_reused;
use sms_core::store::transition::DeliveryState;
use sms_core::store::{InsertRequest, Inserted, KEY_WINDOW};
use sms_core::{Error, ErrorKind, MessageId, NewMessage, Result, SendOptions};

use crate::database::Database;
use crate::error::{DbResult, Failure, undecodable};
use crate::sql;

/// The message a key stands for.
struct Holder {
    id: MessageId,
    fingerprint: Fingerprint,
    created_at: i64,
}

impl Holder {
    /// Whether the key is still its own.
    fn is_held(&self, now: i64) -> bool {
        now - self.created_at < duration_to_ms(KEY_WINDOW)
    }

    fn answer(&self, message: &NewMessage) -> Inserted {
        Inserted::held_by((self.id, self.fingerprint), message)
    }
}

pub(crate) async fn insert(
    database: &Database,
    request: InsertRequest<'_>,
) -> Result<Vec<Inserted>> {
    if request.messages.is_empty() {
        return Ok(Vec::new());
    }
    // A write may outlive its caller.
    let (messages, push_after) = (request.messages.to_vec(), request.push_after);
    database.share(move |conn, time| insert_all(conn, time, &messages, push_after)).await
}

/// The answers of those that hold the keys of messages.
pub(crate) async fn replays(
    database: &Database,
    messages: &[NewMessage],
) -> Result<Vec<Option<Inserted>>> {
    let (messages, now) = (messages.to_vec(), database.time().now);
    let replays = move |conn: &Connection| {
        messages.iter().map(|message| replay(conn, now, message)).collect()
    };
    database.read(replays).await
}

fn replay(conn: &Connection, now: i64, message: &NewMessage) -> DbResult<Option<Inserted>> {
    let Some(key) = &message.key else { return Ok(None) };
    let holder = holder(conn, message.owner.as_deref(), key)?.filter(|holder| holder.is_held(now));
    Ok(holder.map(|first| first.answer(message)))
}

/// Inserts one message in the transaction of a caller.
pub(crate) fn insert_in(
    conn: &Connection,
    time: StoreTime,
    message: &NewMessage,
) -> Result<MessageId> {
    let inserted = match message.check_at(time.wall_at(time.now)) {
        Ok(()) => {
            let mut insert = conn.prepare_cached(sql::INSERT).map_err(Failure::from)?;
            insert_one(conn, &mut insert, time, message, Duration::ZERO)?
        }
        // What was accepted when its time was right is replayed.
        Err(refused) => replay(conn, time.now, message)?.ok_or(refused)?,
    };
    match inserted {
        Inserted::Stored => Ok(message.id),
        Inserted::Replayed(first) => Ok(first),
        Inserted::KeyReused => Err(key_reused()),
    }
}

/// Inserts in order: of two messages with one key the first is inserted.
fn insert_all(
    conn: &Connection,
    time: StoreTime,
    messages: &[NewMessage],
    push_after: Duration,
) -> DbResult<Vec<Inserted>> {
    let mut insert = conn.prepare_cached(sql::INSERT)?;
    messages
        .iter()
        .map(|message| insert_one(conn, &mut insert, time, message, push_after))
        .collect()
}

fn insert_one(
    conn: &Connection,
    insert: &mut CachedStatement<'_>,
    time: StoreTime,
    message: &NewMessage,
    push_after: Duration,
) -> DbResult<Inserted> {
    // Nearly always there is no more to it.
    if insert_free(insert, time, message, push_after)? || is_stored(conn, message.id)? {
        return Ok(Inserted::Stored);
    }
    let neither = || Error::new(ErrorKind::Internal, "a message was neither stored nor refused");
    let key = message.key.as_ref().ok_or_else(neither)?;
    let first = holder(conn, message.owner.as_deref(), key)?.ok_or_else(neither)?;
    if !first.is_held(time.now) {
        conn.prepare_cached(sql::RELEASE_KEY)?.execute([first.id.as_bytes()])?;
        let inserted = insert_free(insert, time, message, push_after)?;
        return if inserted { Ok(Inserted::Stored) } else { Err(neither().into()) };
    }
    Ok(first.answer(message))
}

/// Inserts a message if its id and its key are free; whether they were.
fn insert_free(
    insert: &mut CachedStatement<'_>,
    time: StoreTime,
    message: &NewMessage,
    push_after: Duration,
) -> DbResult<bool> {
    let state = DeliveryState::accept(message, time, push_after);
    let key = message.key.as_ref();
    let inserted = insert.execute(params![
        message.id.as_bytes(),
        message.owner,
        key.map(|key| &key.key),
        key.map(|key| key.fingerprint),
        i64::try_from(message.to.digits()).map_err(|_| undecodable("number"))?,
        message.text,
        message.from,
        message.class.as_str(),
        message.reference,
        (!message.metadata.is_empty()).then(|| message.metadata.as_json()),
        json(message.options != SendOptions::default(), || serde_json::to_string(
            &message.options
        ))?,
        message.encoding.as_str(),
        message.parts,
        message.send_at.map(datetime_to_ms),
        state.deadline_ms,
        message.max_attempts,
        message.on_unknown.as_str(),
        message.lane().number(),
        state.status.number(),
        time.now,
        state.updated_at,
        state.due_at,
        state.valid_until,
        state.push_at,
    ])?;
    Ok(inserted > 0)
}

/// JSON text, or NULL for what is empty.
fn json(
    is_filled: bool,
    encode: impl FnOnce() -> serde_json::Result<String>,
) -> Result<Option<String>> {
    let refused =
        |error| Error::new(ErrorKind::Internal, "a message cannot be encoded").with_source(error);
    is_filled.then(encode).transpose().map_err(refused)
}

fn is_stored(conn: &Connection, id: MessageId) -> DbResult<bool> {
    Ok(conn.prepare_cached(sql::IS_STORED)?.query_row([id.as_bytes()], |row| row.get(0))?)
}

fn holder(
    conn: &Connection,
    owner: Option<&str>,
    key: &IdempotencyKey,
) -> DbResult<Option<Holder>> {
    let mut holder = conn.prepare_cached(sql::KEY_HOLDER)?;
    let holder = holder.query_row(params![owner.unwrap_or_default(), key.key], |row| {
        let id = MessageId::from_bytes(row.get(0)?);
        Ok(Holder { id, fingerprint: row.get(1)?, created_at: row.get(2)? })
    });
    Ok(holder.optional()?)
}
