//! Limits of messages per number.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

const MINUTE_MS: i64 = 60_000;

/// Limits of messages per number. `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumberLimits {
    /// Messages to a number per day; more are refused with 230.
    pub per_day: Option<u32>,
    /// Identical messages to a number within 60 s; more are refused with 231.
    pub identical_per_minute: Option<u32>,
    /// Identical messages to a number per day; more are refused with 232.
    pub identical_per_day: Option<u32>,
}

impl NumberLimits {
    const fn any(&self) -> bool {
        self.per_day.is_some()
            || self.identical_per_minute.is_some()
            || self.identical_per_day.is_some()
    }
}

/// The messages per number, as far as the limits need them.
#[derive(Debug, Default)]
pub(crate) struct NumberHistory {
    numbers: HashMap<u64, Number>,
}

#[derive(Debug, Default)]
struct Number {
    day: i64,
    messages: u32,
    texts: HashMap<u64, Text>,
}

#[derive(Debug, Default)]
struct Text {
    day: i64,
    today: u32,
    /// The times of the latest messages. Their count is limited by `identical_per_minute`.
    recent: VecDeque<i64>,
}

impl NumberHistory {
    /// Returns the code of the limit that refuses one more message.
    pub(crate) fn refusal(
        &self,
        limits: &NumberLimits,
        number: u64,
        text: &str,
        (now_ms, day): (i64, i64),
    ) -> Option<i32> {
        let history = self.numbers.get(&number)?;
        let reached = |limit: Option<u32>, count: u32| limit.is_some_and(|limit| count >= limit);
        let text = history.texts.get(&hash(text));
        let within_minute = text.map_or(0, |text| {
            let recent = text.recent.iter().filter(|&&at_ms| now_ms - at_ms < MINUTE_MS).count();
            u32::try_from(recent).unwrap_or(u32::MAX)
        });
        let identical = text.filter(|text| text.day == day).map_or(0, |text| text.today);
        let messages = if history.day == day { history.messages } else { 0 };
        if reached(limits.identical_per_minute, within_minute) {
            Some(231)
        } else if reached(limits.identical_per_day, identical) {
            Some(232)
        } else if reached(limits.per_day, messages) {
            Some(230)
        } else {
            None
        }
    }

    /// Counts an accepted message.
    pub(crate) fn record(
        &mut self,
        limits: &NumberLimits,
        number: u64,
        text: &str,
        at: (i64, i64),
    ) {
        if !limits.any() {
            return;
        }
        let (now_ms, day) = at;
        let history = self.numbers.entry(number).or_default();
        if history.day != day {
            // The texts of yesterday are dropped, except those of the last minute before midnight.
            let is_recent =
                |text: &Text| text.recent.back().is_some_and(|at_ms| now_ms - at_ms < MINUTE_MS);
            history.texts.retain(|_, text| is_recent(text));
            (history.day, history.messages) = (day, 0);
        }
        history.messages += 1;
        let text = history.texts.entry(hash(text)).or_default();
        if text.day != day {
            (text.day, text.today) = (day, 0);
        }
        text.today += 1;
        text.recent.push_back(now_ms);
        let kept = limits.identical_per_minute.map_or(1, |limit| limit.max(1)) as usize;
        while text.recent.len() > kept {
            text.recent.pop_front();
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
