-- What happened to messages, by the minute (step 60) and by the hour (step 3600). See sms-core/src/rollups.
CREATE TABLE rollups (
    step            INTEGER NOT NULL,
    -- The start of the minute or hour.
    at              INTEGER NOT NULL,
    -- '' for messages without one.
    owner           TEXT    NOT NULL,
    counter         INTEGER NOT NULL,
    class           INTEGER NOT NULL,
    -- A code of the provider, or a bucket of latencies.
    detail          INTEGER NOT NULL,
    count           INTEGER NOT NULL,
    PRIMARY KEY (step, at, owner, counter, class, detail)
) STRICT, WITHOUT ROWID;

-- Messages that were accepted and are not counted yet: a row for each owner and class of an insert. Nothing is noted here
-- before somebody counts.
CREATE TABLE acceptances (
    seq             INTEGER PRIMARY KEY,
    at              INTEGER NOT NULL,
    owner           TEXT    NOT NULL,
    class           INTEGER NOT NULL,
    count           INTEGER NOT NULL
) STRICT;

-- The position up to which the event log is counted. Empty until counting begins.
CREATE TABLE rollup_position (
    one_row         INTEGER NOT NULL PRIMARY KEY CHECK (one_row = 1),
    position        INTEGER NOT NULL
) STRICT;
