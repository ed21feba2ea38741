//! One message in memory.

use crate::clock::{StoreTime, datetime_from_ms};
use crate::message::{LeaseInfo, MessageState, NewMessage, StoredMessage};
use crate::provider::Submission;
use crate::store::Begun;
use crate::store::decision::AttemptState;
use crate::store::transition::{HeldLease, Standing};

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) message: NewMessage,
    pub(super) created_at: i64,
    pub(super) standing: Standing,
}

impl Row {
    pub(super) fn begun(&self, time: StoreTime) -> Begun {
        let (message, standing) = (&self.message, &self.standing);
        let mut submission = Submission::new(message.id, message.to, message.text.as_str());
        submission.attempt = standing.fence;
        submission.from.clone_from(&message.from);
        submission.class = message.class;
        submission.options = message.options.clone();
        submission.valid_until = datetime_from_ms(time.wall_at(standing.valid_until));
        let attempt = AttemptState {
            attempt: standing.attempts,
            max_attempts: message.max_attempts,
            resends: standing.resends,
            on_unknown: message.on_unknown,
            unknown_before: standing.unknown_before(),
        };
        Begun { submission, fence: standing.fence, attempt }
    }

    pub(super) fn stored(&self) -> StoredMessage {
        let standing = &self.standing;
        let state = MessageState {
            status: standing.status,
            created_at: datetime_from_ms(self.created_at),
            updated_at: datetime_from_ms(standing.updated_at),
            due_at: datetime_from_ms(standing.due_at),
            valid_until: datetime_from_ms(standing.valid_until),
            attempts: standing.attempts,
            resends: standing.resends,
            fence: standing.fence,
            lease: standing.lease.as_ref().map(lease_info),
            unknown_at: standing.unknown_at.map(datetime_from_ms),
            provider: standing.provider.clone(),
            provider_id: standing.provider_id.clone(),
            code: standing.code,
            reason: standing.reason.clone(),
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
