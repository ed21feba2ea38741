//! `∅ → queued`.

use std::time::Duration;

use rusqlite::{CachedStatement, Connection, params};
use sms_core::clock::{StoreTime, datetime_to_ms};
use sms_core::store::transition::DeliveryState;
use sms_core::store::{InsertRequest, Inserted};
use sms_core::{Error, ErrorKind, MessageId, NewMessage, Result, SendOptions};

use crate::database::Database;
use crate::error::{DbResult, Failure, undecodable};
use crate::sql::idempotency::{holder, release, replay};
use crate::sql::rollups::note_accepted;

pub(crate) async fn insert(
    database: &Database,
    request: InsertRequest<'_>,
) -> Result<Vec<Inserted>> {
    if request.messages.is_empty() {
        return Ok(Vec::new());
    }
    // Copied, because a write may outlive its caller.
    let (messages, push_after) = (request.messages.to_vec(), request.push_after);
    database.share(move |conn, time| insert_all(conn, time, &messages, push_after)).await
}

/// `∅ → queued`; guard: the id and the idempotency key are free.
pub(crate) const INSERT: &str = "\
    INSERT INTO messages (id, owner, key, fingerprint, to_number, text, sender, class, route, \
    reference, metadata, options, encoding, parts, send_at, deadline_ms, max_attempts, on_unknown, \
    lane, status, created_at, updated_at, due_at, valid_until, push_at, resend) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT DO NOTHING";

/// Inserts one message in the transaction of a caller.
pub(crate) fn insert_in(
    conn: &Connection,
    time: StoreTime,
    message: &NewMessage,
) -> Result<MessageId> {
    let inserted = match message.check_at(time.wall_at(time.now_ms)) {
        Ok(()) => {
            let mut insert = conn.prepare_cached(INSERT).map_err(Failure::from)?;
            let mut accepted = Vec::new();
            let inserted =
                insert_one(conn, &mut insert, time, message, Duration::ZERO, &mut accepted)?;
            note_accepted(conn, time.now_ms, &accepted)?;
            inserted
        }
        // A message that was accepted while its time was valid is replayed.
        Err(refused) => replay(conn, time.now_ms, message)?.ok_or(refused)?,
    };
    inserted.into_accepted(message.id).map(|accepted| accepted.id)
}

/// Inserts in order: of two messages with one key the first is inserted.
fn insert_all(
    conn: &Connection,
    time: StoreTime,
    messages: &[NewMessage],
    push_after: Duration,
) -> DbResult<Vec<Inserted>> {
    let mut insert = conn.prepare_cached(INSERT)?;
    let mut accepted = Vec::with_capacity(messages.len());
    let insert_next =
        |message| insert_one(conn, &mut insert, time, message, push_after, &mut accepted);
    let inserted = messages.iter().map(insert_next).collect::<DbResult<_>>()?;
    note_accepted(conn, time.now_ms, &accepted)?;
    Ok(inserted)
}

/// Inserts one message, and adds it to `accepted` if it is new.
fn insert_one<'m>(
    conn: &Connection,
    insert: &mut CachedStatement<'_>,
    time: StoreTime,
    message: &'m NewMessage,
    push_after: Duration,
    accepted: &mut Vec<&'m NewMessage>,
) -> DbResult<Inserted> {
    // Nearly always the first call inserts it, and this is all.
    if insert_free(insert, time, message, push_after)? {
        accepted.push(message);
        return Ok(Inserted::Stored);
    }
    if is_stored(conn, message.id)? {
        return Ok(Inserted::Stored);
    }
    let neither = || Error::new(ErrorKind::Internal, "a message was neither stored nor refused");
    let key = message.key.as_ref().ok_or_else(neither)?;
    let first = holder(conn, message.owner.as_deref(), key)?.ok_or_else(neither)?;
    if !first.is_held(time.now_ms) {
        release(conn, first.id)?;
        if !insert_free(insert, time, message, push_after)? {
            return Err(neither().into());
        }
        accepted.push(message);
        return Ok(Inserted::Stored);
    }
    Ok(first.answer(message))
}

/// Inserts a message if its id and its key are free. Returns true if it was inserted.
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
        message.route.as_str(),
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
        time.now_ms,
        state.updated_at,
        state.due_at,
        state.valid_until,
        state.push_at,
        json(message.resend.is_some(), || serde_json::to_string(&message.resend))?,
    ])?;
    Ok(inserted > 0)
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

/// True if a message is stored. ?1 id.
pub(crate) const IS_STORED: &str = "SELECT EXISTS (SELECT 1 FROM messages WHERE id = ?1)";

fn is_stored(conn: &Connection, id: MessageId) -> DbResult<bool> {
    Ok(conn.prepare_cached(IS_STORED)?.query_row([id.as_bytes()], |row| row.get(0))?)
}
