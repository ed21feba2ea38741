//! Tells from the state of a message if the provider charges for it.

use serde::Serialize;
use sms_core::Status;
use sms_core::message::MessageState;
use utoipa::ToSchema;

/// An answer to the question if the provider charges for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Charged {
    /// The provider accepted the message.
    Yes,
    /// The provider does not have the message.
    No,
    /// Nobody knows: an attempt is running, or had an unknown outcome.
    Perhaps,
    /// The provider accepted the message and did not deliver it: its rules decide.
    Depends,
}

impl Charged {
    pub(super) fn of(state: &MessageState) -> Self {
        match state.status {
            Status::Sent | Status::Delivered => Self::Yes,
            Status::Undelivered => Self::Depends,
            Status::Sending | Status::Unknown => Self::Perhaps,
            Status::Queued | Status::Failed | Status::Expired | Status::Cancelled => {
                if state.unknown_at.is_some() { Self::Perhaps } else { Self::No }
            }
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Perhaps => "perhaps",
            Self::Depends => "depends",
        }
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_message_that_may_have_been_accepted_is_not_called_free() {
        let at = OffsetDateTime::UNIX_EPOCH;
        for status in Status::ALL {
            let mut state = MessageState::new(status, at, at);
            let known = Charged::of(&state);
            assert_eq!(serde_json::to_value(known).unwrap(), known.as_str());
            state.unknown_at = Some(at);
            let after_unknown = Charged::of(&state);
            assert_ne!(after_unknown, Charged::No, "{status}");
            assert_eq!(known == Charged::No, known != after_unknown, "{status}");
        }
    }
}
