//! The things that are counted.

use serde::{Deserialize, Serialize};

use crate::numbered::numbered;
use crate::store::status::Status;

/// One kind of count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Counter {
    /// Messages that were accepted.
    Accepted = 0,
    /// Messages that became `sent`.
    Sent = 1,
    /// Messages that became `delivered`.
    Delivered = 2,
    /// Messages that became `undelivered`, by the provider's code.
    Undelivered = 3,
    /// Messages that became `failed`, by the provider's code.
    Failed = 4,
    /// Messages that became `unknown`.
    Unknown = 5,
    /// Messages that became `expired`.
    Expired = 6,
    /// Messages that became `cancelled`.
    Cancelled = 7,
    /// Messages with a known time to the provider's answer, by its
    /// [bucket](crate::rollups::latency).
    Latency = 8,
    /// Cost of messages, in millionths, when it became known. Not a number of messages.
    Cost = 9,
}

numbered!(
    Counter: Accepted = "accepted", Sent = "sent", Delivered = "delivered",
    Undelivered = "undelivered", Failed = "failed", Unknown = "unknown", Expired = "expired",
    Cancelled = "cancelled", Latency = "latency", Cost = "cost"
);

impl Counter {
    /// The counter of messages that enter this state; `None` for the states before `sent`, which a
    /// message may enter with every attempt.
    pub const fn of_status(status: Status) -> Option<Self> {
        match status {
            Status::Queued | Status::Sending => None,
            Status::Sent => Some(Self::Sent),
            Status::Delivered => Some(Self::Delivered),
            Status::Undelivered => Some(Self::Undelivered),
            Status::Failed => Some(Self::Failed),
            Status::Unknown => Some(Self::Unknown),
            Status::Expired => Some(Self::Expired),
            Status::Cancelled => Some(Self::Cancelled),
        }
    }

    /// Statuses of which the counters are split by the provider's code.
    pub const CODED: [Status; 2] = [Status::Undelivered, Status::Failed];

    /// True if the counter is split by the provider's code.
    pub fn has_code(self) -> bool {
        Self::CODED.into_iter().any(|status| Self::of_status(status) == Some(self))
    }
}
