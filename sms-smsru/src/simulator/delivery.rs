//! What becomes of a message after it was accepted.

use std::borrow::Cow;
use std::time::Duration;

use sms_core::clock::duration_to_ms;

const DELIVERED: &[i32] = &[101, 102, 103];
const STUCK: &[i32] = &[101, 102];

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// 101, 102, then 103.
    Delivered,
    /// 101, 102, then this code: one of 104 to 108, or 150.
    Failed(i32),
    /// 101, then 102 for ever; with a `ttl` 104 when it is over.
    Stuck,
    /// [`Failed`](Self::Failed) with this code in so many of a hundred cases, else delivered.
    FailedSometimes {
        /// How many of a hundred fail.
        percent: u8,
        /// The code of those.
        code: i32,
    },
    /// These states one after the other, such as 104 and later 103. The delay of the last state
    /// repeats.
    Steps(Vec<i32>),
}

impl Delivery {
    /// The states a message will go through.
    pub(crate) fn steps(&self, luck: &mut fastrand::Rng) -> Cow<'static, [i32]> {
        match self {
            Self::Stuck => STUCK.into(),
            Self::Failed(code) => failed(*code),
            Self::FailedSometimes { percent, code } if luck.u8(0..100) < *percent => failed(*code),
            Self::Delivered | Self::FailedSometimes { .. } => DELIVERED.into(),
            Self::Steps(steps) => steps.clone().into(),
        }
    }
}

fn failed(code: i32) -> Cow<'static, [i32]> {
    vec![101, 102, code].into()
}

/// How long the state before this step lasts.
pub(crate) fn delay_ms(delays: &[Duration; 3], step: usize) -> i64 {
    let [.., last] = delays;
    duration_to_ms(*delays.get(step).unwrap_or(last))
}

/// Whether a state is the last one, as a rule.
pub(crate) const fn is_final(code: i32) -> bool {
    code >= 103
}

/// Whether a state is a failure, for which the price is given back.
pub(crate) const fn is_failure(code: i32) -> bool {
    matches!(code, 104..=108 | 150)
}
