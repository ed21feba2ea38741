//! `∅ → queued`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sms_core::clock::{datetime_to_ms, duration_to_ms};
use sms_core::message::{Fingerprint, IdempotencyKey};
use sms_core::sender::key_reused;
use sms_core::store::{InsertRequest, Inserted, KEY_WINDOW};
use sms_core::transition::Standing;
use sms_core::{Error, ErrorKind, Message, MessageId, NewMessage, Result, SendOptions};
use sqlx::SqliteConnection;

use crate::args::{Args, Piece, id_list};
use crate::error::{from_sqlx, undecodable};
use crate::row::Columns;
use crate::sql;
use crate::store::SqliteStore;

/// Messages on their way into the table, apart from the request they came in: a write may outlive its caller.
struct Insertion {
    pieces: Vec<Piece>,
    slots: Vec<Slot>,
}

/// What has to be known of a message to answer for it.
struct Slot {
    id: MessageId,
    key: Option<(KeyName, Fingerprint)>,
}

/// Owner, or "" for none, and key.
type KeyName = (String, String);

/// The message a key stands for.
struct Holder {
    id: MessageId,
    fingerprint: Fingerprint,
    created_at: i64,
}

pub(crate) async fn insert(store: &SqliteStore, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
    let InsertRequest { messages, push_after } = request;
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let now = store.now();
    let pieces = pieces(messages, now, push_after)?;
    // Nearly every insert is one that inserts everything.
    let single = pieces.len() == 1;
    let inserted = store
        .write_shared(single, move |conn, _| Box::pin(async { run_all(conn, pieces).await.map(Some) }))
        .await?;
    if inserted == Some(messages.len()) {
        return Ok(vec![Inserted::Stored; messages.len()]);
    }
    // Some were left out. The whole is repeated, which changes nothing for those that were inserted.
    let pieces = self::pieces(messages, now, push_after)?;
    let insertion = Insertion::new(messages, pieces);
    store.write(move |conn, now| Box::pin(async move { insertion.run(conn, now).await })).await
}

/// Inserts one message in the transaction of a caller.
pub(crate) async fn insert_in(conn: &mut SqliteConnection, now: i64, message: &Message) -> Result<MessageId> {
    let message = message.prepare()?;
    let messages = std::slice::from_ref(&message);
    let insertion = Insertion::new(messages, pieces(messages, now, Duration::ZERO)?);
    match insertion.run(conn, now).await?.first() {
        Some(Inserted::Stored) => Ok(message.id),
        Some(Inserted::Replayed(first)) => Ok(*first),
        Some(Inserted::KeyReused) => Err(key_reused()),
        None => Err(Error::new(ErrorKind::Internal, "the SQLite store gave no answer for a message")),
    }
}

/// The statements that insert these.
fn pieces(messages: &[NewMessage], now: i64, push_after: Duration) -> Result<Vec<Piece>> {
    sql::INSERT.pieces(messages, |args, message| bind(args, message, now, push_after))
}

/// Runs them: how many messages they inserted.
async fn run_all(conn: &mut SqliteConnection, pieces: Vec<Piece>) -> Result<usize> {
    let mut inserted = 0;
    for piece in pieces {
        inserted += run(conn, piece).await?;
    }
    Ok(inserted)
}

/// Runs one of them.
async fn run(conn: &mut SqliteConnection, piece: Piece) -> Result<usize> {
    let done = piece.query().execute(conn).await.map_err(from_sqlx)?;
    usize::try_from(done.rows_affected()).map_err(|_| undecodable("count"))
}

impl Insertion {
    fn new(messages: &[NewMessage], pieces: Vec<Piece>) -> Self {
        let slot = |NewMessage { id, owner, key, .. }: &NewMessage| {
            let name = |key: &IdempotencyKey| (owner.clone().unwrap_or_default(), key.key.clone());
            Slot { id: *id, key: key.as_ref().map(|key| (name(key), key.fingerprint)) }
        };
        Self { pieces, slots: messages.iter().map(slot).collect() }
    }

    /// Inserts inside a transaction.
    async fn run(&self, conn: &mut SqliteConnection, now: i64) -> Result<Vec<Inserted>> {
        if self.insert_free(conn).await? == self.slots.len() {
            return Ok(vec![Inserted::Stored; self.slots.len()]);
        }
        if self.release_old_keys(conn, now).await? {
            self.insert_free(conn).await?;
        }
        self.answers(conn).await
    }

    /// Inserts what has a free id and a free key, in order: of two messages with one key the first is inserted.
    async fn insert_free(&self, conn: &mut SqliteConnection) -> Result<usize> {
        run_all(conn, self.pieces.clone()).await
    }

