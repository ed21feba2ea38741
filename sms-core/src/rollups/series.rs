//! Series: counts as the points of a chart.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::clock::{UnixMs, datetime_from_ms};
use crate::message::Class;
use crate::provider::money::Money;
use crate::rollups::change::NO_DETAIL;
use crate::rollups::counter::Counter;
use crate::rollups::latency::percentile;
use crate::rollups::requests::SeriesRequest;

/// One count of a range, as a store reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountRow {
    /// Start of a minute or an hour, or of the point that it belongs to.
    pub at: UnixMs,
    /// Class of the messages.
    pub class: Class,
    /// The count.
    pub counter: Counter,
    /// See [`Change::detail`](crate::rollups::change::Change::detail).
    pub detail: i64,
    /// The number.
    pub count: u64,
}

impl CountRow {
    /// A count.
    pub const fn new(at: UnixMs, class: Class, counter: Counter, detail: i64, count: u64) -> Self {
        Self { at, class, counter, detail, count }
    }
}

/// Numbers of messages by [`Counter`], and their cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Counter::ALL.len()]);

impl Counts {
    /// The number of this counter.
    pub const fn count(&self, counter: Counter) -> u64 {
        self.0[counter.number() as usize]
    }

    /// The cost that became known.
    pub fn cost(&self) -> Money {
        Money::from_micros(i64::try_from(self.count(Counter::Cost)).unwrap_or(i64::MAX))
    }

    fn add(&mut self, counter: Counter, count: u64) {
        self.0[usize::from(counter.number())] += count;
    }
}

/// A point of a series: what happened from its time until the next point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Point {
    /// Start of the point.
    pub at: OffsetDateTime,
    /// The numbers.
    pub counts: Counts,
    /// Time until the provider accepted a message, `None` if it accepted none.
    pub latency: Option<Latency>,
}

/// Percentiles of the time from the acceptance of a message, or its `send_at`, to the provider's
/// acceptance, in milliseconds. Each is up to a quarter too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// The median.
    pub p50: u64,
    /// The time within which 99 of 100 messages are accepted.
    pub p99: u64,
}

/// Messages of one class in the whole range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassCounts {
    /// The class.
    pub class: Class,
    /// The numbers.
    pub counts: Counts,
}

/// Messages that ended with one code of the provider in the whole range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeCounts {
    /// The code; `None` for messages that ended without one.
    pub code: Option<i32>,
    /// The numbers; only `undelivered` and `failed` are split by code.
    pub counts: Counts,
}

/// Result of [`Rollups::series`](crate::Rollups::series).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Series {
    /// Every point of the range, in order, also where nothing happened.
    pub points: Vec<Point>,
    /// The whole range by class. Every class is there.
    pub by_class: Vec<ClassCounts>,
    /// The failures of the whole range by code, in the order of the codes.
    pub by_code: Vec<CodeCounts>,
}

impl Series {
    /// The series of these counts. Counts outside of the range are left out.
    pub fn of(request: &SeriesRequest, rows: impl IntoIterator<Item = CountRow>) -> Self {
        let step = request.step.millis();
        let starts = (0..request.points()).map(|n| request.from + n.cast_signed() * step);
        let mut points: Vec<_> = starts.map(|at| (at, Counts::default(), Buckets::new())).collect();
        let mut by_class = Class::ALL.map(|class| ClassCounts { class, counts: Counts::default() });
        let mut by_code: BTreeMap<Option<i32>, Counts> = BTreeMap::new();
        for CountRow { at, class, counter, detail, count } in rows {
            let index = usize::try_from(at.saturating_sub(request.from).div_euclid(step));
            let Some((_, counts, buckets)) = index.ok().and_then(|n| points.get_mut(n)) else {
                continue;
            };
            counts.add(counter, count);
            by_class[usize::from(class.number())].counts.add(counter, count);
            if counter == Counter::Latency {
                *buckets.entry(u8::try_from(detail).unwrap_or(u8::MAX)).or_default() += count;
            }
            if counter.has_code() {
                let code = i32::try_from(detail).ok().filter(|_| detail != NO_DETAIL);
                by_code.entry(code).or_default().add(counter, count);
            }
        }
        let point = |(at, counts, buckets): (_, _, Buckets)| Point {
            at: datetime_from_ms(at),
            counts,
            latency: latency(&buckets),
        };
        let code = |(code, counts)| CodeCounts { code, counts };
        Self {
            points: points.into_iter().map(point).collect(),
            by_class: by_class.into(),
            by_code: by_code.into_iter().map(code).collect(),
        }
    }
}

/// Numbers by bucket of latency.
type Buckets = BTreeMap<u8, u64>;

fn latency(buckets: &Buckets) -> Option<Latency> {
    let part = |per_cent| percentile(buckets.iter().map(|(at, count)| (*at, *count)), per_cent);
    Some(Latency { p50: part(50)?, p99: part(99)? })
}
