//! Clock of a store: it never goes back, and a jump of the wall clock does not move it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::millis::UnixMs;
use super::uptime::Uptime;
use super::wall::Clock;
use crate::store::inference::horizon;

/// Divisor of the passed time for the part that store time loses while it is ahead of the wall
/// clock: one hour in ten hours.
const SLOWDOWN_DIVISOR: i64 = 10;
/// Divisor of the passed time for the part that store time gains while it is behind: one hour in
/// two days. The gain is smaller than the loss, because it shortens leases and deadlines.
const SPEEDUP_DIVISOR: i64 = 50;
/// Smallest difference that counts as a jump, in addition to a thousandth of the passed time.
/// Clocks drift apart by less than that without being set.
const MIN_JUMP_MS: i64 = 2_000;
/// Largest difference by which store time stays behind the wall clock. If the wall clock is further
/// ahead, store time jumps to it: the uptime of a virtual machine does not include the time for
/// which its host suspended it.
const MAX_LAG_MS: i64 = 6 * 3_600_000;
/// Largest age of a time kept by another machine from which its present time can be derived.
const MAX_KEPT_AGE_MS: i64 = 5_000;
/// Largest difference that is ignored between the times of machines that share a store.
const MAX_MACHINE_DIFFERENCE_MS: i64 = 100;
/// Largest difference between store time and wall clock that is shown as zero. Ordinary corrections
/// of the wall clock stay below it.
const MAX_CORRECTION_MS: i64 = 1_000;
/// Smallest difference between store time and wall clock at which times of receipts, which are by
/// the provider's clock, cannot be compared with store time.
const MIN_INCOMPARABLE_MS: i64 = 30_000;
/// Smallest age at which a reading is replaced as the base of later ones. A fiftieth of a shorter
/// time would be lost by rounding.
const MIN_BASE_AGE_MS: i64 = 1_000;

/// The clock that decides what is due in a store.
///
/// It follows the wall clock, but measures the passed time by the uptime of the machine. A wall
/// clock that is set back or forward by an hour does not move it. Afterwards it returns to the wall
/// clock slowly, by running slower (a tenth) or faster (a fiftieth). So messages wait as long as
/// they should, and leases and deadlines end early by a fiftieth at most. Each jump of the wall
/// clock is logged as a warning, in one line.
///
/// Stores [keep](Self::keep) its time with their data, so that it continues from there after a
/// restart.
#[derive(Debug)]
pub struct StoreClock {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// The time of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreTime {
    /// Store time: the time that is written to rows and compared with their times.
    pub now_ms: UnixMs,
    /// Difference of store time to the wall clock in milliseconds; negative when store time is
    /// behind, 0 while they differ by a second at most.
    pub ahead_ms: i64,
}

impl StoreTime {
    /// A store time that is equal to the wall clock.
    pub const fn of_wall(now_ms: UnixMs) -> Self {
        Self { now_ms, ahead_ms: 0 }
    }

    /// The store time at which the wall clock will show `wall_ms`, if it is not set before then.
    pub const fn at(self, wall_ms: UnixMs) -> UnixMs {
        wall_ms.saturating_add(self.ahead_ms)
    }

    /// The time of the wall clock at the store time `store_ms`.
    pub const fn wall_at(self, store_ms: UnixMs) -> UnixMs {
        store_ms.saturating_sub(self.ahead_ms)
    }
}

/// A reading of the clock that a store keeps for the next process and for other machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTime {
    /// Store time.
    pub store_ms: UnixMs,
    /// The wall clock at that moment.
    pub wall_ms: UnixMs,
    /// The boot of the machine that kept it, see [`Uptime::boot`].
    pub boot: u64,
    /// The uptime of that machine at that moment.
    pub uptime_ms: i64,
    /// The last store time at which store time and wall clock were too far apart to compare times
    /// of receipts; absent if they never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart_ms: Option<UnixMs>,
}

#[derive(Debug)]
struct State {
    /// The reading from which later ones are calculated.
    base: KeptTime,
    /// The latest store time that was returned.
    latest_ms: UnixMs,
}

