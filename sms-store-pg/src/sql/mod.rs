//! Every statement, with the row of the state table it carries out.
//!
//! * The time is `$1` of a statement that needs it; see [`clock`](crate::clock).
//! * Numbers of states stand as literals, because a partial index is used only where the query says
//!   literally what the index says; `status + 0` and `CASE status` say that no such index is to be
//!   used, because the ids are known, the latter also that the guard holds as a rule. 0 queued, 1
//!   sending, 2 sent, 3 delivered, 4 undelivered, 5 failed, 6 unknown, 7 expired, 8 cancelled.
//! * Wherever ids are known, the row is asked for by `id = ANY(…)`, also beside a join that says
//!   the same: it is then found by its id whatever the planner believes about the size of the
//!   table, and rows are locked in the order of their ids, so that two statements never wait for
//!   each other.
//! * `OFFSET 0` keeps a lookup a lookup: one search of the index for each row asked for.

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

/// The time, once for each statement.
macro_rules! with_clock {
    () => {
        "WITH clock AS MATERIALIZED (SELECT $1::bigint AS now) "
    };
}

/// The clock of the server.
macro_rules! wall {
    () => {
        "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    };
}

/// What was kept of the store's clock.
macro_rules! kept {
    () => {
        "(SELECT value FROM registry WHERE kind = 'clock' AND name = 'store')"
    };
}

/// The server's time, and the store's as it was kept.
pub(crate) const CLOCK: &str = concat!("SELECT ", wall!(), ", ", kept!());

/// The same, after the store's time was kept, unless a further one is. It is kept again in a
/// moment, so nobody waits for the disk. $1 value, $2 now.
pub(crate) const KEEP_CLOCK: &str = concat!(
    "WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE)), kept AS ( \
         INSERT INTO registry AS r (kind, name, version, value, updated_at) VALUES ('clock', 'store', 1, $1, $2) \
         ON CONFLICT (kind, name) DO UPDATE \
         SET version = r.version + 1, value = excluded.value, updated_at = excluded.updated_at \
         WHERE excluded.updated_at > r.updated_at RETURNING value \
     ) SELECT ",
    wall!(),
    ", coalesce((SELECT value FROM kept), ",
    kept!(),
    ") FROM quick"
);

/// Positions in the event log that one transaction may give out.
pub(crate) const POSITIONS: usize = 65_536;

/// The position in the event log before the first of this transaction.
macro_rules! position {
    () => {
        "(SELECT base + pg_current_xact_id()::text::bigint * 65536 FROM event_base)"
    };
}

/// The newest migration that has been applied, and the oldest a program must know.
pub(crate) const SCHEMA_LEVEL: &str = "\
    SELECT (SELECT max(version) FROM _sqlx_migrations WHERE success), (SELECT max(usable_from) FROM schema_info)";

/// The columns of a message without a key, in the order of [`asked_messages!`].
macro_rules! message_columns {
    () => {
        "id, to_number, text, reference, metadata, options, send_at, owner, sender, class, encoding, parts, deadline_ms, \
         max_attempts, on_unknown, lane"
    };
}

/// What is inserted: $3 to $9 hold what each message has of its own, $11 to $19 what many have in
/// common, once, and $10 at which place of those it stands: what is the same for all is then read
/// once. PostgreSQL walks to a place in an array of texts, so a batch in which nothing is the same
/// takes time by the square of its senders; a batch has few.
macro_rules! asked_messages {
    ($own:literal, $names:literal) => {
        concat!(
            "SELECT id, to_number, text, reference, metadata, options, send_at, ($11::text[])[at], ($12::text[])[at], \
             ($13::smallint[])[at], ($14::smallint[])[at], ($15::smallint[])[at], ($16::bigint[])[at], \
             ($17::integer[])[at], ($18::smallint[])[at], ($19::smallint[])[at]",
            $names,
            " FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], \
             $10::integer[]",
            $own,
            ") AS own (id, to_number, text, reference, metadata, options, send_at, at",
            $names,
            ")"
        )
    };
}

/// Their states: what [`DeliveryState::accept`](sms_core::store::transition::DeliveryState::accept) says. The
/// argument says how far the time is ahead of the wall clock.
macro_rules! insert_states {
    ($ahead:literal) => {
        concat!(
            "INSERT INTO sms.states (id, lane, status, created_at, updated_at, due_at, push_at, valid_until) \
             SELECT id, lane, 0, now, now, due_at, CASE WHEN send_at IS NULL THEN now + $2 ELSE due_at END, \
                    due_at + deadline_ms \
             FROM stored, clock, LATERAL (SELECT greatest(send_at + ",
            $ahead,
            "::bigint, now) AS due_at) AS at"
        )
    };
}

/// `∅ → queued` for messages without a key; guard: the id is free. $2 how long the caretaker leaves
/// them alone, then [`asked_messages!`], $20 how far the time is ahead of the wall clock.
pub(crate) const INSERT: &str = concat!(
    with_clock!(),
    ", stored AS (INSERT INTO sms.messages (",
    message_columns!(),
    ") ",
    asked_messages!("", ""),
    " ON CONFLICT DO NOTHING RETURNING id, send_at, deadline_ms, lane) ",
    insert_states!("$20")
);

/// The same for messages of which some have a key; guard: the key is free, too, or its window is
/// over, and then it is released first. Answers for those that were not stored: whether they were
/// before, and who holds their key. $20 the keys, $21 what they stand for, $22 the window, $23 how
/// far the time is ahead of the wall clock.
///
/// A message that is in none of the answers' cases has lost its key to a transaction that this
/// statement waited for and does not see; it is to be run again.
pub(crate) const INSERT_KEYED: &str = concat!(
    with_clock!(),
    ", asked (",
    message_columns!(),
    ", key, fingerprint) AS MATERIALIZED (",
    asked_messages!(", $20::text[], $21::bytea[]", ", key, fingerprint"),
    "), held AS MATERIALIZED ( \
         SELECT a.id, m.id AS holder, m.fingerprint, s.created_at <= clock.now - $22 AS is_over \
         FROM asked AS a CROSS JOIN clock CROSS JOIN LATERAL ( \
             SELECT m.id, m.fingerprint FROM sms.messages AS m \
             WHERE coalesce(m.owner, '') = coalesce(a.owner, '') AND m.key = a.key \
               AND m.key IS NOT NULL AND NOT m.key_released OFFSET 0) AS m \
         CROSS JOIN LATERAL (SELECT s.created_at FROM sms.states AS s WHERE s.id = m.id OFFSET 0) AS s \
     ), released AS ( \
         UPDATE sms.messages SET key_released = TRUE \
         WHERE id = ANY (ARRAY(SELECT holder FROM held WHERE is_over)) AND NOT key_released RETURNING id \
     ), stored AS (INSERT INTO sms.messages (",
    message_columns!(),
    ", key, fingerprint) SELECT ",
    message_columns!(),
    ", key, fingerprint FROM asked \
         WHERE (SELECT count(*) FROM released) >= 0 AND id NOT IN (SELECT id FROM held WHERE NOT is_over) \
         ON CONFLICT DO NOTHING RETURNING id, send_at, deadline_ms, lane \
     ), queued AS (",
    insert_states!("$23"),
    ") SELECT a.id, EXISTS (SELECT FROM sms.messages AS m WHERE m.id = a.id), h.holder, h.fingerprint \
     FROM asked AS a LEFT JOIN held AS h ON h.id = a.id AND NOT h.is_over \
     WHERE a.id NOT IN (SELECT id FROM stored)"
);

/// Who holds the keys of messages that are not inserted, in the columns of [`INSERT_KEYED`]'s
/// answer. $2 the window, $3 the messages, $4 their owners, $5 their keys.
pub(crate) const KEY_HOLDERS: &str = concat!(
    with_clock!(),
    " SELECT a.id, FALSE, m.id, m.fingerprint \
     FROM unnest($3::uuid[], $4::text[], $5::text[]) AS a (id, owner, key) CROSS JOIN clock \
     CROSS JOIN LATERAL ( \
         SELECT m.id, m.fingerprint FROM sms.messages AS m \
         WHERE coalesce(m.owner, '') = coalesce(a.owner, '') AND m.key = a.key \
           AND m.key IS NOT NULL AND NOT m.key_released OFFSET 0) AS m \
     CROSS JOIN LATERAL (SELECT s.created_at FROM sms.states AS s WHERE s.id = m.id OFFSET 0) AS s \
     WHERE s.created_at > clock.now - $2"
);

/// One lane of [`DUE`].
macro_rules! due {
    ($lane:literal, $limit:literal) => {
        concat!(
            "SELECT id, lane, push_at FROM states \
             WHERE status = 0 AND lane = ",
            $lane,
            " AND push_at <= (SELECT now FROM clock) + $6 AND due_at <= (SELECT now FROM clock) \
               AND valid_until + 0 > (SELECT now FROM clock) ORDER BY push_at LIMIT ",
            $limit,
            " FOR UPDATE SKIP LOCKED"
        )
    };
}

/// Queued messages to offer to a queue: due, not past their deadline, not offered for a while;
/// notes that they are being offered. $2 not again within, $3 to $5 limits of the lanes, $6 how far
/// ahead.
pub(crate) const DUE: &str = concat!(
    with_clock!(),
    ", urgent AS (",
    due!("0", "$3"),
    "), normal AS (",
    due!("1", "$4"),
    "), bulk AS (",
    due!("2", "$5"),
    "), picked AS MATERIALIZED ( \
         SELECT * FROM urgent UNION ALL SELECT * FROM normal UNION ALL SELECT * FROM bulk \
     ), offered AS ( \
         UPDATE states SET push_at = (SELECT now FROM clock) + $2 WHERE id = ANY (ARRAY(SELECT id FROM picked)) \
     ) SELECT id, lane FROM picked ORDER BY lane, push_at"
);

/// What a [`Begun`](sms_core::store::Begun) is made of.
macro_rules! begun_columns {
    () => {
        "s.id, m.to_number, m.text, m.sender, m.class, m.options, s.valid_until, s.fence, s.attempts, m.max_attempts, \
         s.resends, m.on_unknown, s.lease_since - s.unknown_at"
    };
}

/// The message of each state, looked up one by one: a join of two lists of ids would compare each
/// with each.
macro_rules! its_message {
    () => {
        " CROSS JOIN LATERAL (SELECT * FROM messages AS m WHERE m.id = s.id OFFSET 0) AS m "
    };
}

/// `queued → sending`; guard: due, not past its deadline. $2 ids, $3 worker, $4 batch, $5 length of
/// the lease, $6 provider.
pub(crate) const BEGIN: &str = concat!(
    with_clock!(),
    ", begun AS ( \
         UPDATE states AS s \
         SET status = 1, fence = s.fence + 1, attempts = s.attempts + 1, updated_at = clock.now, worker = $3, \
             batch = $4, lease_since = clock.now, lease_until = clock.now + $5, provider = $6 \
         FROM clock \
         WHERE s.id = ANY ($2) AND s.status + 0 = 0 AND s.due_at <= clock.now AND s.valid_until + 0 > clock.now \
         RETURNING s.* \
     ) SELECT ",
    begun_columns!(),
    " FROM begun AS s",
    its_message!()
);

/// What an earlier call with the same worker and batch began. $1 ids, $2 worker, $3 batch.
pub(crate) const BEGUN: &str = concat!(
    "SELECT ",
    begun_columns!(),
    " FROM states AS s",
    its_message!(),
    "WHERE s.id = ANY ($1) AND s.status + 0 = 1 AND s.worker = $2 AND s.batch = $3"
);

/// `sending → sent | queued | failed | unknown` by the owner, with its events; guard: sending, and
/// the fence is the owner's. Nothing is written unless that holds for all and no receipt waits for
/// any. Answers with those it wrote.
///
/// What it writes is what [`DeliveryState::settle`](sms_core::store::transition::DeliveryState::settle) says. Lists:
/// $2 id, $3 fence, $4 status, $5 due again in, $6 uncounted attempts, $7 provider, $8 provider id,
/// $9 code, $10 reason, $11 to be asked about in, $12 how long ago an attempt of unknown outcome
/// began, $13 details of the event.
pub(crate) const SETTLE: &str = concat!(
    with_clock!(),
    ", asked AS MATERIALIZED ( \
         SELECT * FROM unnest($2::uuid[], $3::integer[], $4::smallint[], $5::bigint[], $6::smallint[], $7::text[], \
             $8::text[], $9::integer[], $10::text[], $11::bigint[], $12::bigint[], $13::text[]) \
         AS asked (id, fence, status, due_in, uncounted, provider, provider_id, code, reason, poll_in, unknown_ago, \
             details) \
     ), plain AS MATERIALIZED ( \
         SELECT (SELECT count(*) FROM states AS s JOIN asked AS a ON a.id = s.id \
                 WHERE s.id = ANY ($2) AND CASE WHEN s.status = 1 THEN s.fence = a.fence END) = cardinality($2) \
            AND NOT EXISTS (SELECT FROM asked AS a CROSS JOIN LATERAL ( \
                SELECT FROM parked AS p \
                WHERE p.provider_id = a.provider_id AND p.provider = a.provider OFFSET 0) AS p) AS is_all \
     ), settled AS ( \
         UPDATE states AS s \
         SET status = a.status, updated_at = clock.now, due_at = coalesce(clock.now + a.due_in, s.due_at), \
             push_at = coalesce(clock.now + a.due_in, s.push_at), attempts = s.attempts - a.uncounted, \
             provider = a.provider, provider_id = a.provider_id, code = a.code, reason = a.reason, \
             sent_at = CASE a.status WHEN 2 THEN clock.now ELSE s.sent_at END, poll_at = clock.now + a.poll_in, \
             unknown_at = coalesce(clock.now - a.unknown_ago, s.unknown_at), \
             worker = NULL, batch = NULL, lease_since = NULL, lease_until = NULL \
         FROM asked AS a CROSS JOIN clock \
         WHERE (SELECT is_all FROM plain) AND s.id = ANY ($2) AND s.id = a.id \
           AND CASE WHEN s.status = 1 THEN s.fence = a.fence END \
         RETURNING s.id, a.status, a.details, clock.now \
     ), logged AS ( \
         INSERT INTO events (seq, message_id, at, kind, status, details) SELECT ",
    position!(),
    " + row_number() OVER (), id, now, 'attempt', status, details FROM settled \
     ) SELECT id FROM settled"
);

/// For which of these receipts wait. $1 providers, $2 provider ids.
pub(crate) const AWAITED: &str = "\
    SELECT a.n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (provider, provider_id, n) \
    WHERE EXISTS (SELECT FROM parked AS p WHERE p.provider_id = a.provider_id AND p.provider = a.provider)";

/// The columns [`Ledger`](crate::sql::ledger::Ledger) reads: id, owner and state.
macro_rules! ledger_columns {
    () => {
        "s.id, m.owner, s.status, s.updated_at, s.due_at, s.push_at, s.valid_until, m.deadline_ms, m.on_unknown, \
         s.attempts, s.resends, s.fence, s.worker, s.batch, s.lease_since, s.lease_until, s.provider, s.provider_id, \
         s.code, s.reason, s.sent_at, s.poll_at, s.polls, s.unknown_at, s.receipt_at"
    };
}

/// Locks rows to be changed by [`SAVE`], in the order of their ids. $1 ids.
pub(crate) const LOAD: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM (SELECT * FROM states WHERE id = ANY ($1) ORDER BY id FOR UPDATE) AS s",
    its_message!()
);

