//! Every statement, with the row of the state table it carries out.
//!
//! Numbers of states stand as literals, because a partial index is used only where the query says
//! literally what the index says; `+status` says that no index is to be used, because the ids are
//! known. 0 queued, 1 sending, 2 sent, 3 delivered, 4 undelivered, 5 failed, 6 unknown, 7 expired,
//! 8 cancelled.

pub(crate) mod args;
pub(crate) mod claim;
pub(crate) mod inference;
pub(crate) mod insert;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod maintenance;
pub(crate) mod manual;
#[cfg(test)]
mod plans;
pub(crate) mod read;
pub(crate) mod receipts;
pub(crate) mod registry;
pub(crate) mod row;
pub(crate) mod settle;

/// Which migrations have been applied, and their text. Not `PRAGMA user_version`, which an
/// application with tables in the same file may use for its own.
pub(crate) const MIGRATIONS: &str = "\
    CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, script TEXT NOT NULL) STRICT";

/// The text of a migration that has been applied. ?1 version.
pub(crate) const MIGRATION: &str = "SELECT script FROM migrations WHERE version = ?1";

/// Notes that it has been applied. ?1 version, ?2 text.
pub(crate) const MIGRATED: &str = "INSERT INTO migrations (version, script) VALUES (?1, ?2)";

/// The newest migration that has been applied, and the oldest a program must know.
pub(crate) const SCHEMA_LEVEL: &str =
    "SELECT (SELECT max(version) FROM migrations), (SELECT max(usable_from) FROM schema_info)";

/// `∅ → queued`; guard: the id and the idempotency key are free.
pub(crate) const INSERT: &str = "\
    INSERT INTO messages (id, owner, key, fingerprint, to_number, text, sender, class, reference, metadata, options, \
    encoding, parts, send_at, deadline_ms, max_attempts, on_unknown, lane, status, created_at, updated_at, due_at, \
    valid_until, push_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

/// Whether a message is stored. ?1 id.
pub(crate) const IS_STORED: &str = "SELECT EXISTS (SELECT 1 FROM messages WHERE id = ?1)";

/// Who holds an idempotency key. ?1 owner or "", ?2 key.
pub(crate) const KEY_HOLDER: &str = "\
    SELECT id, fingerprint, created_at FROM messages \
    WHERE coalesce(owner, '') = ?1 AND key = ?2 AND key IS NOT NULL AND key_released = 0";

/// Frees the key of a message older than the window. ?1 id.
pub(crate) const RELEASE_KEY: &str = "UPDATE messages SET key_released = 1 WHERE id = ?1";

/// Queued messages to offer to a queue: due, not past their deadline, not offered for a while. ?1
/// lane, ?2 now, ?3 limit, ?4 now and how far ahead.
pub(crate) const DUE: &str = "\
    SELECT id FROM messages INDEXED BY messages_due \
    WHERE status = 0 AND lane = ?1 AND push_at <= ?4 AND due_at <= ?2 AND valid_until > ?2 \
    ORDER BY push_at LIMIT ?3";

/// Notes that one of them is being offered. ?1 id, ?2 not again before.
pub(crate) const OFFERED: &str = "UPDATE messages SET push_at = ?2 WHERE id = ?1 AND +status = 0";

/// `queued → sending`; guard: due, not past its deadline. ?1 id, ?2 now, ?3 worker, ?4 batch, ?5
/// end of the lease, ?6 provider.
pub(crate) const BEGIN: &str = "\
    UPDATE messages \
    SET status = 1, fence = fence + 1, attempts = attempts + 1, updated_at = ?2, \
        worker = ?3, batch = ?4, lease_since = ?2, lease_until = ?5, provider = ?6 \
    WHERE id = ?1 AND +status = 0 AND due_at <= ?2 AND valid_until > ?2";

/// What a call with this worker and batch began. ?1 id, ?2 worker, ?3 batch.
pub(crate) const BEGUN: &str = "\
    SELECT id, to_number, text, sender, class, options, valid_until, \
           fence, attempts, max_attempts, resends, on_unknown, lease_since - unknown_at \
    FROM messages \
    WHERE id = ?1 AND +status = 1 AND worker = ?2 AND batch = ?3";

