//! The clock of a store: it never goes back, and no jump of the wall clock moves it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::uptime::Uptime;
use super::wall::Clock;
use crate::store::inference::horizon;

/// The part of the time that passes which store time loses while it is ahead of the wall clock: one
/// hour in ten hours.
const SLOWER_BY: i64 = 10;
/// The part that it gains while it is behind: one hour in two days. Smaller, because it shortens
/// leases and deadlines.
const FASTER_BY: i64 = 50;
/// The smallest jump: by this much, and by a thousandth of the time that passed, clocks drift apart
/// by themselves.
const JUMP_MS: i64 = 2_000;
/// The most that store time stays behind. A wall clock that is further ahead is believed: a virtual
/// machine that its host had suspended does not notice that time has passed.
const LONGEST_LAG_MS: i64 = 6 * 3_600_000;
/// The age up to which the time kept by another machine tells what time it is there now.
const FRESH_MS: i64 = 5_000;
/// The difference up to which machines that share a store agree on its time.
const AGREED_MS: i64 = 100;
/// The difference between store time and wall clock that everyday corrections make; it counts as
/// none.
const SAME_MS: i64 = 1_000;
/// The difference from which on the times of receipts, which are the provider's, cannot be compared
/// with store time.
const APART_MS: i64 = 30_000;
/// The age from which on a reading is replaced as the base of later ones: a fiftieth of it must not
/// be rounded away.
const STEP_MS: i64 = 1_000;

/// The clock that decides what is due in a store.
///
/// It follows the wall clock, but takes the time that passes from the uptime of the machine: a wall
/// clock that is set back or forward by an hour moves it by nothing. It then returns to the wall
/// clock slowly, by going slower (a tenth) or faster (a fiftieth). So what waits goes on waiting
/// for as long as it should have, no lease ends and no deadline passes early, but for that
/// fiftieth. Each jump that it sees is logged as a warning, in one line.
///
/// Stores [keep](Self::keep) its time with what they write, so that it goes on from there after a
/// restart.
#[derive(Debug)]
pub struct StoreClock {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// The time of a store, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreTime {
    /// Store time, which is written to rows and compared with them.
    pub now: i64,
    /// The lead of store time over the wall clock; negative when it is behind, 0 while they are a
    /// second apart at most.
    pub ahead: i64,
}

impl StoreTime {
    /// A store time that is the wall clock's.
    pub const fn of_wall(now: i64) -> Self {
        Self { now, ahead: 0 }
    }

    /// The store time at which the wall clock will show `wall_ms`, if it is not set meanwhile.
    pub const fn at(self, wall_ms: i64) -> i64 {
        wall_ms.saturating_add(self.ahead)
    }

    /// The time that the wall clock will show at the store time `store_ms`.
    pub const fn wall_at(self, store_ms: i64) -> i64 {
        store_ms.saturating_sub(self.ahead)
    }
}

/// A reading that a store keeps for the next process, and for other machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTime {
    /// Store time.
    pub store_ms: i64,
    /// The wall clock at that moment.
    pub wall_ms: i64,
    /// The run of the machine that kept it, see [`Uptime::boot`].
    pub boot: u64,
    /// The uptime of that machine at that moment.
    pub uptime_ms: i64,
    /// The last store time at which the clocks were apart; absent if they never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart_ms: Option<i64>,
}

#[derive(Debug)]
struct State {
    /// The reading that later ones build upon.
    base: KeptTime,
    /// The latest time that was told.
    told: i64,
}

