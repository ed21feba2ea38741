-- Items of bulk actions and imports. See sms-core/src/worklists.
CREATE TABLE work_items (
    list            TEXT    NOT NULL,
    number          INTEGER NOT NULL,
    state           INTEGER NOT NULL,
    payload         TEXT    NOT NULL,
    result          TEXT,
    PRIMARY KEY (list, number)
) STRICT, WITHOUT ROWID;
