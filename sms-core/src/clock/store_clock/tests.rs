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
    StoreClock::resume(clock.clone(), Some(kept)).read().now_ms - START
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
        assert!(after.now_ms >= before.now_ms && after.ahead_ms == 0);
    }
    clock.advance(Duration::from_secs(30));
    assert_eq!(store.read().now_ms, clock.now_ms());
}

#[test]
fn a_jump_is_told_apart_from_time_that_passes_and_wears_off() {
    let clock = ManualClock::new(START);
    let store = store_clock(&clock);
    clock.advance(HOUR);
    clock.set_back(HOUR);
    assert_eq!(store.read(), StoreTime { now_ms: START + HOUR_MS, ahead_ms: HOUR_MS });
    clock.advance(HOUR);
    assert_eq!(store.read().ahead_ms, HOUR_MS * 9 / 10);
    clock.advance(HOUR * 9);
    assert_eq!(store.read(), StoreTime::of_wall(clock.now_ms()));
    clock.set_forward(HOUR);
    assert_eq!(store.read().ahead_ms, -HOUR_MS);
    clock.advance(HOUR * 25);
    assert_eq!(store.read().ahead_ms, -HOUR_MS / 2);
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
    assert_eq!(mine.read().now_ms, START, "by itself it would take this for a jump");
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
    assert_eq!(mine.read(), StoreTime { now_ms: START, ahead_ms: -HOUR_MS });
    two.set_back(HOUR * 2);
    mine.follow(kept);
    assert_eq!(mine.read(), StoreTime { now_ms: START, ahead_ms: HOUR_MS });
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
    assert!(!store.is_comparable(), "messages of that time are still waiting for their receipts");
    clock.advance(HOUR * 73);
    assert!(store.is_comparable());
    let kept = store.keep();
    assert!(StoreClock::resume(clock, Some(kept)).is_comparable());
}
