-- What happened to messages, by the minute (step 60) and by the hour (step 3600). See sms-core/src/rollups.
CREATE TABLE rollups (
    -- The start of the minute or hour.
    at              bigint    NOT NULL,
    -- A code of the provider, or a bucket of latencies.
    detail          bigint    NOT NULL,
    count           bigint    NOT NULL,
    step            integer   NOT NULL,
    counter         smallint  NOT NULL,
    class           smallint  NOT NULL,
    -- '' for messages without one.
    owner           text      COLLATE "C" NOT NULL,
    CONSTRAINT rollups_pkey PRIMARY KEY (step, at, owner, counter, class, detail)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Messages that were accepted and are not counted yet: a row for each owner and class of an insert. Nothing is noted here
-- before somebody counts.
CREATE TABLE acceptances (
    at              bigint    NOT NULL,
    count           bigint    NOT NULL,
    class           smallint  NOT NULL,
    owner           text      COLLATE "C" NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The position up to which the event log is counted. Empty until counting begins.
CREATE TABLE rollup_position (
    position        bigint    NOT NULL,
    one_row         boolean   NOT NULL CHECK (one_row),
    CONSTRAINT rollup_position_pkey PRIMARY KEY (one_row)
) WITH (fillfactor = 50);
