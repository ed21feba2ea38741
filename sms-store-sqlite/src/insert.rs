//! `∅ → queued`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sms_core::clock::{datetime_to_ms, duration_to_ms};
use sms_core::message::Fingerprint;
use sms_core::sender::key_reused;
use sms_core::store::{InsertRequest, Inserted, KEY_WINDOW};
use sms_core::{Error, ErrorKind, Message, MessageId, NewMessage, Result, SendOptions, Status};
use sqlx::SqliteConnection;

use crate::args::{Args, Piece, id_list};
use crate::error::{from_sqlx, undecodable};
use crate::row::Columns;
use crate::store::SqliteStore;
use crate::sql;

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
    if request.messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut insertion = Insertion::new(request.messages, store.now(), request.push_after)?;
    // Nearly every insert is one statement that inserts everything, which is a transaction by itself.
    if let [piece] = insertion.pieces.as_slice() {
        let piece = piece.clone();
        let inserted = store.write(move |conn, _| Box::pin(run(conn, piece))).await?;
        if inserted.len() == insertion.slots.len() {
            return Ok(vec![Inserted::Stored; inserted.len()]);
        }
        // Some were left out. The whole is repeated, which changes nothing for those that were inserted.
    }
    store.write_together(move |conn, now| Box::pin(async move { insertion.run(conn, now).await })).await
}

/// Inserts one message in the transaction of a caller.
pub(crate) async fn insert_in(conn: &mut SqliteConnection, now: i64, message: &Message) -> Result<MessageId> {
    let message = message.prepare()?;
    let mut insertion = Insertion::new(std::slice::from_ref(&message), now, Duration::ZERO)?;
    match insertion.run(conn, now).await?.first() {
        Some(Inserted::Stored) => Ok(message.id),
        Some(Inserted::Replayed(first)) => Ok(*first),
        Some(Inserted::KeyReused) => Err(key_reused()),
        None => Err(Error::new(ErrorKind::Internal, "the SQLite store gave no answer for a message")),
    }
}

impl Insertion {
    fn new(messages: &[NewMessage], now: i64, push_after: Duration) -> Result<Self> {
        let pieces = sql::INSERT.pieces(messages, |args, message| bind(args, message, now, push_after))?;
        let slot = |message: &NewMessage| Slot {
            id: message.id,
            key: message.key.as_ref().map(|key| {
                ((message.owner.clone().unwrap_or_default(), key.key.clone()), key.fingerprint)
            }),
        };
        Ok(Self { pieces, slots: messages.iter().map(slot).collect() })
    }

    /// Inserts inside a transaction.
    async fn run(&mut self, conn: &mut SqliteConnection, now: i64) -> Result<Vec<Inserted>> {
        let mut inserted = self.insert_free(conn).await?;
        if inserted.len() == self.slots.len() {
            return Ok(vec![Inserted::Stored; inserted.len()]);
        }
        if self.release_old_keys(conn, now).await? {
            inserted.extend(self.insert_free(conn).await?);
        }
        self.answers(conn, inserted).await
    }

    /// Inserts what has a free id and a free key, in order: of two messages with one key the first is inserted.
    async fn insert_free(&self, conn: &mut SqliteConnection) -> Result<HashSet<MessageId>> {
        let mut inserted = HashSet::with_capacity(self.slots.len());
        for piece in self.pieces.iter().cloned() {
            inserted.extend(run(conn, piece).await?);
        }
        Ok(inserted)
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

    async fn answers(
        &self,
        conn: &mut SqliteConnection,
        inserted: HashSet<MessageId>,
    ) -> Result<Vec<Inserted>> {
        let stored = stored_before(conn, self.slots.iter().map(|slot| &slot.id)).await?;
        let holders = self.holders(conn).await?;
        let answer = |slot: &Slot| {
            if inserted.contains(&slot.id) || stored.contains(&slot.id) {
                return Ok(Inserted::Stored);
            }
            let holder = slot.key.as_ref().and_then(|(name, fingerprint)| Some((holders.get(name)?, fingerprint)));
            match holder {
                Some((holder, fingerprint)) if holder.fingerprint == *fingerprint => Ok(Inserted::Replayed(holder.id)),
                Some(_) => Ok(Inserted::KeyReused),
                None => Err(Error::new(ErrorKind::Internal, "a message was neither stored nor refused")),
            }
        };
        self.slots.iter().map(answer).collect()
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

/// Runs one statement to its end. Never `fetch_one` or `fetch_optional`: they stop at the first row, and then nobody sees
/// that the commit, which comes with the end of the statement, has failed.
async fn run(conn: &mut SqliteConnection, piece: Piece) -> Result<Vec<MessageId>> {
    let rows = piece.query().fetch_all(conn).await.map_err(from_sqlx)?;
    rows.iter().map(|row| Columns::new(row).id()).collect()
}

async fn stored_before<'a>(
    conn: &mut SqliteConnection,
    ids: impl Iterator<Item = &'a MessageId>,
) -> Result<HashSet<MessageId>> {
    let rows = sqlx::query(sql::STORED).bind(id_list(ids)).fetch_all(conn).await.map_err(from_sqlx)?;
    rows.iter().map(|row| Columns::new(row).id()).collect()
}

/// One row of [`sql::INSERT`].
fn bind(args: &mut Args, message: &NewMessage, now: i64, push_after: Duration) -> Result<()> {
    let due_at = message.send_at.map_or(now, |at| datetime_to_ms(at).max(now));
    let push_at =
        if message.send_at.is_some() { due_at } else { now.saturating_add(duration_to_ms(push_after)) };
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
    args.push(duration_to_ms(message.deadline))?;
    args.push(i64::from(message.max_attempts))?;
    args.push(message.on_unknown.as_str())?;
    args.push(i64::from(message.lane().number()))?;
    args.push(i64::from(Status::Queued.number()))?;
    args.push(now)?;
    args.push(now)?;
    args.push(due_at)?;
    args.push(due_at.saturating_add(duration_to_ms(message.deadline)))?;
    args.push(push_at)
}

/// JSON text, or NULL for what is empty.
fn json(text: serde_json::Result<String>, empty: bool) -> Result<Option<String>> {
    let refused = |error| Error::new(ErrorKind::Internal, "a message cannot be encoded").with_source(error);
    text.map(|text| (!empty).then_some(text)).map_err(refused)
}