/// Which messages bear these provider ids: the place in the list, and the message. A message's own
/// id goes before an alias, and of two that bear one id goes the one that was sent last; what goes
/// before comes last. $1 providers, $2 provider ids.
pub(crate) const FIND: &str = "\
    SELECT a.n, f.id FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (provider, provider_id, n) \
    CROSS JOIN LATERAL ( \
        SELECT s.id, 1 AS rank, s.sent_at FROM states AS s \
        WHERE s.provider_id = a.provider_id AND s.provider = a.provider \
        UNION ALL \
        SELECT s.id, 0, s.sent_at FROM ( \
            SELECT l.message_id FROM aliases AS l \
            WHERE l.provider_id = a.provider_id AND l.provider = a.provider OFFSET 0) AS l \
        JOIN states AS s ON s.id = l.message_id \
        OFFSET 0) AS f \
    ORDER BY f.rank, f.sent_at";

/// Writes back rows whose transition was decided by [`DeliveryState`](sms_core::store::transition::DeliveryState)
/// under a lock, and the entries for the event log. None of these transitions leads to `sending`,
/// so nobody holds the message afterwards, but for a message that does not change its state.
///
/// Lists: $2 id, $3 status, $4 updated at, $5 due at, $6 valid until, $7 push at, $8 attempts, $9
/// resends, $10 provider, $11 provider id, $12 code, $13 reason, $14 sent at, $15 poll at, $16
/// polls, $17 unknown at, $18 receipt at; and $19 message, $20 kind, $21 status, $22 details. $1 is
/// the time itself.
pub(crate) const SAVE: &str = concat!(
    "WITH saved AS ( \
         UPDATE states AS s \
         SET status = a.status, updated_at = a.updated_at, due_at = a.due_at, valid_until = a.valid_until, \
             push_at = a.push_at, attempts = a.attempts, resends = a.resends, provider = a.provider, \
             provider_id = a.provider_id, code = a.code, reason = a.reason, sent_at = a.sent_at, \
             poll_at = a.poll_at, polls = a.polls, unknown_at = a.unknown_at, receipt_at = a.receipt_at, \
             worker = NULL, batch = NULL, lease_since = NULL, lease_until = NULL \
         FROM unnest($2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], \
             $8::smallint[], $9::smallint[], $10::text[], $11::text[], $12::integer[], $13::text[], $14::bigint[], \
             $15::bigint[], $16::smallint[], $17::bigint[], $18::bigint[]) \
         AS a (id, status, updated_at, due_at, valid_until, push_at, attempts, resends, provider, provider_id, code, \
             reason, sent_at, poll_at, polls, unknown_at, receipt_at) \
         WHERE s.id = ANY ($2) AND s.id = a.id \
     ) INSERT INTO events (seq, at, message_id, kind, status, details) SELECT ",
    position!(),
    " + n, $1, message_id, kind, status, details \
     FROM unnest($19::uuid[], $20::text[], $21::smallint[], $22::text[]) \
     WITH ORDINALITY AS a (message_id, kind, status, details, n)"
);