/// `sending → sent | queued | failed | unknown` by the owner; guard: sending, and the fence is the
/// owner's.
///
/// What it writes is what [`DeliveryState::settle`](sms_core::store::transition::DeliveryState::settle) says.
/// ?1 id, ?2 fence, ?3 status, ?4 now, ?5 due again at, ?6 uncounted attempts, ?7 provider, ?8
/// provider id, ?9 code, ?10 reason, ?11 sent at, ?12 poll at, ?13 when an attempt of unknown
/// outcome began.
pub(crate) const SETTLE: &str = "\
    UPDATE messages \
    SET status = ?3, updated_at = ?4, due_at = coalesce(?5, due_at), push_at = coalesce(?5, push_at), \
        attempts = attempts - ?6, provider = ?7, provider_id = ?8, code = ?9, reason = ?10, sent_at = ?11, \
        poll_at = ?12, unknown_at = coalesce(?13, unknown_at), \
        worker = NULL, batch = NULL, lease_since = NULL, lease_until = NULL \
    WHERE id = ?1 AND +status = 1 AND fence = ?2";

/// Whether any receipts wait for their message.
pub(crate) const IS_ANY_PARKED: &str = "SELECT EXISTS (SELECT 1 FROM parked)";

/// Whether receipts wait for this provider id. ?1 provider id, ?2 provider.
pub(crate) const IS_AWAITED: &str =
    "SELECT EXISTS (SELECT 1 FROM parked WHERE provider_id = ?1 AND provider = ?2)";

/// The columns [`Ledger`](crate::sql::ledger::Ledger) reads: id, owner and state.
macro_rules! ledger_columns {
    () => {
        "m.id, m.owner, m.status, m.updated_at, m.due_at, m.push_at, m.valid_until, m.deadline_ms, m.on_unknown, \
         m.attempts, m.resends, m.fence, m.worker, m.batch, m.lease_since, m.lease_until, m.provider, m.provider_id, \
         m.code, m.reason, m.sent_at, m.poll_at, m.polls, m.unknown_at, m.receipt_at"
    };
}

/// A row to be changed by [`SAVE`]. ?1 id.
pub(crate) const LOAD: &str =
    concat!("SELECT ", ledger_columns!(), " FROM messages AS m WHERE m.id = ?1");

/// The same by provider id: should two messages bear one, that which was sent last. ?1 provider id,
/// ?2 provider.
pub(crate) const LOAD_BY_PROVIDER_ID: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM messages AS m WHERE m.provider_id = ?1 AND m.provider = ?2 AND m.provider_id IS NOT NULL \
     ORDER BY m.sent_at DESC LIMIT 1"
);

/// The same by alias. ?1 provider id, ?2 provider.
pub(crate) const LOAD_BY_ALIAS: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM aliases AS a CROSS JOIN messages AS m ON m.id = a.message_id \
     WHERE a.provider_id = ?1 AND a.provider = ?2"
);

/// Rows for `sending → unknown | queued`; guard: the lease is over. ?1 now, ?2 limit.
pub(crate) const LOAD_LEASE_OVER: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM messages AS m WHERE m.status = 1 AND m.look_at <= ?1 ORDER BY m.look_at LIMIT ?2"
);

/// Rows for `queued → expired | unknown`; guard: the deadline is past. ?1 now, ?2 limit.
pub(crate) const LOAD_PAST_DEADLINE: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM messages AS m WHERE m.status = 0 AND m.look_at <= ?1 ORDER BY m.look_at LIMIT ?2"
);

/// Sent messages whose status query is due. ?1 now, ?2 limit.
pub(crate) const LOAD_AWAITING: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM messages AS m WHERE m.status = 2 AND m.look_at <= ?1 ORDER BY m.look_at LIMIT ?2"
);

