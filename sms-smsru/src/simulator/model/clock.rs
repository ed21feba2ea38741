//! The clock of the simulator and its time zone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sms_core::Clock;
use sms_core::clock::{datetime_from_ms, duration_to_ms};
use time::{OffsetDateTime, Time, UtcOffset};

const DAY_MS: i64 = 86_400_000;
/// The maximum time, in the year 9999. Later dates cannot be represented.
const MAX_MS: i64 = 253_370_764_800_000;

/// A clock that follows a base clock and can be moved forward.
#[derive(Debug)]
pub(crate) struct MovableClock {
    base: Arc<dyn Clock>,
    moved_ms: AtomicI64,
}

impl MovableClock {
    pub(crate) fn new(base: Arc<dyn Clock>) -> Self {
        Self { base, moved_ms: AtomicI64::new(0) }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.base.now_ms().saturating_add(self.moved_ms.load(Ordering::SeqCst)).clamp(0, MAX_MS)
    }

    pub(crate) fn advance(&self, by: Duration) {
        // Saturating, because a clock that wraps around would repeat the past.
        let moved = |ms: i64| Some(ms.saturating_add(duration_to_ms(by)));
        let _ = self.moved_ms.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }
}

/// The time zone for the ends of days and for night hours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone(UtcOffset);

impl Zone {
    /// A zone with this offset from UTC in hours. An offset out of range counts as 0.
    pub(crate) fn hours(east: i8) -> Self {
        Self(UtcOffset::from_hms(east, 0, 0).unwrap_or(UtcOffset::UTC))
    }

    fn local(self, ms: i64) -> OffsetDateTime {
        datetime_from_ms(ms).to_offset(self.0)
    }

    /// Returns the number of the calendar day since the Unix epoch.
    pub(crate) fn day(self, ms: i64) -> i64 {
        (ms + i64::from(self.0.whole_seconds()) * 1000).div_euclid(DAY_MS)
    }

    /// Returns year and ISO week, the beginning of an id: `202626`.
    pub(crate) fn week(self, ms: i64) -> u32 {
        let (year, week, _) = self.local(ms).to_iso_week_date();
        u32::try_from(year).unwrap_or_default() * 100 + u32::from(week)
    }

    /// Returns the same time during the day, and the next 10:00 between 20:00 and 10:00.
    pub(crate) fn in_daytime(self, ms: i64) -> i64 {
        const MORNING: Time = time::macros::time!(10:00);
        let local = self.local(ms);
        let morning = local.replace_time(MORNING);
        let at = match local.hour() {
            0..10 => morning,
            10..20 => return ms,
            _ => morning + Duration::from_hours(24),
        };
        sms_core::clock::datetime_to_ms(at)
    }
}
