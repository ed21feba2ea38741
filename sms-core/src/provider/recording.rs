//! A provider for the tests of those who use the library.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::provider::outcome::Outcome;
use crate::provider::{Limits, Provider, Submission};

type OutcomeFn = Box<dyn Fn(&Submission) -> Outcome + Send + Sync>;

/// A [`Provider`] that records what it is given and answers as it is told; it accepts everything
/// unless told otherwise.
///
/// ```
/// use sms_core::{MessageId, Outcome, PhoneNumber, Provider, RecordingProvider, Submission};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let provider = RecordingProvider::new().answering(|_| Outcome::rejected(202, "bad number"));
/// let to = PhoneNumber::parse("+79251234567")?;
/// let outcomes = provider.submit(&[Submission::new(MessageId::new(), to, "hi")]).await;
/// assert_eq!(outcomes[0].code, Some(202));
/// assert_eq!(provider.submissions().len(), 1);
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
pub struct RecordingProvider {
    name: String,
    limits: Limits,
    answer: OutcomeFn,
    calls: Mutex<Vec<Vec<Submission>>>,
}

impl Default for RecordingProvider {
    fn default() -> Self {
        Self {
            name: "recording".to_owned(),
            limits: Limits::new(100, Duration::from_secs(5)),
            answer: Box::new(|submission| Outcome::accepted(format!("r-{}", submission.id))),
            calls: Mutex::default(),
        }
    }
}

impl RecordingProvider {
    /// A provider named `recording` that accepts everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes by this name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Has these limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Answers each submission so.
    pub fn answering(
        mut self,
        answer: impl Fn(&Submission) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        self.answer = Box::new(answer);
        self
    }

    /// Every call of `submit` so far.
    pub fn calls(&self) -> Vec<Vec<Submission>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every submission so far, over all calls.
    pub fn submissions(&self) -> Vec<Submission> {
        self.calls().into_iter().flatten().collect()
    }
}

impl std::fmt::Debug for RecordingProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordingProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for RecordingProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(batch.to_vec());
        batch.iter().map(|submission| (self.answer)(submission)).collect()
    }
}
