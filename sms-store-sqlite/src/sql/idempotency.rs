//! Idempotency keys: the messages that hold them.

use rusqlite::{Connection, OptionalExtension as _, params};
use sms_core::clock::duration_to_ms;
use sms_core::message::{Fingerprint, IdempotencyKey};
use sms_core::store::{Inserted, KEY_WINDOW};
use sms_core::{MessageId, NewMessage, Result};

use crate::database::Database;
use crate::error::DbResult;

/// The message that holds a key.
pub(crate) struct Holder {
    pub(crate) id: MessageId,
    fingerprint: Fingerprint,
    created_at: i64,
}

impl Holder {
    /// True while the window of its key lasts.
    pub(crate) fn is_held(&self, now: i64) -> bool {
        now - self.created_at < duration_to_ms(KEY_WINDOW)
    }

    /// Its answer to another message with its key.
    pub(crate) fn answer(&self, message: &NewMessage) -> Inserted {
        Inserted::held_by((self.id, self.fingerprint), message)
    }
}

/// The answers that the holders of their keys give to messages.
pub(crate) async fn replays(
    database: &Database,
    messages: &[NewMessage],
) -> Result<Vec<Option<Inserted>>> {
    let (messages, now) = (messages.to_vec(), database.time().now_ms);
    let replays = move |conn: &Connection| {
        messages.iter().map(|message| replay(conn, now, message)).collect()
    };
    database.read(replays).await
}

/// The answer that the holder of its key gives to a message.
pub(crate) fn replay(
    conn: &Connection,
    now: i64,
    message: &NewMessage,
) -> DbResult<Option<Inserted>> {
    let Some(key) = &message.key else { return Ok(None) };
    let holder = holder(conn, message.owner.as_deref(), key)?.filter(|holder| holder.is_held(now));
    Ok(holder.map(|first| first.answer(message)))
}

/// The message that holds an idempotency key. ?1 owner or "", ?2 key.
pub(crate) const KEY_HOLDER: &str = "\
    SELECT id, fingerprint, created_at FROM messages \
    WHERE coalesce(owner, '') = ?1 AND key = ?2 AND key IS NOT NULL AND key_released = 0";

/// The message that holds a key of this owner.
pub(crate) fn holder(
    conn: &Connection,
    owner: Option<&str>,
    key: &IdempotencyKey,
) -> DbResult<Option<Holder>> {
    let mut holder = conn.prepare_cached(KEY_HOLDER)?;
    let holder = holder.query_row(params![owner.unwrap_or_default(), key.key], |row| {
        let id = MessageId::from_bytes(row.get(0)?);
        Ok(Holder { id, fingerprint: row.get(1)?, created_at: row.get(2)? })
    });
    Ok(holder.optional()?)
}

/// Releases the key of a message. ?1 id.
pub(crate) const RELEASE_KEY: &str = "UPDATE messages SET key_released = 1 WHERE id = ?1";

/// Releases the key of a message, because its window is over.
pub(crate) fn release(conn: &Connection, id: MessageId) -> DbResult<()> {
    conn.prepare_cached(RELEASE_KEY)?.execute([id.as_bytes()])?;
    Ok(())
}
