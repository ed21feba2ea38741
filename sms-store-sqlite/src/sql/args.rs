//! Arguments of statements.

/// A limit of rows as SQLite accepts it.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