/// Writes back a row whose transition was decided by [`DeliveryState`](sms_core::store::transition::DeliveryState),
/// under the same write lock as the read; none of these transitions leads to `sending`, so nobody
/// holds the message afterwards. ?1 id, then the columns in order.
pub(crate) const SAVE: &str = "\
    UPDATE messages \
    SET status = ?2, updated_at = ?3, due_at = ?4, valid_until = ?5, push_at = ?6, attempts = ?7, resends = ?8, \
        provider = ?9, provider_id = ?10, code = ?11, reason = ?12, sent_at = ?13, poll_at = ?14, polls = ?15, \
        unknown_at = ?16, receipt_at = ?17, worker = NULL, batch = NULL, lease_since = NULL, lease_until = NULL \
    WHERE id = ?1";

/// An entry of the event log. ?1 message, ?2 now, ?3 kind, ?4 status, ?5 details.
pub(crate) const LOG: &str =
    "INSERT INTO events (message_id, at, kind, status, details) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Whether an outcome of this attempt and class is on record. ?1 id, ?2 attempt, ?3 class.
pub(crate) const KNOWN: &str = "\
    SELECT EXISTS (SELECT 1 FROM events \
    WHERE message_id = ?1 AND details ->> '$.attempt' = ?2 AND details ->> '$.outcome' = ?3)";

/// Notes a second provider id of a message. ?1 provider id, ?2 provider, ?3 message.
pub(crate) const ADD_ALIAS: &str =
    "INSERT OR REPLACE INTO aliases (provider_id, provider, message_id) VALUES (?1, ?2, ?3)";

/// Keeps a receipt until its provider id is known. ?1 now, ?2 provider, ?3 provider id, ?4 state,
/// ?5 code, ?6 text, ?7 at.
pub(crate) const PARK: &str = "\
    INSERT OR IGNORE INTO parked (parked_at, provider, provider_id, state, code, text, at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// The receipts that wait for their message, those that came last first. ?1 came at or after, ?2
/// limit.
pub(crate) const WAITING: &str = "\
    SELECT parked_at, provider, provider_id, state, code, text, at \
    FROM parked WHERE parked_at >= ?1 ORDER BY parked_at DESC, seq DESC LIMIT ?2";

/// Messages with an attempt of unknown outcome. ?1 that began at or after, ?2 limit.
pub(crate) const SUSPECTS: &str = "\
    SELECT id, provider, unknown_at, status = 6 OR status = 2 AND provider_id IS NULL \
    FROM messages WHERE unknown_at >= ?1 AND provider IS NOT NULL LIMIT ?2";

/// Whether a message bears this provider id. ?1 provider id, ?2 provider.
pub(crate) const IS_TAKEN: &str = "\
    SELECT EXISTS (SELECT 1 FROM messages WHERE provider_id = ?1 AND provider = ?2) \
        OR EXISTS (SELECT 1 FROM aliases WHERE provider_id = ?1 AND provider = ?2)";

/// Takes the receipts that wait for a provider id. ?1 provider id, ?2 provider.
pub(crate) const UNPARK: &str = "\
    DELETE FROM parked WHERE provider_id = ?1 AND provider = ?2 RETURNING seq, state, code, text, at";

/// One message, its columns in the order [`row::stored_message`](crate::sql::row::stored_message) reads
/// them. ?1 id.
pub(crate) const GET: &str = "\
    SELECT id, owner, key, fingerprint, to_number, text, sender, class, reference, metadata, options, encoding, parts, \
    send_at, deadline_ms, max_attempts, on_unknown, status, created_at, updated_at, due_at, valid_until, \
    attempts, resends, fence, worker, lease_since, lease_until, unknown_at, provider, provider_id, code, reason \
    FROM messages WHERE id = ?1";

/// The last events of one message, newest first. ?1 message, ?2 limit.
pub(crate) const TIMELINE: &str = "\
    SELECT seq, message_id, at, kind, status, details FROM events WHERE message_id = ?1 ORDER BY seq DESC LIMIT ?2";

/// Events of all messages. Positions are given under the write lock, so in the order of commits. ?1
/// position, ?2 limit.
pub(crate) const EVENTS_AFTER: &str = "\
    SELECT seq, message_id, at, kind, status, details FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2";

