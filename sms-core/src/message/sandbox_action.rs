//! Instructions to the sandbox.

use serde::{Deserialize, Serialize};

/// The end that the [sandbox](crate::Sandbox) gives a message. Other providers ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SandboxAction {
    /// Accepts the message and reports it as delivered a moment later.
    Deliver,
    /// The same, so many seconds later.
    Delay {
        /// From the acceptance to the delivery.
        seconds: u32,
    },
    /// Accepts the message and reports a moment later that it could not be delivered.
    Undelivered {
        /// The code of the report.
        code: i32,
    },
    /// Refuses the message for good.
    Fail {
        /// The code of the refusal.
        code: i32,
    },
    /// Refuses the first attempt for the time being, and accepts and delivers the next.
    Defer {
        /// The code of the refusal.
        code: i32,
    },
    /// Gives no answer to any attempt: the outcome is unknown.
    Lose,
    /// Accepts the message and never reports on it.
    Silent,
}
