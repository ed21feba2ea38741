//! One message in memory.

use crate::clock::{StoreTime, datetime_from_ms};
use crate::message::{LeaseInfo, MessageState, NewMessage, StoredMessage};
use crate::provider::Submission;
use crate::store::Begun;
use crate::store::decision::AttemptState;
use crate::store::ledger::LedgerRow;
use crate::store::transition::{DeliveryState, HeldLease};

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) message: NewMessage,
    pub(super) created_at: i64,
    pub(super) state: DeliveryState,
}

impl Row {
    pub(super) fn begun(&self, time: StoreTime) -> Begun {
        let (message, state) = (&self.message, &self.state);
        let mut submission = Submission::new(message.id, message.to, message.text.as_str());
        submission.attempt = state.fence;
        submission.from.clone_from(&message.from);
        submission.class = message.class;
        submission.options = message.options.clone();
        submission.valid_until = datetime_from_ms(time.wall_at(state.valid_until));
        let attempt = AttemptState {
            attempt: state.attempts,
            max_attempts: message.max_attempts,
            resends: state.resends,
            on_unknown: message.on_unknown,
            unknown_before: state.unknown_before(),
        };
        Begun::new(submission, state.fence, attempt).owner(message.owner.clone())
    }

    /// The part that the ledger needs.
    pub(super) fn for_ledger(&self) -> LedgerRow {
        let owner = self.message.owner.clone();
        LedgerRow { id: self.message.id, owner, state: self.state.clone() }
    }

    pub(super) fn stored(&self) -> StoredMessage {
        let delivery = &self.state;
        let state = MessageState {
            status: delivery.status,
            created_at: datetime_from_ms(self.created_at),
            updated_at: datetime_from_ms(delivery.updated_at),
            due_at: datetime_from_ms(delivery.due_at),
            valid_until: datetime_from_ms(delivery.valid_until),
            attempts: delivery.attempts,
            resends: delivery.resends,
            fence: delivery.fence,
            lease: delivery.lease.as_ref().map(lease_info),
            unknown_at: delivery.unknown_at.map(datetime_from_ms),
            provider: delivery.provider.clone(),
            provider_id: delivery.provider_id.clone(),
            provider_parts: delivery.provider_parts.clone(),
            code: delivery.code,
            reason: delivery.reason.clone(),
            cost: delivery.cost,
        };
        StoredMessage { message: self.message.clone(), state }
    }
}

fn lease_info(lease: &HeldLease) -> LeaseInfo {
    LeaseInfo {
        worker: lease.worker.clone(),
        since: datetime_from_ms(lease.since),
        until: datetime_from_ms(lease.until),
    }
}
