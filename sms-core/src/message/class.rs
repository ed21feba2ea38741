//! Classes of messages, and the policy of each class.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lane::Lane;
use crate::numbered::numbered;

/// Purpose of a message. Sets the lane, and the defaults of the deadline, the attempts, the daytime
/// and the policy after an unknown outcome, which the [`Message`](crate::Message) can override.
/// Classes are sorted from the highest priority to the lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Class {
    /// A one-time code: urgent lane, one recipient per request, [`OnUnknown::ResendOnce`], deadline
    /// of 5 minutes.
    Otp = 0,
    /// An order, an appointment, an alarm: normal lane, [`OnUnknown::Hold`], deadline of 24 hours.
    #[default]
    Service = 1,
    /// An advertisement: bulk lane, [`OnUnknown::Hold`], only in the recipient's daytime, deadline
    /// of 72 hours.
    Marketing = 2,
}

/// Policy after an attempt that the provider may or may not have accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum OnUnknown {
    /// Do not resend; wait for evidence or for an operator.
    #[default]
    Hold = 0,
    /// Resend once, and record the reason. The recipient may get the message twice.
    ResendOnce = 1,
}

/// Policy of a [`Class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassPolicy {
    /// Lane of the queue.
    pub lane: Lane,
    /// Time after which a message that is due is not sent any more.
    pub deadline: Duration,
    /// Maximum number of counted attempts.
    pub max_attempts: u32,
    /// Policy after an unknown outcome.
    pub on_unknown: OnUnknown,
    /// True if messages are sent only in the recipient's daytime.
    pub daytime: bool,
}

numbered!(Class: Otp = "otp", Service = "service", Marketing = "marketing");

impl Class {
    /// The policy of the class.
    pub const fn policy(self) -> ClassPolicy {
        const HOUR: u64 = 3600;
        let service = ClassPolicy {
            lane: Lane::Normal,
            deadline: Duration::from_secs(24 * HOUR),
            max_attempts: 5,
            on_unknown: OnUnknown::Hold,
            daytime: false,
        };
        match self {
            Self::Service => service,
            Self::Otp => ClassPolicy {
                lane: Lane::Urgent,
                deadline: Duration::from_mins(5),
                on_unknown: OnUnknown::ResendOnce,
                ..service
            },
            Self::Marketing => ClassPolicy {
                lane: Lane::Bulk,
                deadline: Duration::from_secs(72 * HOUR),
                daytime: true,
                ..service
            },
        }
    }
}

// A statement of `sms-store-pg` compares the number with that of the resends made so far.
numbered!(OnUnknown: Hold = "hold", ResendOnce = "resend_once");

impl OnUnknown {
    /// Maximum number of resends of a message.
    pub const fn resends(self) -> u32 {
        match self {
            Self::Hold => 0,
            Self::ResendOnce => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_policy_is_its_number_of_resends() {
        for policy in OnUnknown::ALL {
            assert_eq!(u32::from(policy.number()), policy.resends());
        }
    }
}
