-- Times are milliseconds since the Unix epoch, by the database's clock. Numbers of states and lanes are those of sms-core
-- and never change; neither do these: class 0 otp, 1 service, 2 marketing; encoding 0 gsm7, 1 ucs2; on_unknown 0 hold,
-- 1 resend_once; state of a receipt 0 in_transit, 1 delivered, 2 undelivered. Ids are UUIDs of version 7, so rows lie in
-- the order of their making.
--
-- Names are compared byte by byte (COLLATE "C"): it is faster, and no upgrade of a locale can spoil their indexes.

-- What was asked for. Written once, but for `key_released`, so these indexes are written once, too, and the text is not
-- copied with every step of a message.
CREATE TABLE messages (
    id              uuid      NOT NULL,
    to_number       bigint    NOT NULL,
    deadline_ms     bigint    NOT NULL,
    send_at         bigint,
    max_attempts    integer   NOT NULL,
    class           smallint  NOT NULL,
    lane            smallint  NOT NULL,
    encoding        smallint  NOT NULL,
    parts           smallint  NOT NULL,
    on_unknown      smallint  NOT NULL,
    -- Whether the idempotency key is free again, its 72 hours being over.
    key_released    boolean   NOT NULL DEFAULT FALSE,
    text            text      NOT NULL,
    owner           text      COLLATE "C",
    key             text      COLLATE "C",
    fingerprint     bytea,
    sender          text,
    reference       text      COLLATE "C",
    -- JSON, as text: nobody asks for a part of it, and jsonb refuses some of what JSON allows.
    metadata        text,
    options         text
);
-- An owner is never '', so messages without one share a slot of their own.
CREATE UNIQUE INDEX messages_key ON messages (coalesce(owner, ''), key) WHERE key IS NOT NULL AND NOT key_released;
CREATE INDEX messages_number     ON messages (to_number, id);
CREATE INDEX messages_owner      ON messages (owner, id)     WHERE owner IS NOT NULL;
CREATE INDEX messages_reference  ON messages (reference, id) WHERE reference IS NOT NULL;

-- Where each message stands: one narrow row for each, which every step writes anew.
CREATE TABLE states (
    id              uuid      NOT NULL,
    created_at      bigint    NOT NULL,
    updated_at      bigint    NOT NULL,
    due_at          bigint    NOT NULL,
    push_at         bigint    NOT NULL,
    valid_until     bigint    NOT NULL,
    lease_since     bigint,
    lease_until     bigint,
    batch           bigint,
    unknown_at      bigint,
    sent_at         bigint,
    poll_at         bigint,
    receipt_at      bigint,
    fence           integer   NOT NULL DEFAULT 0,
    code            integer,
    status          smallint  NOT NULL,
    lane            smallint  NOT NULL,
    attempts        smallint  NOT NULL DEFAULT 0,
    resends         smallint  NOT NULL DEFAULT 0,
    polls           smallint  NOT NULL DEFAULT 0,
    worker          text,
    provider        text      COLLATE "C",
    provider_id     text      COLLATE "C",
    reason          text
) WITH (
    -- Room for the next version of a row beside it: what is cut off as dead there is used again without a vacuum.
    fillfactor = 75,
    -- The indexes of what waits must not fill with what has gone: a backlog is drained at the speed of its index.
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
-- What the caretaker looks for. Each holds only what may be found by it, so they are small.
CREATE INDEX states_due      ON states (lane, push_at)         WHERE status = 0;
CREATE INDEX states_deadline ON states (valid_until)           WHERE status = 0;
CREATE INDEX states_lease    ON states (lease_until)           WHERE status = 1;
CREATE INDEX states_poll     ON states (poll_at)               WHERE status = 2 AND poll_at IS NOT NULL;
CREATE INDEX states_unknown  ON states (unknown_at)            WHERE unknown_at IS NOT NULL;
CREATE INDEX states_provider ON states (provider_id, provider) WHERE provider_id IS NOT NULL;
CREATE INDEX states_status   ON states (status, id)            WHERE status <> 1;
-- Counts are read off this index alone.
CREATE INDEX states_created  ON states (created_at, status);

-- Provider ids a message has beside its own: an earlier attempt was accepted after a later one.
CREATE TABLE aliases (
    message_id      uuid      NOT NULL,
    provider_id     text      COLLATE "C" NOT NULL,
    provider        text      COLLATE "C" NOT NULL
);
CREATE INDEX aliases_message ON aliases (message_id);

-- Receipts that came before their provider id was known.
CREATE TABLE parked (
    seq             bigint    GENERATED ALWAYS AS IDENTITY,
    parked_at       bigint    NOT NULL,
    at              bigint,
    code            integer,
    state           smallint  NOT NULL,
    provider        text      COLLATE "C" NOT NULL,
    provider_id     text      COLLATE "C" NOT NULL,
    text            text,
    CONSTRAINT parked_pkey PRIMARY KEY (seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- Each receipt is kept once, however often it comes.
CREATE UNIQUE INDEX parked_once ON parked
    (provider_id, provider, state, coalesce(code::text, ''), md5(coalesce(text, '')), coalesce(at::text, ''));
CREATE INDEX parked_age ON parked (parked_at, seq);

-- The event log. A position is the number of the transaction that wrote it and its place within that transaction, so that
-- a reader can tell from the transactions which are under way how far the log is complete.
CREATE TABLE events (
    seq             bigint    NOT NULL,
    at              bigint    NOT NULL,
    message_id      uuid      NOT NULL,
    status          smallint  NOT NULL,
    kind            text      NOT NULL,
    details         text      NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (seq)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE INDEX events_message ON events (message_id, seq);

-- What is added to the numbers of transactions. They start anew in another cluster, so when the tables were moved into
-- one, it is raised past every position that was given before.
CREATE TABLE event_base (base bigint NOT NULL);
INSERT INTO event_base VALUES (0);

CREATE TABLE registry (
    version         bigint    NOT NULL,
    updated_at      bigint    NOT NULL,
    kind            text      COLLATE "C" NOT NULL,
    name            text      COLLATE "C" NOT NULL,
    value           text      NOT NULL,
    CONSTRAINT registry_pkey PRIMARY KEY (kind, name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 200);

-- Last, so that they are preferred: while the planner takes a table for empty, every index that holds the id seems as good as
-- its own.
ALTER TABLE messages ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
ALTER TABLE states   ADD CONSTRAINT states_pkey   PRIMARY KEY (id);
ALTER TABLE aliases  ADD CONSTRAINT aliases_pkey  PRIMARY KEY (provider_id, provider);
