//! Requests of the methods of [`Worklists`](crate::Worklists).

use super::item::{ItemState, WorkItem};

/// Request of [`Worklists::append`](crate::Worklists::append).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppendItems {
    /// Name of the list.
    pub list: String,
    /// The items, each with its number.
    pub items: Vec<WorkItem>,
}

impl AppendItems {
    /// Adds these items to the list.
    pub fn new(list: impl Into<String>, items: Vec<WorkItem>) -> Self {
        Self { list: list.into(), items }
    }
}

/// Request of [`Worklists::items`](crate::Worklists::items).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemsRequest {
    /// Name of the list.
    pub list: String,
    /// Smallest number, included. 0 by default.
    pub from: u64,
    /// State of the items. Any by default.
    pub state: Option<ItemState>,
    /// Largest number of items.
    pub limit: usize,
}

impl ItemsRequest {
    /// Reads the first `limit` items of the list.
    pub fn new(list: impl Into<String>, limit: usize) -> Self {
        Self { list: list.into(), from: 0, state: None, limit }
    }

    /// Sets [`from`](Self::from).
    pub const fn from(mut self, from: u64) -> Self {
        self.from = from;
        self
    }

    /// Sets [`state`](Self::state).
    pub fn state(mut self, state: impl Into<Option<ItemState>>) -> Self {
        self.state = state.into();
        self
    }
}

/// Request of [`Worklists::record`](crate::Worklists::record).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordResults {
    /// Name of the list.
    pub list: String,
    /// The results, of one item each.
    pub results: Vec<ItemResult>,
}

impl RecordResults {
    /// Records these results.
    pub fn new(list: impl Into<String>, results: Vec<ItemResult>) -> Self {
        Self { list: list.into(), results }
    }
}

/// The end of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemResult {
    /// Number of the item.
    pub number: u64,
    /// Its state from now on.
    pub state: ItemState,
    /// See [`WorkItem::result`].
    pub result: Option<String>,
}

impl ItemResult {
    /// The item with this number is in this state now.
    pub const fn new(number: u64, state: ItemState) -> Self {
        Self { number, state, result: None }
    }

    /// Sets [`result`](Self::result).
    pub fn result(mut self, result: impl Into<Option<String>>) -> Self {
        self.result = result.into();
        self
    }
}

/// Request of [`Worklists::delete`](crate::Worklists::delete).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteItems {
    /// Name of the list.
    pub list: String,
    /// Largest number of items.
    pub limit: usize,
}

impl DeleteItems {
    /// Removes up to `limit` items of the list.
    pub fn new(list: impl Into<String>, limit: usize) -> Self {
        Self { list: list.into(), limit }
    }
}
