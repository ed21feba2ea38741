//! A provider for tests of applications.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::provider::outcome::Outcome;
use crate::provider::{Limits, Provider, Submission};

type OutcomeFn = Box<dyn Fn(&Submission) -> Outcome + Send + Sync>;

/// A [`Provider`] that records every call. It accepts everything, or answers as its
/// [`builder`](Self::builder) says.
///
/// ```
/// use sms_core::{MessageId, Outcome, PhoneNumber, Provider, RecordingProvider, Submission};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let refuse = |_: &Submission| Outcome::rejected(202, "bad number");
/// let provider = RecordingProvider::builder().answer(refuse).build();
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

/// Builds a [`RecordingProvider`].
#[must_use]
pub struct RecordingProviderBuilder(RecordingProvider);

impl RecordingProviderBuilder {
    /// Sets the name. Defaults to `recording`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = name.into();
        self
    }

    /// Sets the limits. Defaults to 100 messages and 5 s.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.0.limits = limits;
        self
    }

    /// Sets the answer to each submission. By default it is accepted.
    pub fn answer(
        mut self,
        answer: impl Fn(&Submission) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        self.0.answer = Box::new(answer);
        self
    }

    /// The provider.
    pub fn build(self) -> RecordingProvider {
        self.0
    }
}

impl std::fmt::Debug for RecordingProviderBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RecordingProviderBuilder").field(&self.0).finish()
    }
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
    /// A provider with the name `recording` that accepts everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a provider like that of [`new`](Self::new).
    pub fn builder() -> RecordingProviderBuilder {
        RecordingProviderBuilder(Self::default())
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
