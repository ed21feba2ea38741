//! The stop-list in memory.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::clock::{UnixMs, datetime_from_ms};
use crate::message::phone::PhoneNumber;
use crate::stop_list::{NewStop, Stop, StopsRequest};

/// The numbers on the list.
#[derive(Debug, Default)]
pub(super) struct KeptStops(BTreeMap<PhoneNumber, Stop>);

impl KeptStops {
    pub(super) fn holds(&self, number: PhoneNumber) -> bool {
        self.0.contains_key(&number)
    }

    pub(super) fn add(&mut self, now: UnixMs, stops: &[NewStop]) -> usize {
        let before = self.0.len();
        for stop in stops {
            match self.0.entry(stop.number) {
                Entry::Vacant(free) => {
                    free.insert(Stop::new(stop.clone(), datetime_from_ms(now)));
                }
                Entry::Occupied(mut held) => {
                    let added_at = held.get().added_at;
                    held.insert(Stop::new(stop.clone(), added_at));
                }
            }
        }
        self.0.len() - before
    }

    pub(super) fn remove(&mut self, numbers: &[PhoneNumber]) -> usize {
        numbers.iter().filter(|number| self.0.remove(number).is_some()).count()
    }

    pub(super) fn listed(&self, numbers: &[PhoneNumber]) -> Vec<PhoneNumber> {
        let held = numbers.iter().copied().filter(|number| self.holds(*number));
        held.collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn page(&self, request: &StopsRequest) -> Vec<Stop> {
        let after = request.after.map_or(Bound::Unbounded, Bound::Excluded);
        let stops = self.0.range((after, Bound::Unbounded)).map(|(_, stop)| stop);
        let is_asked_for = |stop: &&Stop| request.number.is_none_or(|it| it == stop.number);
        stops.filter(is_asked_for).take(request.limit).cloned().collect()
    }
}
