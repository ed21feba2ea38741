//! Worklists in memory.

use std::collections::BTreeMap;

use crate::erasure::{SEPARATORS, ending};
use crate::worklists::item::{ItemCounts, ItemState, WorkItem};
use crate::worklists::requests::{AppendItems, DeleteItems, ItemsRequest, RecordResults};

/// The items by list and number.
#[derive(Debug, Default)]
pub(super) struct KeptItems(BTreeMap<String, BTreeMap<u64, WorkItem>>);

impl KeptItems {
    pub(super) fn append(&mut self, request: AppendItems) {
        for item in request.items {
            let list = self.0.entry(request.list.clone()).or_default();
            list.entry(item.number).or_insert(item);
        }
    }

    pub(super) fn items(&self, request: &ItemsRequest) -> Vec<WorkItem> {
        let Some(list) = self.0.get(&request.list) else { return Vec::new() };
        let is_asked_for = |item: &&WorkItem| request.state.is_none_or(|state| item.state == state);
        let found = list.range(request.from..).map(|(_, item)| item).filter(is_asked_for);
        found.take(request.limit).cloned().collect()
    }

    pub(super) fn record(&mut self, request: RecordResults) -> usize {
        let Some(list) = self.0.get_mut(&request.list) else { return 0 };
        let mut changed = 0;
        for result in request.results {
            let item = list.get_mut(&result.number);
            if let Some(item) = item.filter(|item| item.state == ItemState::Pending) {
                (item.state, item.result) = (result.state, result.result);
                changed += 1;
            }
        }
        changed
    }

    pub(super) fn counts(&self, list: &str) -> ItemCounts {
        let mut counts = ItemCounts::default();
        for item in self.0.get(list).into_iter().flat_map(BTreeMap::values) {
            counts.add(item.state, 1);
        }
        counts
    }

    /// Empties up to `limit` ended items that contain these digits. Returns their number.
    pub(super) fn erase(&mut self, digits: &str, limit: usize) -> usize {
        let contains = |text: &str| {
            text.contains(ending(digits)) && text.replace(SEPARATORS, "").contains(digits)
        };
        let contains = |item: &&mut WorkItem| {
            item.state != ItemState::Pending
                && (contains(&item.payload) || item.result.as_deref().is_some_and(contains))
        };
        let items = self.0.values_mut().flat_map(BTreeMap::values_mut).filter(contains);
        let mut emptied = 0;
        for item in items.take(limit) {
            (item.payload, item.result) = (String::new(), None);
            emptied += 1;
        }
        emptied
    }

    pub(super) fn delete(&mut self, request: &DeleteItems) -> usize {
        let Some(list) = self.0.get_mut(&request.list) else { return 0 };
        let gone: Vec<_> = list.keys().copied().take(request.limit).collect();
        for number in &gone {
            list.remove(number);
        }
        if list.is_empty() {
            self.0.remove(&request.list);
        }
        gone.len()
    }
}
