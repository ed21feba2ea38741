//! Parts that several statements share.

/// The time, as a table of one row.
macro_rules! with_clock {
    () => {
        "WITH clock AS MATERIALIZED (SELECT $1::bigint AS now) "
    };
}

/// The message of each state, looked up one by one: a join of two lists of ids would compare each
/// id with every other.
macro_rules! its_message {
    () => {
        " CROSS JOIN LATERAL (SELECT * FROM messages AS m WHERE m.id = s.id OFFSET 0) AS m "
    };
}

/// The state of each message, looked up one by one.
macro_rules! its_state {
    () => {
        " CROSS JOIN LATERAL (SELECT * FROM states AS s WHERE s.id = m.id OFFSET 0) AS s "
    };
}

/// Number of positions in the event log that one transaction can assign.
pub(crate) const POSITIONS: usize = 65_536;

/// The position in the event log before the first one of this transaction.
macro_rules! position {
    () => {
        "(SELECT base + pg_current_xact_id()::text::bigint * 65536 FROM event_base)"
    };
}

pub(crate) use {its_message, its_state, position, with_clock};
