//! Requests and results of the methods of [`Rollups`](crate::Rollups).

use time::OffsetDateTime;

use crate::clock::{UnixMs, datetime_from_ms, datetime_to_ms};
use crate::rollups::change::{Change, start};
use crate::store::queries::Scope;

/// Time for which counts of a minute are kept, in milliseconds: 72 hours.
pub const MINUTES_KEPT_MS: i64 = 72 * 3_600_000;
/// Time for which counts of an hour are kept, in milliseconds: 90 days.
pub const HOURS_KEPT_MS: i64 = 90 * 86_400_000;

/// Request of [`Rollups::roll_up`](crate::Rollups::roll_up).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RollUpRequest {
    /// Largest number of events.
    pub limit: usize,
}

impl RollUpRequest {
    /// Counts up to `limit` events.
    pub const fn new(limit: usize) -> Self {
        Self { limit }
    }
}

/// Result of [`Rollups::roll_up`](crate::Rollups::roll_up).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RollUpProgress {
    /// True if there may be more to count at once.
    pub is_behind: bool,
    /// Counts that this call has added, without those of acceptances. Empty by default.
    pub changes: Vec<Change>,
}

impl RollUpProgress {
    /// A call after which there is more to count, or not.
    pub const fn new(is_behind: bool) -> Self {
        Self { is_behind, changes: Vec::new() }
    }

    /// Sets [`changes`](Self::changes).
    pub fn changes(mut self, changes: Vec<Change>) -> Self {
        self.changes = changes;
        self
    }
}

/// Distance of the points of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// One minute.
    Minute,
    /// Five minutes.
    FiveMinutes,
    /// One hour.
    Hour,
    /// One day, in UTC.
    Day,
}

impl Step {
    /// Every step, the shortest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::FiveMinutes, Self::Hour, Self::Day];

    /// Its length in seconds.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Minute => 60,
            Self::FiveMinutes => 300,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// The step of this length.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.seconds() == seconds)
    }

    /// Its length in milliseconds.
    pub const fn millis(self) -> i64 {
        self.seconds() as i64 * 1000
    }

    /// The resolution of the counts that make up a point: minutes, or hours.
    pub const fn resolution(self) -> Self {
        match self {
            Self::Minute | Self::FiveMinutes => Self::Minute,
            Self::Hour | Self::Day => Self::Hour,
        }
    }

    /// Age at which counts of its resolution are dropped, in milliseconds.
    pub const fn kept_ms(self) -> i64 {
        match self.resolution() {
            Self::Minute | Self::FiveMinutes => MINUTES_KEPT_MS,
            Self::Hour | Self::Day => HOURS_KEPT_MS,
        }
    }
}

/// Request of [`Rollups::series`](crate::Rollups::series).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeriesRequest {
    /// Messages that the caller may see. All by default.
    pub scope: Scope,
    /// Start of the first point.
    pub from: UnixMs,
    /// End of the last point, not included.
    pub to: UnixMs,
    /// Distance of the points.
    pub step: Step,
}

impl SeriesRequest {
    /// Reads the points that touch a range of times.
    pub fn new(from: OffsetDateTime, to: OffsetDateTime, step: Step) -> Self {
        let [from, to] = [from, to].map(datetime_to_ms);
        let last = start(to, step.millis());
        let to = if last < to { last.saturating_add(step.millis()) } else { last };
        Self { scope: Scope::All, from: start(from, step.millis()), to, step }
    }

    /// Sets [`scope`](Self::scope).
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Number of points.
    pub fn points(&self) -> u64 {
        let length = self.to.saturating_sub(self.from).max(0).unsigned_abs();
        length / self.step.millis().unsigned_abs()
    }

    /// Start of the first point.
    pub fn from_time(&self) -> OffsetDateTime {
        datetime_from_ms(self.from)
    }

    /// End of the last point.
    pub fn to_time(&self) -> OffsetDateTime {
        datetime_from_ms(self.to)
    }
}