/// Whether an outcome of this attempt and class is on record. $1 id, $2 attempt, $3 class.
pub(crate) const KNOWN: &str = "\
    SELECT EXISTS (SELECT FROM events WHERE message_id = $1 \
    AND (details::json ->> 'attempt')::bigint = $2 AND details::json ->> 'outcome' = $3)";

/// Notes a second provider id of a message. $1 provider id, $2 provider, $3 message.
pub(crate) const ADD_ALIAS: &str = "\
    INSERT INTO aliases (provider_id, provider, message_id) VALUES ($1, $2, $3) \
    ON CONFLICT (provider_id, provider) DO UPDATE SET message_id = excluded.message_id";

/// `sending → unknown | queued`; guard: the lease is over. What it writes is what
/// [`DeliveryState::rescue`](sms_core::store::transition::DeliveryState::rescue) says. $2 limit, $3 wait before a
/// resend, $4 reason.
pub(crate) const RESCUE: &str = concat!(
    with_clock!(),
    ", left_behind AS MATERIALIZED ( \
         SELECT s.id, s.worker, s.resends < m.on_unknown AND clock.now + $3 < s.valid_until AS resend \
         FROM states AS s JOIN messages AS m ON m.id = s.id CROSS JOIN clock \
         WHERE s.status = 1 AND s.lease_until <= (SELECT now FROM clock) \
         ORDER BY s.lease_until LIMIT $2 FOR UPDATE OF s SKIP LOCKED \
     ), rescued AS ( \
         UPDATE states AS s \
         SET status = CASE WHEN l.resend THEN 0 ELSE 6 END, updated_at = clock.now, \
             due_at = CASE WHEN l.resend THEN clock.now + $3 ELSE s.due_at END, \
             push_at = CASE WHEN l.resend THEN clock.now + $3 ELSE s.push_at END, \
             resends = s.resends + l.resend::integer, unknown_at = s.lease_since, code = NULL, reason = $4, \
             worker = NULL, batch = NULL, lease_since = NULL, lease_until = NULL \
         FROM left_behind AS l CROSS JOIN clock \
         WHERE s.id = ANY (ARRAY(SELECT id FROM left_behind)) AND s.id = l.id \
         RETURNING s.id, s.status, s.fence, l.worker, l.resend, clock.now \
     ) INSERT INTO events (seq, message_id, at, kind, status, details) SELECT ",
    position!(),
    " + row_number() OVER (), id, now, 'lease_over', status, json_strip_nulls(json_build_object( \
         'attempt', fence, 'resend', CASE WHEN resend THEN TRUE END, 'by', worker))::text \
     FROM rescued RETURNING message_id"
);