impl StoreClock {
    /// A clock that starts with the time of the wall clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::resume(clock, None)
    }

    /// A clock that goes on from the time that a store has kept: exactly, where the machine has
    /// been running since. After a start of the machine, or on another one, a wall clock that is
    /// ahead of what was kept is believed.
    pub fn resume(clock: Arc<dyn Clock>, kept: Option<KeptTime>) -> Self {
        let (wall, uptime) = (clock.now_ms(), clock.uptime());
        let base = kept.map_or_else(
            || KeptTime {
                store_ms: wall,
                wall_ms: wall,
                boot: uptime.boot,
                uptime_ms: uptime.ms,
                apart_ms: None,
            },
            |kept| {
                let (base, jump) = after(kept, wall, uptime);
                report(jump, base);
                base
            },
        );
        Self { clock, state: Mutex::new(State { base, told: base.store_ms }) }
    }

    /// The time now. Never earlier than one that was told before.
    pub fn read(&self) -> StoreTime {
        let (reading, jump) = self.advance();
        report(jump, reading);
        StoreTime { now: reading.store_ms, ahead: ahead_of(reading.store_ms, reading.wall_ms) }
    }

    /// Reads the time for the store to keep, so that the process that comes after this one goes on
    /// from here.
    pub fn keep(&self) -> KeptTime {
        let (reading, jump) = self.advance();
        report(jump, reading);
        reading
    }

    /// Takes over the time of other machines that share the store, where it is further.
    pub fn follow(&self, kept: KeptTime) {
        let mut state = self.lock();
        let (wall, uptime) = (self.clock.now_ms(), self.clock.uptime());
        // What nobody knows has not passed: it may be a jump that the others have not told of yet.
        let passed = passed(kept, wall, uptime).filter(|passed| *passed <= FRESH_MS).unwrap_or(0);
        let theirs = approach(kept.store_ms.saturating_add(passed), wall, passed);
        let lag = theirs - after(state.base, wall, uptime).0.store_ms.max(state.told);
        if lag > AGREED_MS {
            *state = State { base: reading(kept, theirs, wall, uptime), told: theirs };
        }
        drop(state);
        if lag > JUMP_MS {
            let lag_seconds = lag / 1000;
            tracing::warn!(
                lag_seconds,
                "this machine has stood still; the time of the others is taken over"
            );
        }
    }

    /// Tells if recent times of other clocks, those of receipts, can be compared with store times
    /// of the same moment.
    pub fn is_comparable(&self) -> bool {
        let reading = self.keep();
        reading.apart_ms.is_none_or(|apart| apart < horizon(reading.store_ms))
    }

    fn advance(&self) -> (KeptTime, Option<i64>) {
        // Under the lock, so that two readings are taken in the order in which they are used.
        let mut state = self.lock();
        let (wall, uptime) = (self.clock.now_ms(), self.clock.uptime());
        let (mut reading, jump) = after(state.base, wall, uptime);
        reading.store_ms = reading.store_ms.max(state.told);
        state.told = reading.store_ms;
        if jump.is_some()
            || reading.boot != state.base.boot
            || uptime.ms - state.base.uptime_ms >= STEP_MS
        {
            state.base = reading;
        }
        (reading, jump)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reading that comes after an earlier one, and by how much the wall clock was set between
/// both, where it was.
fn after(base: KeptTime, wall: i64, uptime: Uptime) -> (KeptTime, Option<i64>) {
    let by_wall = wall.saturating_sub(base.wall_ms);
    let (store_ms, jump) = match passed(base, wall, uptime) {
        Some(passed) => {
            let jump = Some(by_wall.saturating_sub(passed))
                .filter(|jump| jump.abs() > JUMP_MS + passed / 1000);
            // Nobody knows how long ago the jump was: only from now on does store time return to
            // the wall clock.
            let store_ms =
                approach(base.store_ms.saturating_add(passed), wall, jump.map_or(passed, |_| 0));
            (if wall.saturating_sub(store_ms) > LONGEST_LAG_MS { wall } else { store_ms }, jump)
        }
        None => (wall.max(base.store_ms), Some(by_wall).filter(|by| *by < -JUMP_MS)),
    };
    (reading(base, store_ms, wall, uptime), jump)
}

/// The time that has passed since a reading, where that is known: by the uptime of this machine or,
/// on others, by the wall clock that they share with it, if that has hardly moved.
fn passed(base: KeptTime, wall: i64, uptime: Uptime) -> Option<i64> {
    if base.boot == uptime.boot {
        return Some(uptime.ms.saturating_sub(base.uptime_ms).max(0));
    }
    Some(wall.saturating_sub(base.wall_ms)).filter(|by_wall| (0..=FRESH_MS).contains(by_wall))
}

/// A store time as near to the wall clock as it may come in this time.
fn approach(steady: i64, wall: i64, within: i64) -> i64 {
    wall.clamp(steady.saturating_sub(within / SLOWER_BY), steady.saturating_add(within / FASTER_BY))
}

fn reading(base: KeptTime, store_ms: i64, wall_ms: i64, uptime: Uptime) -> KeptTime {
    let apart = ahead_of(store_ms, wall_ms).abs() >= APART_MS;
    let apart_ms = if apart { Some(store_ms) } else { base.apart_ms };
    KeptTime { store_ms, wall_ms, boot: uptime.boot, uptime_ms: uptime.ms, apart_ms }
}

/// See [`StoreTime::ahead`].
fn ahead_of(store_ms: i64, wall_ms: i64) -> i64 {
    let ahead = store_ms.saturating_sub(wall_ms);
    if ahead.abs() <= SAME_MS { 0 } else { ahead }
}

fn report(jump: Option<i64>, reading: KeptTime) {
    let Some(jump) = jump else { return };
    let (by_seconds, ahead_seconds) =
        (jump / 1000, ahead_of(reading.store_ms, reading.wall_ms) / 1000);
    let direction = if jump < 0 { "back" } else { "forward" };
    tracing::warn!(
        by_seconds,
        ahead_seconds,
        "the wall clock was set {direction}; what is due stays due as before, and the times that the store records return \
         to the wall clock within hours or days"
    );
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    const START: i64 = 1_767_225_600_000;
    const HOUR: Duration = Duration::from_hours(1);
    const HOUR_MS: i64 = 3_600_000;
    const MINUTE: Duration = Duration::from_mins(1);

    fn store_clock(clock: &Arc<ManualClock>) -> StoreClock {
        StoreClock::new(clock.clone())
    }

    fn resumed(clock: &Arc<ManualClock>, kept: KeptTime) -> i64 {
        StoreClock::resume(clock.clone(), Some(kept)).read().now - START
    }

    #[test]
    fn without_a_jump_store_time_is_the_wall_clocks() {
        let clock = ManualClock::new(START);
        let store = store_clock(&clock);
        for seconds in [0, 1, 60, 3_600, 86_400 * 400] {
            clock.advance(Duration::from_secs(seconds));
            assert_eq!(store.read(), StoreTime::of_wall(clock.now_ms()));
        }
    }

    #[test]
    fn small_corrections_are_followed_and_never_backwards() {
        let clock = ManualClock::new(START);
        let store = store_clock(&clock);
        for _ in 0..100 {
            clock.set_back(Duration::from_millis(5));
            let before = store.read();
            clock.advance(Duration::from_millis(100));
            let after = store.read();
            assert!(after.now >= before.now && after.ahead == 0);
        }
        clock.advance(Duration::from_secs(30));
        assert_eq!(store.read().now, clock.now_ms());
    }

    #[test]
    fn a_jump_is_told_apart_from_time_that_passes_and_wears_off() {
        let clock = ManualClock::new(START);
        let store = store_clock(&clock);
        clock.advance(HOUR);
        clock.set_back(HOUR);
        assert_eq!(store.read(), StoreTime { now: START + HOUR_MS, ahead: HOUR_MS });
        clock.advance(HOUR);
        assert_eq!(store.read().ahead, HOUR_MS * 9 / 10);
        clock.advance(HOUR * 9);
        assert_eq!(store.read(), StoreTime::of_wall(clock.now_ms()));
        clock.set_forward(HOUR);
        assert_eq!(store.read().ahead, -HOUR_MS);
        clock.advance(HOUR * 25);
        assert_eq!(store.read().ahead, -HOUR_MS / 2);
        clock.advance(HOUR * 25);
        assert_eq!(store.read(), StoreTime::of_wall(clock.now_ms()));
    }

    #[test]
    fn store_time_wears_off_however_often_it_is_read() {
        let clock = ManualClock::new(START);
        let store = store_clock(&clock);
        clock.set_back(MINUTE);
        store.read();
        for _ in 0..610_000 {
            clock.advance(Duration::from_millis(1));
            store.read();
        }
        assert_eq!(store.read(), StoreTime::of_wall(clock.now_ms()));
    }

    #[test]
    fn half_a_day_ahead_is_believed() {
        let clock = ManualClock::new(START);
        let store = store_clock(&clock);
        clock.set_forward(HOUR * 12);
        assert_eq!(store.read(), StoreTime::of_wall(clock.now_ms()));
    }

    #[test]
    fn a_restart_goes_on_where_the_last_process_was_whichever_way_the_clock_was_set() {
        let clock = ManualClock::new(START);
        let kept = store_clock(&clock).keep();
        clock.advance(MINUTE);
        clock.set_back(HOUR);
        assert_eq!(resumed(&clock, kept), 60_000);
        clock.set_forward(HOUR * 2);
        assert_eq!(resumed(&clock, kept), 60_000);
    }

    #[test]
    fn after_a_start_of_the_machine_time_goes_on_but_never_back() {
        let clock = ManualClock::new(START);
        let kept = store_clock(&clock).keep();
        clock.reboot();
        clock.advance(MINUTE);
        assert_eq!(resumed(&clock, kept), 60_000, "it was down for a minute");
        clock.set_back(HOUR);
        assert_eq!(resumed(&clock, kept), 0);
    }

    #[test]
    fn another_machine_takes_over_the_time_while_it_returns_to_the_wall_clock() {
        let (one, two) = (ManualClock::new(START), ManualClock::new(START - HOUR_MS));
        two.reboot();
        let store = store_clock(&one);
        one.set_back(HOUR);
        let kept = store.keep();
        two.advance(Duration::from_secs(2));
        assert!((1_800..=2_000).contains(&resumed(&two, kept)));
    }

    #[test]
    fn a_machine_that_stood_still_catches_up_with_the_others() {
        let (one, two) = (ManualClock::new(START), ManualClock::new(START));
        two.reboot();
        let (others, mine) = (store_clock(&one), store_clock(&two));
        one.advance(HOUR);
        // Its uptime has not noticed.
        two.set_forward(HOUR);
        assert_eq!(mine.read().now, START, "by itself it would take this for a jump");
        mine.follow(others.keep());
        assert_eq!(mine.read(), StoreTime::of_wall(START + HOUR_MS));
    }

    #[test]
    fn a_jump_that_the_others_have_not_seen_yet_is_not_taken_for_time_that_passed() {
        let (one, two) = (ManualClock::new(START), ManualClock::new(START));
        two.reboot();
        let (others, mine) = (store_clock(&one), store_clock(&two));
        let kept = others.keep();
        two.set_forward(HOUR);
        mine.follow(kept);
        assert_eq!(mine.read(), StoreTime { now: START, ahead: -HOUR_MS });
        two.set_back(HOUR * 2);
        mine.follow(kept);
        assert_eq!(mine.read(), StoreTime { now: START, ahead: HOUR_MS });
    }

    #[test]
    fn times_of_receipts_are_comparable_again_when_the_jump_is_long_over() {
        let clock = ManualClock::new(START);
        let store = store_clock(&clock);
        clock.set_back(Duration::from_secs(5));
        assert!(store.is_comparable(), "less than the clocks of two machines differ");
        clock.set_back(HOUR);
        assert!(!store.is_comparable());
        clock.advance(HOUR * 24);
        assert!(
            !store.is_comparable(),
            "messages of that time are still waiting for their receipts"
        );
        clock.advance(HOUR * 73);
        assert!(store.is_comparable());
        let kept = store.keep();
        assert!(StoreClock::resume(clock, Some(kept)).is_comparable());
    }
}
