//! The stop-list of the account.

use std::collections::HashSet;

/// The numbers that are refused with 209, each with its note, in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct StopList {
    notes: Vec<(u64, String)>,
    numbers: HashSet<u64>,
}

impl StopList {
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.numbers.contains(&number)
    }

    pub(crate) fn add(&mut self, number: u64, note: &str) {
        self.remove(number);
        self.numbers.insert(number);
        self.notes.push((number, note.to_owned()));
    }

    pub(crate) fn remove(&mut self, number: u64) {
        if self.numbers.remove(&number) {
            self.notes.retain(|(listed, _)| *listed != number);
        }
    }

    /// Returns the numbers with their notes.
    pub(crate) fn entries(&self) -> &[(u64, String)] {
        &self.notes
    }
}