/// `queued → expired | unknown`; guard: the deadline is past. What it writes is what
/// [`DeliveryState::expire`](sms_core::store::transition::DeliveryState::expire) says. $2 limit.
pub(crate) const EXPIRE: &str = concat!(
    with_clock!(),
    ", past AS MATERIALIZED ( \
         SELECT id FROM states WHERE status = 0 AND valid_until <= (SELECT now FROM clock) \
         ORDER BY valid_until LIMIT $2 FOR UPDATE SKIP LOCKED \
     ), expired AS ( \
         UPDATE states AS s SET status = CASE WHEN s.resends > 0 THEN 6 ELSE 7 END, updated_at = clock.now \
         FROM clock WHERE s.id = ANY (ARRAY(SELECT id FROM past)) \
         RETURNING s.id, s.status, clock.now \
     ) INSERT INTO events (seq, message_id, at, kind, status, details) SELECT ",
    position!(),
    " + row_number() OVER (), id, now, 'expired', status, '{}' FROM expired RETURNING message_id"
);

/// Sent messages whose status query is due; notes when the next one is, and gives up those that are
/// too old. What it writes is what
/// [`DeliveryState::plan_query`](sms_core::store::transition::DeliveryState::plan_query) says. $2 limit, $3 first
/// interval, $4 longest interval, $5 when to give up.
pub(crate) const AWAITING: &str = concat!(
    with_clock!(),
    ", planned AS ( \
         UPDATE states AS s \
         SET poll_at = CASE WHEN clock.now - coalesce(s.sent_at, 0) < $5 \
                 THEN clock.now + least($3 * (1::bigint << least(s.polls, 20)), $4) END, \
             polls = s.polls + (clock.now - coalesce(s.sent_at, 0) < $5)::integer \
         FROM clock WHERE s.id = ANY (ARRAY( \
             SELECT id FROM states \
             WHERE status = 2 AND poll_at IS NOT NULL AND poll_at <= (SELECT now FROM clock) \
             ORDER BY poll_at LIMIT $2 FOR UPDATE SKIP LOCKED)) \
         RETURNING s.id, s.provider, s.provider_id, s.poll_at IS NULL AS given_up, clock.now \
     ), logged AS ( \
         INSERT INTO events (seq, message_id, at, kind, status, details) SELECT ",
    position!(),
    " + row_number() OVER (), id, now, 'receipt_given_up', 2, '{}' FROM planned WHERE given_up \
     ) SELECT provider, provider_id FROM planned \
     WHERE NOT given_up AND provider IS NOT NULL AND provider_id IS NOT NULL"
);

