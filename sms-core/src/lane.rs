//! Lanes: the three priorities of a queue.

use serde::{Deserialize, Serialize};

/// One of the three lanes of a queue; the first goes first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Lane {
    /// One-time codes. Each is submitted in a request of its own, so that a failure is its alone.
    Urgent = 0,
    /// Everything that is neither urgent nor bulk.
    #[default]
    Normal = 1,
    /// Mass mailings.
    Bulk = 2,
}

impl Lane {
    /// Every lane, first one first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Bulk];

    /// The number stores keep, and the index into [`QueueStats::lanes`].
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The lane of this number.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index).copied())
    }
}
