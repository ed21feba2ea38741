//! The states of a message and every way between them: the whole state table is this file.
//!
//! A [`Store`](crate::Store) performs each transition as one compare-and-set whose guard is the one
//! written here; the suite of `sms-testkit` holds every store to every row.

use serde::{Deserialize, Serialize};

use crate::provider::receipt::ReceiptState;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Status {
    /// Accepted and waiting until it is due. A crash leaves it here; the caretaker offers it again.
    Queued = 0,
    /// A worker holds it under a lease and may be talking to the provider. A crash leaves it here
    /// until the lease is over; then it is [`Unknown`](Self::Unknown), because nobody knows how far
    /// the worker got.
    Sending = 1,
    /// The provider has accepted it. A receipt moves it on.
    Sent = 2,
    /// The provider says it reached the phone. Final.
    Delivered = 3,
    /// The provider says it did not reach the phone. Final.
    Undelivered = 4,
    /// Proven not accepted, and not to be tried again. Final but for a late acceptance.
    Failed = 5,
    /// Perhaps accepted, perhaps not. Evidence, the policy or a person moves it on; nothing else
    /// does.
    Unknown = 6,
    /// Its deadline passed while it waited. Final but for a late acceptance.
    Expired = 7,
    /// Called back while it waited. Final but for a late acceptance.
    Cancelled = 8,
}

/// Who moves a message along a [`Transition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// [`Sender`](crate::Sender), by `Store::insert`.
    Sender,
    /// A worker that takes the message, by `Store::begin`.
    Worker,
    /// The worker whose fence the message bears, by `Store::settle`.
    Owner,
    /// The worker of an earlier attempt or of a lease that is over, by `Store::settle`.
    Late,
    /// The caretaker, by `Store::rescue` and `Store::expire`.
    Caretaker,
    /// A delivery receipt or status query, by `Store::apply_receipts`.
    Receipt,
    /// The caller or an operator, by `Store::cancel` and `Store::resolve`.
    Person,
}

/// One row of the state table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state before; `None` for a message that does not exist yet.
    pub from: Option<Status>,
    /// The state after.
    pub to: Status,
    /// Who may do it.
    pub by: Actor,
    /// What must hold in the same statement that writes the new state.
    pub guard: &'static str,
}

const fn row(from: Status, to: Status, by: Actor, guard: &'static str) -> Transition {
    Transition { from: Some(from), to, by, guard }
}

/// The state table: whatever is not here does not happen.
pub const TRANSITIONS: &[Transition] = {
    use Actor::{Caretaker, Late, Owner, Person, Receipt, Sender, Worker};
    use Status::{
        Cancelled, Delivered, Expired, Failed, Queued, Sending, Sent, Undelivered, Unknown,
    };
    &[
        Transition {
            from: None,
            to: Queued,
            by: Sender,
            guard: "idempotency key is free, in the same transaction",
        },
        row(
            Queued,
            Sending,
            Worker,
            "due, not past its deadline, route is served; fence + 1, attempt + 1, lease = now + L",
        ),
        row(
            Sending,
            Sent,
            Owner,
            "fence is mine; parked receipts of the provider id are joined; also a repeat refused as one right after an attempt of unknown outcome, recorded as inferred",
        ),
        row(
            Sending,
            Queued,
            Owner,
            "fence is mine; proven not accepted and attempts left, or account-level refusal (attempt not counted), or policy resend_once",
        ),
        row(
            Sending,
            Failed,
            Owner,
            "fence is mine; final refusal or attempts used up, and every attempt definite",
        ),
        row(
            Sending,
            Unknown,
            Owner,
            "fence is mine; this attempt or an earlier one could have been accepted",
        ),
        row(Sending, Unknown, Caretaker, "lease is over, checked again in the update"),
        row(
            Sending,
            Queued,
            Caretaker,
            "lease is over; policy resend_once and resends left, recorded",
        ),
        row(Unknown, Sent, Late, "acceptance of any attempt"),
        row(
            Unknown,
            Failed,
            Late,
            "final refusal of the same attempt, and every earlier one definite",
        ),
        row(
            Unknown,
            Sent,
            Caretaker,
            "one message and one unmatched provider id stand alone in their time; recorded as inferred",
        ),
        row(Queued, Sent, Late, "acceptance of an earlier attempt"),
        row(Sending, Sent, Late, "acceptance of an earlier attempt"),
        row(Failed, Sent, Late, "acceptance of an earlier attempt"),
        row(Expired, Sent, Late, "acceptance of an earlier attempt"),
        row(Cancelled, Sent, Late, "acceptance of an earlier attempt"),
        row(Sent, Delivered, Receipt, "provider id matches"),
        row(Sent, Undelivered, Receipt, "provider id matches"),
        row(Unknown, Sent, Person, "reason recorded"),
        row(Unknown, Failed, Person, "reason recorded"),
        row(Unknown, Queued, Person, "reason recorded; counted as a resend"),
        row(Queued, Expired, Caretaker, "deadline is past"),
        row(Queued, Cancelled, Person, "still queued"),
        row(
            Queued,
            Unknown,
            Caretaker,
            "deadline is past, and an earlier attempt could have been accepted",
        ),
        row(
            Queued,
            Unknown,
            Person,
            "called back, and an earlier attempt could have been accepted",
        ),
    ]
};