/// Keeps receipts until their provider ids are known. $1 now, then lists: $2 provider, $3 provider
/// id, $4 state, $5 code, $6 text, $7 when it was made. In the order of their ids, so that two
/// never wait for each other.
pub(crate) const PARK: &str = "\
    INSERT INTO parked (parked_at, provider, provider_id, state, code, text, at) \
    SELECT $1, provider, provider_id, state, code, text, at \
    FROM unnest($2::text[], $3::text[], $4::smallint[], $5::integer[], $6::text[], $7::bigint[]) \
    WITH ORDINALITY AS a (provider, provider_id, state, code, text, at, n) ORDER BY provider_id, provider, n \
    ON CONFLICT DO NOTHING";

/// Takes the receipts that wait for a provider id. $1 provider id, $2 provider.
pub(crate) const UNPARK: &str = "\
    DELETE FROM parked WHERE provider_id = $1 AND provider = $2 RETURNING seq, state, code, text, at";

/// The receipts that wait for their message, those that came last first. $1 came at or after, $2
/// limit.
pub(crate) const WAITING: &str = "\
    SELECT parked_at, provider, provider_id, state, code, text, at \
    FROM parked WHERE parked_at >= $1 ORDER BY parked_at DESC, seq DESC LIMIT $2";

/// Receipts that wait although their message is known: they came in the very moment it became
/// known. Of those that came last. $1 limit.
pub(crate) const OVERLOOKED: &str = "\
    SELECT DISTINCT p.provider, p.provider_id, f.id \
    FROM (SELECT provider, provider_id FROM parked ORDER BY parked_at DESC, seq DESC LIMIT $1) AS p \
    CROSS JOIN LATERAL ( \
        SELECT s.id FROM states AS s WHERE s.provider_id = p.provider_id AND s.provider = p.provider \
        UNION ALL \
        SELECT s.id FROM ( \
            SELECT l.message_id FROM aliases AS l \
            WHERE l.provider_id = p.provider_id AND l.provider = p.provider OFFSET 0) AS l \
        JOIN states AS s ON s.id = l.message_id \
        LIMIT 1) AS f";

