//! Conversion of times and durations to milliseconds.

use std::time::Duration;

use time::OffsetDateTime;

/// A time in milliseconds since the Unix epoch.
pub type UnixMs = i64;

/// Converts a time to milliseconds since the Unix epoch, the precision of stores.
pub fn datetime_to_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// Converts milliseconds since the Unix epoch to a time. Clamped to the end of the year 9999.
pub fn datetime_from_ms(ms: i64) -> OffsetDateTime {
    const LAST: OffsetDateTime = time::macros::datetime!(9999-12-31 23:59:59.999 UTC);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(LAST)
}

/// Converts a duration to whole milliseconds, saturating.
pub fn duration_to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
