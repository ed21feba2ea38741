//! The log of accepted messages, and the ids.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::simulator::log::Accepted;

/// The first counter of an id, as in a recorded reply of the live server.
const FIRST_ID: u64 = 1_000_000;

/// An accepted message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) accepted: Accepted,
    /// The states it will go through.
    pub(crate) steps: Cow<'static, [i32]>,
    /// Its ttl is over, so its state must not change any more.
    pub(crate) expired: bool,
    pub(crate) refunded: bool,
}

/// The log of accepted messages, with an index by id.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    pub(crate) log: Vec<Message>,
    by_id: HashMap<String, usize>,
}

impl Messages {
    /// Adds a message and returns its index in the log.
    pub(crate) fn push(&mut self, message: Message) -> usize {
        let index = self.log.len();
        self.by_id.insert(message.accepted.sms_id.clone(), index);
        self.log.push(message);
        index
    }

    pub(crate) fn find(&self, sms_id: &str) -> Option<&Message> {
        self.log.get(*self.by_id.get(sms_id)?)
    }
}

/// The counter for the ids of messages, calls and checks. It never gives a number twice.
#[derive(Debug)]
pub(crate) struct Ids(u64);

impl Default for Ids {
    fn default() -> Self {
        Self(FIRST_ID)
    }
}

impl Ids {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0 - 1
    }
}

/// Formats an id from the week and a number: `202626-1000000`.
pub(crate) fn id(week: u32, number: u64) -> String {
    format!("{week:06}-{number}")
}
