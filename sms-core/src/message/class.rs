//! Message classes: one word that sets the policy.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lane::Lane;

/// What a message is for. Sets lane, deadline, attempts and what happens after an unknown outcome;
/// each of these can still be set on the [`Message`](crate::Message) by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Class {
    /// A one-time code: first lane, one recipient per request, [`OnUnknown::ResendOnce`], 5
    /// minutes.
    Otp = 0,
    /// An order, an appointment, an alarm: middle lane, [`OnUnknown::Hold`], 24 hours.
    #[default]
    Service = 1,
    /// An advert: last lane, [`OnUnknown::Hold`], the recipient's daytime, 72 hours.
    Marketing = 2,
}

/// What to do when nobody knows whether the provider accepted a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum OnUnknown {
    /// Send nothing again; wait for evidence or for a person.
    #[default]
    Hold = 0,
    /// Send once more, and record that and why. The recipient may get the message twice.
    ResendOnce = 1,
}

/// The policy a [`Class`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassPolicy {
    /// Which lane of the queue the message takes.
    pub lane: Lane,
    /// How long after it is due the message is still worth sending.
    pub deadline: Duration,
    /// How many counted attempts are made at most.
    pub max_attempts: u32,
    /// What happens after an unknown outcome.
    pub on_unknown: OnUnknown,
    /// Whether the message goes out only in the recipient's daytime.
    pub daytime: bool,
}

impl Class {
    /// Every class, first lane first.
    pub const ALL: [Self; 3] = [Self::Otp, Self::Service, Self::Marketing];

    /// The policy this class stands for.
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

    /// The number stores keep. Never renumbered.
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

    /// How many resends this policy allows over the life of a message.
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

    /// The number stores keep. Never renumbered. A statement of `sms-store-pg` compares it with the
    /// resends made so far, so it is also [`resends`](Self::resends).
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