/// How many messages are in each state, of those that a condition admits.
macro_rules! stats {
    ($admitted:literal) => {
        concat!(
            "SELECT status, count(*) FROM messages INDEXED BY messages_created \
             WHERE status > 1 AND created_at >= ?1 AND created_at < ?2",
            $admitted,
            " GROUP BY status UNION ALL \
             SELECT 0, count(*) FROM messages INDEXED BY messages_due \
             WHERE status = 0 AND created_at >= ?1 AND created_at < ?2",
            $admitted,
            " UNION ALL \
             SELECT 1, count(*) FROM messages INDEXED BY messages_look \
             WHERE status = 1 AND look_at IS NOT NULL AND created_at >= ?1 AND created_at < ?2",
            $admitted
        )
    };
}

/// How many messages are in each state, read off indexes alone, but for those being sent. ?1
/// accepted from, ?2 accepted before.
pub(crate) const STATS: &str = stats!("");

/// The same of one owner. ?3 owner.
pub(crate) const STATS_OF_OWNER: &str = stats!(" AND owner = ?3");

/// How many wait, up to a limit. ?1 limit.
pub(crate) const NUMBER_WAITING: &str = "\
    SELECT count(*) FROM (SELECT 1 FROM messages INDEXED BY messages_due WHERE status = 0 LIMIT ?1)";

/// Messages that do not wait any more and have not changed for long; so they were accepted long
/// ago, too, and few others were. ?1 changed before, ?2 limit.
pub(crate) const SETTLED: &str = "\
    SELECT id FROM messages INDEXED BY messages_created \
    WHERE created_at < ?1 AND updated_at < ?1 AND status > 1 ORDER BY created_at LIMIT ?2";

/// `→ ∅`, with everything that belongs to the message. ?1 id.
pub(crate) const PURGE: [&str; 3] = [
    "DELETE FROM events WHERE message_id = ?1",
    "DELETE FROM aliases WHERE message_id = ?1",
    "DELETE FROM messages WHERE id = ?1",
];

/// Receipts nobody claimed. ?1 parked before.
pub(crate) const PURGE_PARKED: &str = "DELETE FROM parked WHERE parked_at < ?1";

/// The store's clock, as it was kept last.
pub(crate) const CLOCK: &str = "SELECT value FROM registry WHERE kind = 'clock' AND name = 'store'";

/// Keeps the store's clock. ?1 value, ?2 now.
pub(crate) const KEEP_CLOCK: &str = "\
    INSERT INTO registry (kind, name, version, value, updated_at) VALUES ('clock', 'store', 1, ?1, ?2) \
    ON CONFLICT (kind, name) DO UPDATE \
    SET version = version + 1, value = excluded.value, updated_at = excluded.updated_at";

/// The version of a record. ?1 kind, ?2 name.
pub(crate) const RECORD_VERSION: &str =
    "SELECT version FROM registry WHERE kind = ?1 AND name = ?2";

/// Writes a record. ?1 kind, ?2 name, ?3 version, ?4 value, ?5 now.
pub(crate) const RECORD_PUT: &str = "\
    INSERT INTO registry (kind, name, version, value, updated_at) VALUES (?1, ?2, ?3, ?4, ?5) \
    ON CONFLICT (kind, name) DO UPDATE \
    SET version = excluded.version, value = excluded.value, updated_at = excluded.updated_at";

/// One record. ?1 kind, ?2 name.
pub(crate) const RECORD_GET: &str =
    "SELECT name, version, value, updated_at FROM registry WHERE kind = ?1 AND name = ?2";

/// The records of a kind. ?1 kind.
pub(crate) const RECORD_LIST: &str =
    "SELECT name, version, value, updated_at FROM registry WHERE kind = ?1 ORDER BY name";

/// Removes a record. ?1 kind, ?2 name.
pub(crate) const RECORD_DELETE: &str = "DELETE FROM registry WHERE kind = ?1 AND name = ?2";
