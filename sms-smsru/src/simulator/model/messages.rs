//! The accepted messages, and their way through the states.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::simulator::log::Accepted;

/// The first number after the dash of an id, as in one recorded from the live server.
const FIRST_ID: u64 = 1_000_000;

/// A message that was accepted.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) accepted: Accepted,
    /// The states it will go through.
    pub(crate) steps: Cow<'static, [i32]>,
    /// Set once it must not move any more: its ttl is over.
    pub(crate) expired: bool,
    pub(crate) refunded: bool,
}

/// Something that happens at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A message, by its place in the log, takes one of its steps.
    Step { message: usize, step: usize },
    /// The ttl of a message is over.
    Expire { message: usize },
    /// Nobody called in time.
    CallCheck { number: u64 },
}

/// What will happen, by time; of one moment in the order it was planned.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    due: BinaryHeap<Reverse<(i64, u64, Due)>>,
    planned: u64,
}

impl Agenda {
    pub(crate) fn plan(&mut self, at_ms: i64, due: Due) {
        self.planned += 1;
        self.due.push(Reverse((at_ms, self.planned, due)));
    }

    /// The next thing whose time has come.
    pub(crate) fn next(&mut self, now_ms: i64) -> Option<(i64, Due)> {
        let Reverse((at_ms, ..)) = self.due.peek()?;
        if *at_ms > now_ms {
            return None;
        }
        self.due.pop().map(|Reverse((at_ms, _, due))| (at_ms, due))
    }
}

/// The log, and where in it each id is.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    pub(crate) log: Vec<Message>,
    by_id: HashMap<String, usize>,
}

impl Messages {
    /// Keeps a message; its place in the log.
    pub(crate) fn push(&mut self, message: Message) -> usize {
        let place = self.log.len();
        self.by_id.insert(message.accepted.sms_id.clone(), place);
        self.log.push(message);
        place
    }

    pub(crate) fn find(&self, sms_id: &str) -> Option<&Message> {
        self.log.get(*self.by_id.get(sms_id)?)
    }
}

/// The ids, of messages, calls and checks alike; none is given twice.
#[derive(Debug)]
pub(crate) struct Ids(u64);

impl Default for Ids {
    fn default() -> Self {
        Self(FIRST_ID)
    }
}

impl Ids {
    /// The next number.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0 - 1
    }
}

/// The id of this number in this week, such as `202626-1000000`.
pub(crate) fn id(week: u32, number: u64) -> String {
    format!("{week:06}-{number}")
}