impl StoreClock {
    /// A clock that starts with the time of the wall clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::resume(clock, None)
    }

    /// A clock that continues from the time that a store has kept. If the machine has been running
    /// since, the time is exact. After a restart of the machine, or on another one, the wall clock
    /// counts if it is ahead of the kept time.
    pub fn resume(clock: Arc<dyn Clock>, kept: Option<KeptTime>) -> Self {
        let (wall_ms, uptime) = (clock.now_ms(), clock.uptime());
        let base = kept.map_or_else(
            || KeptTime {
                store_ms: wall_ms,
                wall_ms,
                boot: uptime.boot,
                uptime_ms: uptime.ms,
                apart_ms: None,
            },
            |kept| {
                let (base, jump) = after(kept, wall_ms, uptime);
                report(jump, base);
                base
            },
        );
        Self { clock, state: Mutex::new(State { base, latest_ms: base.store_ms }) }
    }

    /// The time now. Never earlier than a time that was returned before.
    pub fn read(&self) -> StoreTime {
        let (reading, jump) = self.advance();
        report(jump, reading);
        StoreTime {
            now_ms: reading.store_ms,
            ahead_ms: ahead_of(reading.store_ms, reading.wall_ms),
        }
    }

    /// Reads the time for the store to keep, so that the next process continues from it.
    pub fn keep(&self) -> KeptTime {
        let (reading, jump) = self.advance();
        report(jump, reading);
        reading
    }

    /// Adopts the time of other machines that share the store, if it is later.
    pub fn follow(&self, kept: KeptTime) {
        let mut state = self.lock();
        let (wall_ms, uptime) = (self.clock.now_ms(), self.clock.uptime());
        // A passed time that is not known counts as zero: the difference may be a jump that the
        // other machines have not kept yet.
        let passed =
            passed(kept, wall_ms, uptime).filter(|passed| *passed <= MAX_KEPT_AGE_MS).unwrap_or(0);
        let theirs = approach(kept.store_ms.saturating_add(passed), wall_ms, passed);
        let lag_ms = theirs - after(state.base, wall_ms, uptime).0.store_ms.max(state.latest_ms);
        if lag_ms > MAX_MACHINE_DIFFERENCE_MS {
            *state = State { base: reading(kept, theirs, wall_ms, uptime), latest_ms: theirs };
        }
        drop(state);
        if lag_ms > MIN_JUMP_MS {
            let lag_seconds = lag_ms / 1000;
            tracing::warn!(
                lag_seconds,
                "this machine was suspended; the store time of the other machines is adopted"
            );
        }
    }

    /// Returns true if recent times by other clocks, such as those of receipts, can be compared
    /// with store times.
    pub fn is_comparable(&self) -> bool {
        let reading = self.keep();
        reading.apart_ms.is_none_or(|apart| apart < horizon(reading.store_ms))
    }

    fn advance(&self) -> (KeptTime, Option<i64>) {
        // The clocks are read under the lock, so that readings are used in the order in which they
        // were taken.
        let mut state = self.lock();
        let (wall_ms, uptime) = (self.clock.now_ms(), self.clock.uptime());
        let (mut reading, jump) = after(state.base, wall_ms, uptime);
        reading.store_ms = reading.store_ms.max(state.latest_ms);
        state.latest_ms = reading.store_ms;
        if jump.is_some()
            || reading.boot != state.base.boot
            || uptime.ms - state.base.uptime_ms >= MIN_BASE_AGE_MS
        {
            state.base = reading;
        }
        (reading, jump)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No change is left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new reading that continues an earlier one, and the jump of the wall clock between them, if
/// there was one.
fn after(base: KeptTime, wall_ms: i64, uptime: Uptime) -> (KeptTime, Option<i64>) {
    let by_wall = wall_ms.saturating_sub(base.wall_ms);
    let (store_ms, jump) = match passed(base, wall_ms, uptime) {
        Some(passed) => {
            let jump = Some(by_wall.saturating_sub(passed))
                .filter(|jump| jump.abs() > MIN_JUMP_MS + passed / 1000);
            // It is not known when the jump was, so store time begins to return to the wall clock
            // only now.
            let store_ms =
                approach(base.store_ms.saturating_add(passed), wall_ms, jump.map_or(passed, |_| 0));
            (if wall_ms.saturating_sub(store_ms) > MAX_LAG_MS { wall_ms } else { store_ms }, jump)
        }
        None => (wall_ms.max(base.store_ms), Some(by_wall).filter(|by| *by < -MIN_JUMP_MS)),
    };
    (reading(base, store_ms, wall_ms, uptime), jump)
}

/// Time since a reading in milliseconds, if known. For a reading of the same boot it is measured by
/// the uptime. For a reading of another machine it is measured by the wall clock, if the reading is
/// recent.
fn passed(base: KeptTime, wall_ms: i64, uptime: Uptime) -> Option<i64> {
    if base.boot == uptime.boot {
        return Some(uptime.ms.saturating_sub(base.uptime_ms).max(0));
    }
    Some(wall_ms.saturating_sub(base.wall_ms))
        .filter(|by_wall| (0..=MAX_KEPT_AGE_MS).contains(by_wall))
}

/// Store time as close to the wall clock as it may come within `within_ms`, from `steady_ms` on.
fn approach(steady_ms: i64, wall_ms: i64, within_ms: i64) -> i64 {
    let (loss, gain) = (within_ms / SLOWDOWN_DIVISOR, within_ms / SPEEDUP_DIVISOR);
    wall_ms.clamp(steady_ms.saturating_sub(loss), steady_ms.saturating_add(gain))
}

fn reading(base: KeptTime, store_ms: i64, wall_ms: i64, uptime: Uptime) -> KeptTime {
    let apart = ahead_of(store_ms, wall_ms).abs() >= MIN_INCOMPARABLE_MS;
    let apart_ms = if apart { Some(store_ms) } else { base.apart_ms };
    KeptTime { store_ms, wall_ms, boot: uptime.boot, uptime_ms: uptime.ms, apart_ms }
}

/// Difference of store time to the wall clock, see [`StoreTime::ahead_ms`].
fn ahead_of(store_ms: i64, wall_ms: i64) -> i64 {
    let ahead = store_ms.saturating_sub(wall_ms);
    if ahead.abs() <= MAX_CORRECTION_MS { 0 } else { ahead }
}

fn report(jump: Option<i64>, reading: KeptTime) {
    let Some(jump) = jump else { return };
    let (by_seconds, ahead_seconds) =
        (jump / 1000, ahead_of(reading.store_ms, reading.wall_ms) / 1000);
    let direction = if jump < 0 { "back" } else { "forward" };
    tracing::warn!(
        by_seconds,
        ahead_seconds,
        "the wall clock was set {direction}; due times do not change, and the times that the \
         store records return to the wall clock within hours or days"
    );
}

#[cfg(test)]
mod tests;