/// Messages with an attempt of unknown outcome. $2 how far back, $3 limit.
pub(crate) const SUSPECTS: &str = concat!(
    with_clock!(),
    "SELECT id, provider, unknown_at, status = 6 OR status = 2 AND provider_id IS NULL \
     FROM states WHERE unknown_at >= (SELECT now FROM clock) - $2 AND provider IS NOT NULL LIMIT $3"
);

/// Whether a message bears this provider id. $1 provider id, $2 provider.
pub(crate) const IS_TAKEN: &str = "\
    SELECT EXISTS (SELECT FROM states WHERE provider_id = $1 AND provider = $2) \
        OR EXISTS (SELECT FROM aliases WHERE provider_id = $1 AND provider = $2)";

/// The columns of a whole message, in the order [`row::stored_message`](crate::sql::row::stored_message)
/// reads them.
macro_rules! whole_message {
    () => {
        "m.id, m.owner, m.key, m.fingerprint, m.to_number, m.text, m.sender, m.class, m.reference, m.metadata, \
         m.options, m.encoding, m.parts, m.send_at, m.deadline_ms, m.max_attempts, m.on_unknown, \
         s.status, s.created_at, s.updated_at, s.due_at, s.valid_until, s.attempts, s.resends, s.fence, \
         s.worker, s.lease_since, s.lease_until, s.unknown_at, s.provider, s.provider_id, s.code, s.reason"
    };
}

