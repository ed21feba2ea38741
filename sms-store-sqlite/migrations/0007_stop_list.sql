-- Phone numbers that nothing is sent to. See sms-core/src/stop_list.rs.
CREATE TABLE stop_list (
    number          INTEGER PRIMARY KEY,
    added_at        INTEGER NOT NULL,
    reason          TEXT    NOT NULL,
    added_by        TEXT    NOT NULL
) STRICT;
