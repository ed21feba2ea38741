//! Late answers: those that arrive after the timeout of their call.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::outcome::Outcome;
use crate::message::MessageId;

/// Answers of the provider to attempts that were settled as
/// [`Unknown`](crate::OutcomeClass::Unknown), because they did not come in time.
#[async_trait]
pub trait LateAnswers: Debug + Send + Sync {
    /// Waits for the next answers, those of one call at a time. Each is returned to one caller
    /// only, and none has the outcome `Unknown`.
    ///
    /// Cancellation: a dropped call loses no answer.
    async fn next(&self) -> Vec<LateAnswer>;
}

/// Outcome of an attempt that became known after the timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LateAnswer {
    /// Id of the message.
    pub id: MessageId,
    /// Number of the attempt: [`Submission::attempt`](crate::provider::Submission::attempt).
    pub attempt: u32,
    /// Outcome of the attempt.
    pub outcome: Outcome,
    /// Time from the call to the answer.
    pub took: Duration,
}

impl LateAnswer {
    /// The outcome of an attempt, and the time from its call to the answer.
    pub const fn new(id: MessageId, attempt: u32, outcome: Outcome, took: Duration) -> Self {
        Self { id, attempt, outcome, took }
    }
}