pub(crate) const WHOLE_MESSAGE: &str = whole_message!();

/// One message. $1 id.
pub(crate) const GET: &str = concat!(
    "SELECT ",
    whole_message!(),
    " FROM messages AS m JOIN states AS s ON s.id = m.id WHERE m.id = $1 AND s.id = $1"
);

/// The last events of one message, newest first. $1 message, $2 limit.
pub(crate) const TIMELINE: &str = "\
    SELECT seq, message_id, at, kind, status, details FROM events WHERE message_id = $1 ORDER BY seq DESC LIMIT $2";

/// The position before which the event log is complete: no transaction that is still under way, or
/// begins later, will write an event before it.
///
/// Whoever writes events locks their table before its transaction gets a number, until its end. So
/// what can still be written has the number of a transaction that holds such a lock now, or one
/// that has not been given yet. Other transactions, of other tables or databases, hold nothing up.
/// A transaction gets its number a moment before it locks it, so one that runs without that lock
/// may be a writer, too. Must be a statement of its own, before the one that reads: that one must
/// see what was committed while this one looked.
pub(crate) const HORIZON: &str = "\
    WITH next AS MATERIALIZED (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid), \
    locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted), \
    writing AS ( \
        SELECT t.transactionid::text::bigint AS xid FROM locks AS e JOIN locks AS t USING (virtualtransaction) \
        WHERE e.relation = 'events'::regclass AND e.mode = 'RowExclusiveLock' \
          AND e.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
          AND t.locktype = 'transactionid' AND t.mode = 'ExclusiveLock' \
        UNION ALL \
        SELECT running.xid::text::bigint & 4294967295 FROM pg_snapshot_xip(pg_current_snapshot()) AS running (xid) \
        WHERE NOT EXISTS ( \
            SELECT FROM locks AS t WHERE t.locktype = 'transactionid' AND t.mode = 'ExclusiveLock' \
              AND t.transactionid::text::bigint = running.xid::text::bigint & 4294967295) \
          AND pg_xact_status(running.xid) = 'in progress') \
    SELECT (SELECT base FROM event_base) + 65536 * least(next.xid, ( \
        SELECT min(next.xid + ((writing.xid - (next.xid & 4294967295) + 2147483648) & 4294967295) - 2147483648) \
        FROM writing)) \
    FROM next";

/// Events of all messages, in the order of their positions. $1 after this, $2 up to this, $3 limit.
pub(crate) const EVENTS_AFTER: &str = "\
    SELECT seq, message_id, at, kind, status, details FROM events WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3";

