//! Idempotency keys: the messages that hold them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use sms_core::message::Fingerprint;
use sms_core::store::{AcceptanceTimes, Inserted, KEY_WINDOW};
use sms_core::{MessageId, NewMessage, Result};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;

use crate::database::Database;
use crate::error::undecodable;
use crate::pool::Query;
use crate::sql::args::{clean, millis, name_some, uuid};
use crate::sql::fragments::with_clock;
use crate::sql::row::Columns;

/// A message that holds a key, and the content that the key stands for.
type Holder = (MessageId, Fingerprint);

/// A message that an insert left out.
pub(crate) struct Refused {
    /// Its times, if it was stored before, under its id.
    pub(crate) stored_before: Option<AcceptanceTimes>,
    /// The holder of its key.
    pub(crate) holder: Option<Holder>,
    /// True if its recipient is on the stop-list.
    pub(crate) is_stopped: bool,
}

/// The messages that hold these keys, in the columns that [`refused`] reads. $2 the window, $3 the
/// messages, $4 their owners, $5 their keys.
pub(crate) const KEY_HOLDERS: &str = concat!(
    with_clock!(),
    " SELECT a.id, NULL::bigint, NULL::bigint, m.id, m.fingerprint, FALSE \
     FROM unnest($3::uuid[], $4::text[], $5::text[]) AS a (id, owner, key) CROSS JOIN clock \
     CROSS JOIN LATERAL ( \
         SELECT m.id, m.fingerprint FROM sms.messages AS m \
         WHERE coalesce(m.owner, '') = coalesce(a.owner, '') AND m.key = a.key \
           AND m.key IS NOT NULL AND NOT m.key_released OFFSET 0) AS m \
     CROSS JOIN LATERAL (SELECT s.created_at FROM sms.states AS s WHERE s.id = m.id OFFSET 0) AS s \
     WHERE s.created_at > clock.now - $2"
);

/// [`KEY_HOLDERS`] with the names of its tables in full: it also runs on connections of the
/// application.
#[derive(Clone, Debug)]
pub(crate) struct KeyHolders(Arc<str>);

impl KeyHolders {
    pub(crate) fn new(schema: &str) -> Self {
        Self(KEY_HOLDERS.replace(" sms.", &format!(" {schema}.")).into())
    }

    /// The statement with its arguments.
    pub(crate) fn query(&self, now: i64, messages: &[NewMessage]) -> Query<'static> {
        let keys = messages
            .iter()
            .map(|message| message.key.as_ref().map(|key| clean(&key.key).into_owned()));
        let owners =
            messages.iter().map(|message| name_some(message.owner.as_deref()).map(Cow::into_owned));
        sqlx::query(AssertSqlSafe(Arc::clone(&self.0)))
            .bind(now)
            .bind(millis(KEY_WINDOW))
            .bind(messages.iter().map(|message| uuid(message.id)).collect::<Vec<_>>())
            .bind(owners.collect::<Vec<_>>())
            .bind(keys.collect::<Vec<_>>())
    }
}

/// The answers that the holders of their keys give to messages.
pub(crate) async fn replays(
    database: &Database,
    holders: &KeyHolders,
    messages: &[NewMessage],
) -> Result<Vec<Option<Inserted>>> {
    let rows = database.rows(holders.query(database.now(), messages)).await?;
    replayed(messages, &rows)
}

/// Reads the rows of [`KEY_HOLDERS`].
pub(crate) fn replayed(messages: &[NewMessage], rows: &[PgRow]) -> Result<Vec<Option<Inserted>>> {
    let holders: HashMap<MessageId, Refused> = rows.iter().map(refused).collect::<Result<_>>()?;
    let answer = |message: &NewMessage| {
        let holder = holders.get(&message.id)?.holder?;
        Some(Inserted::held_by(holder, message))
    };
    Ok(messages.iter().map(answer).collect())
}

/// Reads a row about a message that was left out.
pub(crate) fn refused(row: &PgRow) -> Result<(MessageId, Refused)> {
    let mut columns = Columns::new(row);
    let id = columns.id()?;
    let times: (Option<i64>, Option<i64>) = (columns.take()?, columns.take()?);
    let stored_before = times.0.zip(times.1).map(|(at, due)| AcceptanceTimes::from_ms(at, due));
    let holder: (Option<uuid::Uuid>, Option<&[u8]>) = (columns.take()?, columns.take()?);
    let holder = match holder {
        (Some(holder), Some(fingerprint)) => {
            let fingerprint = fingerprint.try_into().map_err(|_| undecodable("fingerprint"))?;
            Some((MessageId::from_bytes(holder.into_bytes()), fingerprint))
        }
        _ => None,
    };
    Ok((id, Refused { stored_before, holder, is_stopped: columns.take()? }))
}
