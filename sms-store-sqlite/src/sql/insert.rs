//! `∅ → queued`.

use std::time::Duration;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use sms_core::clock::{StoreTime, datetime_to_ms};
use sms_core::store::transition::DeliveryState;
use sms_core::store::{AcceptanceTimes, InsertRequest, Inserted};
use sms_core::{Error, ErrorKind, MessageId, NewMessage, Result, SendOptions};

use crate::database::Database;
use crate::error::{DbResult, Failure, undecodable};
use crate::sql::idempotency::{holder, release, replay};
use crate::sql::rollups::note_accepted;
use crate::sql::stop_list::{HAS_STOPS, is_stopped};

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
            let one = std::slice::from_ref(message);
            let inserted = insert_all(conn, time, one, Duration::ZERO)?;
            inserted.first().copied().ok_or_else(neither)?
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
    let (insert, accepted) = (conn.prepare_cached(INSERT)?, Vec::with_capacity(messages.len()));
    let has_stops = conn.prepare_cached(HAS_STOPS)?.query_row([], |row| row.get(0))?;
    let mut batch = InsertBatch { conn, insert, time, push_after, has_stops, accepted };
    let results = messages.iter().map(|message| batch.insert(message)).collect::<DbResult<_>>()?;
    note_accepted(conn, time.now_ms, &batch.accepted)?;
    Ok(results)
}

/// An insert of several messages.
struct InsertBatch<'c, 'm> {
    conn: &'c Connection,
    insert: CachedStatement<'c>,
    time: StoreTime,
    push_after: Duration,
    /// False if the stop-list is empty.
    has_stops: bool,
    /// The new messages.
    accepted: Vec<&'m NewMessage>,
}

impl<'m> InsertBatch<'_, 'm> {
    fn insert(&mut self, message: &'m NewMessage) -> DbResult<Inserted> {
        let is_stopped = self.has_stops && is_stopped(self.conn, message.to)?;
        // Nearly always this inserts it, and is all.
        if !is_stopped && let Some(times) = self.insert_free(message)? {
            return Ok(Inserted::Stored(times));
        }
        if let Some(times) = stored_before(self.conn, message.id)? {
            return Ok(Inserted::Stored(times));
        }
        let holder = match &message.key {
            Some(key) => holder(self.conn, message.owner.as_deref(), key)?,
            None => None,
        };
        match holder {
            Some(first) if first.is_held(self.time.now_ms) => Ok(first.answer(message)),
            _ if is_stopped => Ok(Inserted::OnStopList),
            Some(first) => {
                release(self.conn, first.id)?;
                Ok(Inserted::Stored(self.insert_free(message)?.ok_or_else(neither)?))
            }
            None => Err(neither()),
        }
    }

    /// Inserts a message if its id and its key are free. Returns its times if it was inserted.
    fn insert_free(&mut self, message: &'m NewMessage) -> DbResult<Option<AcceptanceTimes>> {
        let state = DeliveryState::accept(message, self.time, self.push_after);
        let key = message.key.as_ref();
        let inserted = self.insert.execute(params![
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
            self.time.now_ms,
            state.updated_at,
            state.due_at,
            state.valid_until,
            state.push_at,
            json(message.resend.is_some(), || serde_json::to_string(&message.resend))?,
        ])?;
        if inserted == 0 {
            return Ok(None);
        }
        self.accepted.push(message);
        Ok(Some(AcceptanceTimes::from_ms(self.time.now_ms, state.due_at)))
    }
}

fn neither() -> Failure {
    Error::new(ErrorKind::Internal, "a message was neither stored nor refused").into()
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

/// The times of a message that is stored. ?1 id.
pub(crate) const STORED_BEFORE: &str = "SELECT created_at, due_at FROM messages WHERE id = ?1";

fn stored_before(conn: &Connection, id: MessageId) -> DbResult<Option<AcceptanceTimes>> {
    let times = conn
        .prepare_cached(STORED_BEFORE)?
        .query_row([id.as_bytes()], |row| Ok(AcceptanceTimes::from_ms(row.get(0)?, row.get(1)?)));
    Ok(times.optional()?)
}