impl Status {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Failed,
        Self::Unknown,
        Self::Expired,
        Self::Cancelled,
    ];

    /// Whether the table has a row from here to `to`, by anybody.
    pub fn may_become(self, to: Self) -> bool {
        TRANSITIONS.iter().any(|row| row.from == Some(self) && row.to == to)
    }

    /// Whether nothing more is awaited: the message has reached its visible end.
    ///
    /// [`Sent`](Self::Sent) still awaits a receipt and [`Unknown`](Self::Unknown) evidence.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Delivered | Self::Undelivered | Self::Failed | Self::Expired | Self::Cancelled
        )
    }

    /// Whether it is on its way to the provider. What is not, may be purged when it is old enough.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }

    /// Where a late acceptance takes a message: to `Sent`, unless the provider has already
    /// confirmed it.
    pub const fn after_late_acceptance(self) -> Option<Self> {
        match self {
            Self::Sent | Self::Delivered | Self::Undelivered => None,
            _ => Some(Self::Sent),
        }
    }

    /// Where a receipt takes a message; `None` when it changes nothing. A final state never goes
    /// back, and a late "on its way" never overwrites a result.
    pub const fn after_receipt(self, receipt: ReceiptState) -> Option<Self> {
        match (self, receipt) {
            (Self::Sent, ReceiptState::Delivered) => Some(Self::Delivered),
            (Self::Sent, ReceiptState::Undelivered) => Some(Self::Undelivered),
            _ => None,
        }
    }

    /// Whether a receipt tells the opposite of this end. The end stays, for customers have been
    /// told of it; the event log keeps the contradiction.
    pub const fn is_contradicted_by(self, receipt: ReceiptState) -> bool {
        matches!(
            (self, receipt),
            (Self::Undelivered, ReceiptState::Delivered)
                | (Self::Delivered, ReceiptState::Undelivered)
        )
    }

    /// The name used in JSON, in logs and in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The number stores keep. Never renumbered.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The state of this number.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index).copied())
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back_to_their_state() {
        for status in Status::ALL {
            assert_eq!(Status::from_number(i64::from(status.number())), Some(status));
            assert_eq!(Status::from_name(status.as_str()), Some(status));
        }
    }

    #[test]
    fn a_receipt_takes_only_roads_of_the_table() {
        let pairs = Status::ALL.into_iter().flat_map(|s| ReceiptState::ALL.map(|r| (s, r)));
        for (status, receipt) in pairs {
            if let Some(next) = status.after_receipt(receipt) {
                assert!(status.may_become(next), "{status} -> {next}");
            }
        }
    }

    #[test]
    fn a_late_acceptance_takes_only_roads_of_the_table() {
        for status in Status::ALL {
            if let Some(next) = status.after_late_acceptance() {
                assert!(status.may_become(next), "{status} -> {next}");
            }
        }
    }

    #[test]
    fn delivered_and_undelivered_are_the_end_of_every_road() {
        for status in [Status::Delivered, Status::Undelivered] {
            assert!(Status::ALL.into_iter().all(|to| !status.may_become(to)));
        }
    }
}
