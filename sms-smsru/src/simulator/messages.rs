//! The accepted messages, and their way through the states.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::log::Accepted;

/// The first number after the dash of an id, as in one recorded from the live server.
const FIRST_ID: u64 = 1_000_000;

/// A message that was accepted.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) accepted: Accepted,
    /// The states it will go through.
    pub(super) steps: Cow<'static, [i32]>,
    /// Set once it must not move any more: its ttl is over.
    pub(super) expired: bool,
    pub(super) refunded: bool,
}

/// Something that happens at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A message, by its place in the log, takes one of its steps.
    Step { message: usize, step: usize },
    /// The ttl of a message is over.
    Expire { message: usize },
    /// Nobody called in time.
    CallCheck { number: u64 },
}

/// What will happen, by time; of one moment in the order it was planned.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    due: BinaryHeap<Reverse<(i64, u64, Due)>>,
    planned: u64,
}

impl Agenda {
    pub(super) fn plan(&mut self, at_ms: i64, due: Due) {
        self.planned += 1;
        self.due.push(Reverse((at_ms, self.planned, due)));
    }

    /// The next thing whose time has come.
    pub(super) fn next(&mut self, now_ms: i64) -> Option<(i64, Due)> {
        let Reverse((at_ms, ..)) = self.due.peek()?;
        if *at_ms > now_ms {
            return None;
        }
        self.due.pop().map(|Reverse((at_ms, _, due))| (at_ms, due))
    }
}

/// The log, and where in it each id is.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) log: Vec<Message>,
    by_id: HashMap<String, usize>,
}

impl Messages {
    /// Keeps a message; its place in the log.
    pub(super) fn push(&mut self, message: Message) -> usize {
        let place = self.log.len();
        self.by_id.insert(message.accepted.sms_id.clone(), place);
        self.log.push(message);
        place
    }

    pub(super) fn find(&self, sms_id: &str) -> Option<&Message> {
        self.log.get(*self.by_id.get(sms_id)?)
    }
}

/// The ids, of messages, calls and checks alike; none is given twice.
#[derive(Debug)]
pub(super) struct Ids(u64);

impl Default for Ids {
    fn default() -> Self {
        Self(FIRST_ID)
    }
}

impl Ids {
    /// The next number.
    pub(super) const fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0 - 1
    }
}

/// The id of this number in this week, such as `202626-1000000`.
pub(super) fn id(week: u32, number: u64) -> String {
    format!("{week:06}-{number}")
}
