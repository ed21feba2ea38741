//! Items of a worklist.

use serde::{Deserialize, Serialize};

use crate::numbered::numbered;

/// State of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ItemState {
    /// It waits to be done.
    Pending = 0,
    /// It was done.
    Done = 1,
    /// It was tried and cannot be done.
    Failed = 2,
    /// It is not to be done.
    Skipped = 3,
}

numbered!(
    ItemState: Pending = "pending", Done = "done", Failed = "failed", Skipped = "skipped"
);

/// An item of a worklist.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkItem {
    /// Its number in the list.
    pub number: u64,
    /// The work to do, in the words of the list's owner.
    pub payload: String,
    /// Its state.
    pub state: ItemState,
    /// The result of an item that is not pending, in the words of the list's owner.
    pub result: Option<String>,
}

impl WorkItem {
    /// A pending item.
    pub fn new(number: u64, payload: impl Into<String>) -> Self {
        Self { number, payload: payload.into(), state: ItemState::Pending, result: None }
    }

    /// Sets [`state`](Self::state) and [`result`](Self::result).
    pub fn ended(self, state: ItemState, result: impl Into<Option<String>>) -> Self {
        Self { state, result: result.into(), ..self }
    }
}

/// Numbers of items by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemCounts([u64; ItemState::ALL.len()]);

impl ItemCounts {
    /// The number of items in this state.
    pub const fn count(&self, state: ItemState) -> u64 {
        self.0[state.number() as usize]
    }

    /// Adds to the number of items in this state.
    pub fn add(&mut self, state: ItemState, count: u64) {
        self.0[usize::from(state.number())] += count;
    }

    /// The number of all items.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
