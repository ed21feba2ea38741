//! Lanes: the three priorities of a queue.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

use crate::numbered::numbered;

/// Priority of a message in a queue. Lanes are sorted from the highest priority to the lowest.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Lane {
    /// One-time codes. Each is submitted in its own request, so that a failure affects no other
    /// message.
    Urgent = 0,
    /// Everything that is neither urgent nor bulk.
    #[default]
    Normal = 1,
    /// Mass mailings.
    Bulk = 2,
}

numbered!(Lane: Urgent = "urgent", Normal = "normal", Bulk = "bulk");

/// One value for each lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PerLane<T> {
    /// The value of [`Lane::Urgent`].
    pub urgent: T,
    /// The value of [`Lane::Normal`].
    pub normal: T,
    /// The value of [`Lane::Bulk`].
    pub bulk: T,
}

impl<T> PerLane<T> {
    /// Calls a function for the value of each lane, the highest priority first.
    pub fn new(mut value: impl FnMut(Lane) -> T) -> Self {
        Self { urgent: value(Lane::Urgent), normal: value(Lane::Normal), bulk: value(Lane::Bulk) }
    }

    /// The same value for every lane.
    pub fn all(value: T) -> Self
    where
        T: Clone,
    {
        Self { urgent: value.clone(), normal: value.clone(), bulk: value }
    }

    /// Applies a function to each value, the highest priority first.
    pub fn map<U>(self, mut value: impl FnMut(T) -> U) -> PerLane<U> {
        PerLane { urgent: value(self.urgent), normal: value(self.normal), bulk: value(self.bulk) }
    }

    /// The lanes with their values, the highest priority first.
    pub fn iter(&self) -> impl Iterator<Item = (Lane, &T)> {
        Lane::ALL.into_iter().map(|lane| (lane, &self[lane]))
    }

    /// The values, the highest priority first.
    pub fn into_values(self) -> [T; 3] {
        [self.urgent, self.normal, self.bulk]
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

impl<T> From<[T; 3]> for PerLane<T> {
    /// Converts values in the order of [`Lane::number`].
    fn from([urgent, normal, bulk]: [T; 3]) -> Self {
        Self { urgent, normal, bulk }
    }
}
