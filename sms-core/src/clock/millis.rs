//! Times as milliseconds since the Unix epoch.

use std::time::Duration;

use time::OffsetDateTime;

/// A point in time as milliseconds since the Unix epoch: the precision stores keep.
pub fn datetime_to_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// The point in time of `ms` milliseconds since the Unix epoch; one beyond the year 9999 is
/// clamped.
pub fn datetime_from_ms(ms: i64) -> OffsetDateTime {
    const LAST: OffsetDateTime = time::macros::datetime!(9999-12-31 23:59:59.999 UTC);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(LAST)
}

/// A duration in whole milliseconds, saturating.
pub fn duration_to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
