//! A value for each lane.

use std::ops::{Index, IndexMut};

use sms_core::Lane;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerLane<T> {
    pub(crate) urgent: T,
    pub(crate) normal: T,
    pub(crate) bulk: T,
}

impl<T> PerLane<T> {
    pub(crate) fn from_fn(mut value: impl FnMut(Lane) -> T) -> Self {
        let [urgent, normal, bulk] = Lane::ALL.map(&mut value);
        Self { urgent, normal, bulk }
    }
}

impl<T> Index<Lane> for PerLane<T> {
    type Output = T;

    fn index(&self, lane: Lane) -> &T {
        match lane {
            Lane::Urgent => &self.urgent,
            Lane::Normal => &self.normal,
            Lane::Bulk => &self.bulk,
        }
    }
}

impl<T> IndexMut<Lane> for PerLane<T> {
    fn index_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Urgent => &mut self.urgent,
            Lane::Normal => &mut self.normal,
            Lane::Bulk => &mut self.bulk,
        }
    }
}
