//! Several providers as one.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;
use crate::outcome::{Outcome, OutcomeClass};
use crate::provider::{
    Explanation, LateAnswer, LateAnswers, Limits, Polling, Provider, ProviderRef, Receipts, Submission,
};
use crate::receipt::Receipt;

/// A [`Provider`] that asks several in turn: the next one gets only what the one before provably did not accept
/// (`NotSent`, `Deferred`, `Blocked`), never what it may have accepted. So failing over cannot send twice.
#[derive(Debug)]
pub struct Failover {
    name: String,
    providers: Vec<Arc<dyn Provider>>,
}

impl Failover {
    /// Asks `first`, then those added by [`then`](Self::then).
    pub fn new(first: impl Provider) -> Self {
        Self { name: "failover".to_owned(), providers: vec![Arc::new(first)] }
    }

    /// Adds the next one to ask.
    pub fn then(mut self, next: impl Provider) -> Self {
        self.providers.push(Arc::new(next));
        self
    }
}

const fn goes_on(class: OutcomeClass) -> bool {
    matches!(class, OutcomeClass::NotSent | OutcomeClass::Deferred | OutcomeClass::Blocked)
}

async fn ask(provider: &dyn Provider, batch: &[Submission]) -> Vec<Outcome> {
    let mut outcomes = provider.submit(batch).await;
    outcomes.resize_with(batch.len(), || Outcome::unknown("the provider gave no outcome"));
    for outcome in &mut outcomes {
        outcome.provider.get_or_insert_with(|| provider.name().to_owned());
    }
    outcomes
}

#[async_trait]
impl Provider for Failover {
    fn name(&self) -> &str {
        &self.name
    }

    /// The smallest batch of all, so that one call here is one call of each provider asked; and the sum of their
    /// timeouts.
    fn limits(&self) -> Limits {
        let all = || self.providers.iter().map(super::provider::Provider::limits);
        let mut limits = Limits::new(
            all().map(|limits| limits.batch).min().unwrap_or(1),
            all().map(|limits| limits.timeout).sum::<Duration>(),
        );
        limits.calls_per_second = all().filter_map(|limits| limits.calls_per_second).min();
        limits
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        let Some((first, others)) = self.providers.split_first() else {
            return Vec::new();
        };
        let mut outcomes = ask(first, batch).await;
        for provider in others {
            let left: Vec<usize> = (0..batch.len()).filter(|index| goes_on(outcomes[*index].class)).collect();
            if left.is_empty() {
                break;
            }
            let again: Vec<Submission> = left.iter().map(|index| batch[*index].clone()).collect();
            for (index, outcome) in left.into_iter().zip(ask(provider, &again).await) {
                outcomes[index] = outcome;
            }
        }
        outcomes
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        self.providers.iter().any(|provider| provider.receipts().is_some()).then_some(self)
    }

    fn explain(&self, code: i32) -> Option<Explanation> {
        self.providers.iter().find_map(|provider| provider.explain(code))
    }

    fn late(&self) -> Option<&dyn LateAnswers> {
        self.providers.iter().any(|provider| provider.late().is_some()).then_some(self)
    }
}

#[async_trait]
impl LateAnswers for Failover {
    /// Those of whichever provider has some first.
    async fn next(&self) -> Vec<LateAnswer> {
        let waits = self.providers.iter().filter_map(|one| Some((one.name(), one.late()?.next())));
        let mut waits: Vec<_> = waits.collect();
        let (name, mut answers) = poll_fn(|context| {
            let ready = |(name, wait): &mut (_, Wait<'_>)| match wait.as_mut().poll(context) {
                Poll::Ready(answers) => Some((*name, answers)),
                Poll::Pending => None,
            };
            waits.iter_mut().find_map(ready).map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        for answer in &mut answers {
            answer.outcome.provider.get_or_insert_with(|| String::from(name));
        }
        answers
    }
}

type Wait<'a> = Pin<Box<dyn Future<Output = Vec<LateAnswer>> + Send + 'a>>;

#[async_trait]
impl Receipts for Failover {
    /// The earliest first query, the longest patience and the smallest batch of all.
    fn polling(&self) -> Polling {
        let all = || self.providers.iter().filter_map(|provider| provider.receipts()).map(Receipts::polling);
        Polling {
            first: all().map(|polling| polling.first).min().unwrap_or_default(),
            max: all().map(|polling| polling.max).min().unwrap_or_default(),
            give_up: all().map(|polling| polling.give_up).max().unwrap_or_default(),
            batch: all().map(|polling| polling.batch).min().unwrap_or(1),
        }
    }

    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        let mut found = Vec::new();
        for provider in &self.providers {
            let own: Vec<ProviderRef> =
                ids.iter().filter(|id| id.provider == provider.name()).cloned().collect();
            if let (Some(receipts), false) = (provider.receipts(), own.is_empty()) {
                found.append(&mut receipts.query(&own).await?);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageId;
    use crate::phone::PhoneNumber;
    use crate::recording::RecordingProvider;

    async fn second_is_asked_after(first: Outcome) -> (bool, Outcome) {
        let second = Arc::new(RecordingProvider::new().named("second"));
        let first = RecordingProvider::new().named("first").answering(move |_| first.clone());
        let failover = Failover::new(first).then(Arc::clone(&second));
        let to = PhoneNumber::parse("+79251234567").unwrap();
        let outcome = failover.submit(&[Submission::new(MessageId::new(), to, "hi")]).await.remove(0);
        (!second.submissions().is_empty(), outcome)
    }

    #[tokio::test]
    async fn the_next_provider_gets_what_was_provably_not_accepted() {
        for refused in
            [Outcome::not_sent("dns"), Outcome::deferred(220, "busy"), Outcome::blocked(201, "money")]
        {
            let (asked, outcome) = second_is_asked_after(refused).await;
            assert!(asked);
            assert_eq!(outcome.provider.as_deref(), Some("second"));
        }
    }

    #[tokio::test]
    async fn the_next_provider_never_gets_what_may_have_been_accepted() {
        for kept in [Outcome::unknown("timeout"), Outcome::accepted("1"), Outcome::rejected(202, "bad")] {
            let (asked, outcome) = second_is_asked_after(kept).await;
            assert!(!asked);
            assert_eq!(outcome.provider.as_deref(), Some("first"));
        }
    }
}