    /// Frees the keys whose window is over; whether there were any.
    async fn release_old_keys(&self, conn: &mut SqliteConnection, now: i64) -> Result<bool> {
        let holders = self.holders(conn).await?;
        let old: Vec<MessageId> = holders
            .values()
            .filter(|holder| now - holder.created_at >= duration_to_ms(KEY_WINDOW))
            .map(|holder| holder.id)
            .collect();
        if !old.is_empty() {
            sqlx::query(sql::RELEASE_KEYS).bind(id_list(&old)).execute(conn).await.map_err(from_sqlx)?;
        }
        Ok(!old.is_empty())
    }

    async fn answers(&self, conn: &mut SqliteConnection) -> Result<Vec<Inserted>> {
        let stored = self.stored(conn).await?;
        let holders = self.holders(conn).await?;
        let answer = |Slot { id, key }: &Slot| {
            if stored.contains(id) {
                return Ok(Inserted::Stored);
            }
            match key.as_ref().and_then(|(name, fingerprint)| Some((holders.get(name)?, fingerprint))) {
                Some((first, fingerprint)) if first.fingerprint == *fingerprint => {
                    Ok(Inserted::Replayed(first.id))
                }
                Some(_) => Ok(Inserted::KeyReused),
                None => Err(Error::new(ErrorKind::Internal, "a message was neither stored nor refused")),
            }
        };
        self.slots.iter().map(answer).collect()
    }

    /// Which messages are stored, now or before.
    async fn stored(&self, conn: &mut SqliteConnection) -> Result<HashSet<MessageId>> {
        let ids = id_list(self.slots.iter().map(|slot| &slot.id));
        let rows = sqlx::query(sql::STORED).bind(ids).fetch_all(conn).await.map_err(from_sqlx)?;
        rows.iter().map(|row| Columns::new(row).id()).collect()
    }

    async fn holders(&self, conn: &mut SqliteConnection) -> Result<HashMap<KeyName, Holder>> {
        let names: Vec<&KeyName> = self.slots.iter().filter_map(|slot| Some(&slot.key.as_ref()?.0)).collect();
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        let names = serde_json::to_string(&names).map_err(|_| undecodable("key"))?;
        let rows = sqlx::query(sql::KEY_HOLDERS).bind(names).fetch_all(conn).await.map_err(from_sqlx)?;
        let holder = |row| {
            let mut columns = Columns::new(row);
            let name = (columns.take()?, columns.take()?);
            let id = columns.id()?;
            let fingerprint = columns.take::<&[u8]>()?.try_into().map_err(|_| undecodable("fingerprint"))?;
            Ok((name, Holder { id, fingerprint, created_at: columns.take()? }))
        };
        rows.iter().map(holder).collect()
    }
}

/// One row of [`sql::INSERT`].
fn bind(args: &mut Args, message: &NewMessage, now: i64, push_after: Duration) -> Result<()> {
    let standing = Standing::accept(message, now, push_after);
    let key = message.key.as_ref();
    args.push(message.id.as_bytes().as_slice())?;
    args.push(message.owner.as_deref())?;
    args.push(key.map(|key| key.key.as_str()))?;
    args.push(key.map(|key| key.fingerprint.as_slice()))?;
    args.push(i64::try_from(message.to.digits()).map_err(|_| undecodable("number"))?)?;
    args.push(message.text.as_str())?;
    args.push(message.from.as_deref())?;
    args.push(message.class.as_str())?;
    args.push(message.reference.as_deref())?;
    args.push(json(serde_json::to_string(&message.metadata), message.metadata.is_empty())?)?;
    args.push(json(serde_json::to_string(&message.options), message.options == SendOptions::default())?)?;
    args.push(message.encoding.as_str())?;
    args.push(i64::from(message.parts))?;
    args.push(message.send_at.map(datetime_to_ms))?;
    args.push(standing.deadline_ms)?;
    args.push(i64::from(message.max_attempts))?;
    args.push(message.on_unknown.as_str())?;
    args.push(i64::from(message.lane().number()))?;
    args.push(i64::from(standing.status.number()))?;
    args.push(now)?;
    args.push(standing.updated_at)?;
    args.push(standing.due_at)?;
    args.push(standing.valid_until)?;
    args.push(standing.push_at)
}

/// JSON text, or NULL for what is empty.
fn json(text: serde_json::Result<String>, empty: bool) -> Result<Option<String>> {
    let refused = |error| Error::new(ErrorKind::Internal, "a message cannot be encoded").with_source(error);
    text.map(|text| (!empty).then_some(text)).map_err(refused)
}
