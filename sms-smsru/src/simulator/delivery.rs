//! Delivery of accepted messages.

use std::borrow::Cow;
use std::time::Duration;

use sms_core::clock::duration_to_ms;

const DELIVERED: &[i32] = &[101, 102, 103];
const STUCK: &[i32] = &[101, 102];

/// The states that an accepted message goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// 101, 102, then 103.
    Delivered,
    /// 101, 102, then this code: one of 104 to 108, or 150.
    Failed(i32),
    /// 101, then 102 without end. A message with a `ttl` gets 104 when it is over.
    Stuck,
    /// [`Failed`](Self::Failed) for a percentage of the messages, at random; the others are
    /// delivered.
    FailedSometimes {
        /// The percentage that fails, 0 to 100.
        percent: u8,
        /// The code of the failed messages.
        code: i32,
    },
    /// These states in sequence, for example 104 and later 103. The third delay of
    /// [`delays`](crate::simulator::SimulatorConfig::delays) applies to all further states.
    Steps(Vec<i32>),
}

impl Delivery {
    /// Chooses the states of one message.
    pub(crate) fn steps(&self, rng: &mut fastrand::Rng) -> Cow<'static, [i32]> {
        match self {
            Self::Stuck => STUCK.into(),
            Self::Failed(code) => failed(*code),
            Self::FailedSometimes { percent, code } if rng.u8(0..100) < *percent => failed(*code),
            Self::Delivered | Self::FailedSometimes { .. } => DELIVERED.into(),
            Self::Steps(steps) => steps.clone().into(),
        }
    }
}

fn failed(code: i32) -> Cow<'static, [i32]> {
    vec![101, 102, code].into()
}

/// Returns the duration of the state before this step.
pub(crate) fn delay_ms(delays: &[Duration; 3], step: usize) -> i64 {
    let [.., last] = delays;
    duration_to_ms(*delays.get(step).unwrap_or(last))
}

/// Checks if a state is final.
pub(crate) const fn is_final(code: i32) -> bool {
    code >= 103
}

/// Checks if a state is a failure. The price is then refunded.
pub(crate) const fn is_failure(code: i32) -> bool {
    matches!(code, 104..=108 | 150)
}