/// Makes positions go on where they were, in a cluster whose transactions have lower numbers than
/// the one the tables come from.
pub(crate) const RAISE_BASE: &str = "\
    UPDATE event_base SET base = base + ahead.by FROM ( \
        SELECT coalesce(max(e.seq), 0) - min(b.base) - 65536 * pg_snapshot_xmax(pg_current_snapshot())::text::bigint \
            AS by \
        FROM event_base AS b LEFT JOIN (SELECT seq FROM events ORDER BY seq DESC LIMIT 1) AS e ON TRUE) AS ahead \
    WHERE ahead.by > 0";

/// How many messages are in each state, each part from an index of its own. $1 accepted from, $2
/// accepted before.
pub(crate) const STATS: &str = "\
    SELECT status + 0::smallint, count(*) FROM states \
    WHERE status > 1 AND created_at >= $1 AND created_at < $2 GROUP BY 1 \
    UNION ALL \
    SELECT 0::smallint, count(*) FROM states WHERE status = 0 AND created_at >= $1 AND created_at < $2 \
    UNION ALL \
    SELECT 1::smallint, count(*) FROM states WHERE status = 1 AND created_at >= $1 AND created_at < $2";

/// The same of one owner. $3 owner.
pub(crate) const STATS_OF_OWNER: &str = "\
    SELECT s.status, count(*) FROM messages AS m JOIN states AS s ON s.id = m.id \
    WHERE s.created_at >= $1 AND s.created_at < $2 AND m.owner = $3 GROUP BY s.status";

/// `→ ∅` for messages that do not wait any more and have not changed for long, with everything that
/// belongs to them, and for receipts nobody claimed. They were accepted long ago, too, and few
/// others were. $2 how long, $3 limit.
pub(crate) const PURGE: &str = concat!(
    with_clock!(),
    ", gone AS MATERIALIZED ( \
         SELECT id FROM states \
         WHERE created_at < (SELECT now FROM clock) - $2 AND updated_at < (SELECT now FROM clock) - $2 \
           AND status > 1 ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED \
     ), ids AS MATERIALIZED (SELECT coalesce(array_agg(id), '{}') AS list FROM gone \
     ), e AS (DELETE FROM events WHERE message_id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), a AS (DELETE FROM aliases WHERE message_id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), m AS (DELETE FROM messages WHERE id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), s AS (DELETE FROM states WHERE id = ANY ((SELECT list FROM ids)::uuid[]) \
     ), p AS (DELETE FROM parked WHERE parked_at < (SELECT now FROM clock) - $2 \
     ) SELECT count(*) FROM gone"
);

/// Writes a record whatever is there. $2 kind, $3 name, $4 value.
pub(crate) const RECORD_PUT: &str = concat!(
    with_clock!(),
    "INSERT INTO registry AS r (kind, name, version, value, updated_at) SELECT $2, $3, 1, $4, now FROM clock \
     ON CONFLICT (kind, name) DO UPDATE \
     SET version = r.version + 1, value = excluded.value, updated_at = excluded.updated_at RETURNING version"
);

/// Writes a record where there is none.
pub(crate) const RECORD_MAKE: &str = concat!(
    with_clock!(),
    "INSERT INTO registry (kind, name, version, value, updated_at) SELECT $2, $3, 1, $4, now FROM clock \
     ON CONFLICT (kind, name) DO NOTHING RETURNING version"
);

/// Writes a record that is at this version. $5 version.
pub(crate) const RECORD_UPDATE: &str = concat!(
    with_clock!(),
    "UPDATE registry SET version = version + 1, value = $4, updated_at = now FROM clock \
     WHERE kind = $2 AND name = $3 AND version = $5 RETURNING version"
);

/// One record. $2 kind, $3 name.
pub(crate) const RECORD_GET: &str = concat!(
    with_clock!(),
    "SELECT name, version, value, updated_at, (SELECT now FROM clock) FROM registry WHERE kind = $2 AND name = $3"
);

/// The records of a kind. $2 kind.
pub(crate) const RECORD_LIST: &str = concat!(
    with_clock!(),
    "SELECT name, version, value, updated_at, (SELECT now FROM clock) FROM registry WHERE kind = $2 ORDER BY name"
);

/// Removes a record. $1 kind, $2 name.
pub(crate) const RECORD_DELETE: &str = "DELETE FROM registry WHERE kind = $1 AND name = $2";
