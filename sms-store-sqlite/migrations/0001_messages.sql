-- Times are milliseconds since the Unix epoch, by the store's clock. Numbers of states and lanes are those of
-- sms-core and never change. Ids are the 16 bytes of a UUID of version 7, so rows lie in the order of their making.

CREATE TABLE messages (
    id              BLOB    NOT NULL PRIMARY KEY,
    -- What was asked for. Never changes.
    owner           TEXT             CHECK (owner <> ''),
    key             TEXT,
    fingerprint     BLOB,
    to_number       INTEGER NOT NULL,
    text            TEXT    NOT NULL,
    sender          TEXT,
    class           TEXT    NOT NULL,
    reference       TEXT,
    metadata        TEXT,
    options         TEXT,
    encoding        TEXT    NOT NULL,
    parts           INTEGER NOT NULL,
    send_at         INTEGER,
    deadline_ms     INTEGER NOT NULL,
    max_attempts    INTEGER NOT NULL,
    on_unknown      TEXT    NOT NULL,
    lane            INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    -- Whether the idempotency key is free again, its 72 hours being over.
    key_released    INTEGER NOT NULL DEFAULT 0,
    -- Where it stands.
    status          INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    due_at          INTEGER NOT NULL,
    valid_until     INTEGER NOT NULL,
    push_at         INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    resends         INTEGER NOT NULL DEFAULT 0,
    fence           INTEGER NOT NULL DEFAULT 0,
    worker          TEXT,
    batch           INTEGER,
    lease_since     INTEGER,
    lease_until     INTEGER,
    provider        TEXT,
    provider_id     TEXT,
    code            INTEGER,
    reason          TEXT,
    sent_at         INTEGER,
    poll_at         INTEGER,
    polls           INTEGER NOT NULL DEFAULT 0,
    -- When the last attempt of unknown outcome began: the time in which its receipts are to be looked for.
    unknown_at      INTEGER,
    -- When the newest receipt was made, by the provider's clock: one that is older brings no news.
    receipt_at      INTEGER,
    -- When the caretaker has to look at it, if nothing happens before: a deadline, the end of a lease, a status query.
    look_at         INTEGER GENERATED ALWAYS AS
        (CASE status WHEN 0 THEN valid_until WHEN 1 THEN lease_until WHEN 2 THEN poll_at END) VIRTUAL
) STRICT, WITHOUT ROWID;

-- Each index that a step of a message changes is one more page to write when messages come one by one. So one index serves
-- all three of the caretaker's questions; and those of states and counts hold only what is past waiting and being sent,
-- since the indexes of what is due or has a lease find the rest, too.

-- An owner is never '', so messages without one share a slot of their own.
CREATE UNIQUE INDEX messages_key ON messages (coalesce(owner, ''), key) WHERE key IS NOT NULL AND key_released = 0;
-- With the time of acceptance, so that what waits is counted without its rows.
CREATE INDEX messages_due        ON messages (lane, push_at, created_at) WHERE status = 0;
CREATE INDEX messages_look       ON messages (status, look_at)         WHERE look_at IS NOT NULL;
CREATE INDEX messages_provider   ON messages (provider_id, provider)   WHERE provider_id IS NOT NULL;
CREATE INDEX messages_number     ON messages (to_number, id);
CREATE INDEX messages_owner      ON messages (owner, id)               WHERE owner IS NOT NULL;
CREATE INDEX messages_reference  ON messages (reference, id)           WHERE reference IS NOT NULL;
CREATE INDEX messages_status     ON messages (status, id)              WHERE status > 1;
CREATE INDEX messages_created    ON messages (created_at, status)      WHERE status > 1;
CREATE INDEX messages_unknown    ON messages (unknown_at)              WHERE unknown_at IS NOT NULL;

-- Provider ids a message has beside its own: an earlier attempt was accepted after a later one.
CREATE TABLE aliases (
    provider_id     TEXT    NOT NULL,
    provider        TEXT    NOT NULL,
    message_id      BLOB    NOT NULL,
    PRIMARY KEY (provider_id, provider)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_message ON aliases (message_id);

-- Receipts that came before their provider id was known.
CREATE TABLE parked (
    seq             INTEGER PRIMARY KEY,
    parked_at       INTEGER NOT NULL,
    provider        TEXT    NOT NULL,
    provider_id     TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    code            INTEGER,
    text            TEXT,
    at              INTEGER
) STRICT;
-- Each receipt is kept once, however often it comes.
CREATE UNIQUE INDEX parked_once ON parked
    (provider_id, provider, state, ifnull(code, ''), ifnull(text, ''), ifnull(at, ''));
CREATE INDEX parked_age ON parked (parked_at);

-- AUTOINCREMENT, so that a position is never used twice, not even after a purge.
CREATE TABLE events (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id      BLOB    NOT NULL,
    at              INTEGER NOT NULL,
    kind            TEXT    NOT NULL,
    status          INTEGER NOT NULL,
    details         TEXT    NOT NULL
) STRICT;
CREATE INDEX events_message ON events (message_id);

CREATE TABLE registry (
    kind            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    value           TEXT    NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
