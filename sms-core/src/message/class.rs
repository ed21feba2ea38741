//! Classes of messages, and the policy of each class.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lane::Lane;

/// Purpose of a message. Sets the lane, and the defaults of the deadline, the attempts, the daytime
/// and the policy after an unknown outcome, which the [`Message`](crate::Message) can override.
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

impl Class {
    /// Every class, the highest priority first.
    pub const ALL: [Self; 3] = [Self::Otp, Self::Service, Self::Marketing];

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

    /// The name used in JSON, in stores and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Service => "service",
            Self::Marketing => "marketing",
        }
    }

    /// The class of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// The number used in stores. Never renumbered.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The class of this number.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index).copied())
    }
}

impl OnUnknown {
    /// Every policy, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Hold, Self::ResendOnce];

    /// Maximum number of resends of a message.
    pub const fn resends(self) -> u32 {
        match self {
            Self::Hold => 0,
            Self::ResendOnce => 1,
        }
    }

    /// The name used in JSON, in stores and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::ResendOnce => "resend_once",
        }
    }

    /// The policy of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == name)
    }

    /// The number used in stores. Never renumbered. Equal to [`resends`](Self::resends), because a
    /// statement of `sms-store-pg` compares it with the number of resends made so far.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The policy of this number.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back_to_their_class_and_policy() {
        for class in Class::ALL {
            assert_eq!(Class::from_number(i64::from(class.number())), Some(class));
            assert_eq!(Class::from_name(class.as_str()), Some(class));
        }
        for policy in OnUnknown::ALL {
            assert_eq!(OnUnknown::from_number(i64::from(policy.number())), Some(policy));
            assert_eq!(OnUnknown::from_name(policy.as_str()), Some(policy));
            assert_eq!(u32::from(policy.number()), policy.resends());
        }
    }
}
