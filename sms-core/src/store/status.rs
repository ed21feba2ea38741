//! States of a message, and the table of all transitions between them.
//!
//! A [`Store`](crate::Store) performs each transition as one compare-and-set with the guard in the
//! table. The suite of `sms-testkit` checks every row with every store.

use serde::{Deserialize, Serialize};

use crate::numbered::numbered;
use crate::provider::receipt::ReceiptState;

/// State of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Status {
    /// Accepted, and waiting until it is due. After a crash the caretaker pushes it to the queue
    /// again.
    Queued = 0,
    /// Leased by a worker that may be calling the provider. After a crash it stays in this state
    /// until the lease is over. Then it becomes [`Unknown`](Self::Unknown), because it is not known
    /// whether the provider was called.
    Sending = 1,
    /// Accepted by the provider. A receipt changes it to a final state.
    Sent = 2,
    /// Delivered to the phone, by the provider's report. Final.
    Delivered = 3,
    /// Not delivered to the phone, by the provider's report. Final.
    Undelivered = 4,
    /// Certainly not accepted, and not tried again. Final, except for a late acceptance.
    Failed = 5,
    /// Accepted or not: it is not known. Only evidence, the policy or an operator changes it.
    Unknown = 6,
    /// Not sent before its deadline. Final, except for a late acceptance.
    Expired = 7,
    /// Cancelled before it was sent. Final, except for a late acceptance.
    Cancelled = 8,
}

/// Component or person that performs a [`Transition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// [`Sender`](crate::Sender), by `Store::insert`.
    Sender,
    /// A worker that takes the message, by `Store::begin`.
    Worker,
    /// The worker with the message's current fence, by `Store::settle`.
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
    /// The actor that may perform it.
    pub by: Actor,
    /// The condition, checked in the same statement that writes the new state.
    pub guard: &'static str,
}

const fn row(from: Status, to: Status, by: Actor, guard: &'static str) -> Transition {
    Transition { from: Some(from), to, by, guard }
}

/// The state table. No other transition happens.
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
            "due within 250 ms, not past its deadline, of the route; fence + 1, attempt + 1, lease",
        ),
        row(
            Sending,
            Sent,
            Owner,
            "fence is mine; parked receipts of the provider id are joined; also a repeat refused \
             as one right after an attempt of unknown outcome, recorded as inferred",
        ),
        row(
            Sending,
            Queued,
            Owner,
            "fence is mine; proven not accepted and attempts left, or account-level refusal \
             (attempt not counted), or policy resend_once",
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
            "one message and one unmatched provider id, with no other candidates; recorded as \
             inferred",
        ),
        row(Queued, Sent, Late, "acceptance of an earlier attempt"),
        row(Sending, Sent, Late, "acceptance of an earlier attempt"),
        row(Failed, Sent, Late, "acceptance of an earlier attempt"),
        row(Expired, Sent, Late, "acceptance of an earlier attempt"),
        row(Cancelled, Sent, Late, "acceptance of an earlier attempt"),
        row(Sent, Delivered, Receipt, "provider id matches; of several parts, all are delivered"),
        row(Sent, Undelivered, Receipt, "provider id matches; of several parts, one is enough"),
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
            "cancelled, and an earlier attempt could have been accepted; or due when the store was \
             restored from a backup, after which it may have been sent",
        ),
        row(Sending, Unknown, Person, "being sent in a backup from which the store was restored"),
    ]
};

numbered!(
    Status:
    Queued = "queued",
    Sending = "sending",
    Sent = "sent",
    Delivered = "delivered",
    Undelivered = "undelivered",
    Failed = "failed",
    Unknown = "unknown",
    Expired = "expired",
    Cancelled = "cancelled",
);

impl Status {
    /// Returns true if the table has a row from this state to `to`, by any actor.
    pub fn may_become(self, to: Self) -> bool {
        TRANSITIONS.iter().any(|row| row.from == Some(self) && row.to == to)
    }

    /// Returns true for a final state.
    ///
    /// [`Sent`](Self::Sent) still awaits a receipt, and [`Unknown`](Self::Unknown) awaits evidence.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Delivered | Self::Undelivered | Self::Failed | Self::Expired | Self::Cancelled
        )
    }

    /// Returns true if the message still has to be sent. Messages in all other states may be purged
    /// when they are old enough.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }

    /// The state after a late acceptance: `Sent`, or `None` if the provider has already confirmed
    /// the acceptance.
    pub const fn after_late_acceptance(self) -> Option<Self> {
        match self {
            Self::Sent | Self::Delivered | Self::Undelivered => None,
            _ => Some(Self::Sent),
        }
    }

    /// The state after a receipt; `None` if the state does not change. A final state is never
    /// replaced, not even by a late receipt that says "on its way".
    pub const fn after_receipt(self, receipt: ReceiptState) -> Option<Self> {
        match (self, receipt) {
            (Self::Sent, ReceiptState::Delivered) => Some(Self::Delivered),
            (Self::Sent, ReceiptState::Undelivered) => Some(Self::Undelivered),
            _ => None,
        }
    }

    /// Returns true if a receipt reports the opposite final state. The state does not change,
    /// because clients have been notified of it; the event log keeps the contradiction.
    pub const fn is_contradicted_by(self, receipt: ReceiptState) -> bool {
        matches!(
            (self, receipt),
            (Self::Undelivered, ReceiptState::Delivered)
                | (Self::Delivered, ReceiptState::Undelivered)
        )
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
    fn a_receipt_makes_only_transitions_of_the_table() {
        let pairs = Status::ALL.into_iter().flat_map(|s| ReceiptState::ALL.map(|r| (s, r)));
        for (status, receipt) in pairs {
            if let Some(next) = status.after_receipt(receipt) {
                assert!(status.may_become(next), "{status} -> {next}");
            }
        }
    }

    #[test]
    fn a_late_acceptance_makes_only_transitions_of_the_table() {
        for status in Status::ALL {
            if let Some(next) = status.after_late_acceptance() {
                assert!(status.may_become(next), "{status} -> {next}");
            }
        }
    }

    #[test]
    fn delivered_and_undelivered_are_never_left() {
        for status in [Status::Delivered, Status::Undelivered] {
            assert!(Status::ALL.into_iter().all(|to| !status.may_become(to)));
        }
    }
}
