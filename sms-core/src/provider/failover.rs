//! Several providers as one.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::time::timeout;

use crate::error::Result;
use crate::provider::outcome::{Outcome, OutcomeClass};
use crate::provider::receipt::Receipt;
use crate::provider::{
    Account, Explanation, LateAnswer, LateAnswers, Limits, Polling, Provider, ProviderRef,
    Receipts, Submission,
};

/// A [`Provider`] that asks several in turn: the next one gets only what the one before provably
/// did not accept (`NotSent`, `Deferred`, `Blocked`), never what it may have accepted. So failing
/// over cannot send twice.
///
/// Each outcome names the provider that answered, and [`member`](Provider::member) gives that one,
/// which knows what its codes mean. The account is the first provider's; a pause is ended by the
/// account of the provider that refused.
///
/// ```
/// use sms_core::{
///     Failover, MessageId, Outcome, PhoneNumber, Provider as _, RecordingProvider, Submission,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let down = |_: &Submission| Outcome::not_sent("no connection");
/// let first = RecordingProvider::new().named("first").answering(down);
/// let provider = Failover::new(first).then(RecordingProvider::new().named("second"));
///
/// let to = PhoneNumber::parse("+79251234567")?;
/// let outcomes = provider.submit(&[Submission::new(MessageId::new(), to, "hi")]).await;
/// assert_eq!(outcomes[0].provider.as_deref(), Some("second"));
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
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

/// What the limit of a call leaves for handing on from provider to provider.
const HANDING_ON: Duration = Duration::from_millis(100);

const fn goes_on(class: OutcomeClass) -> bool {
    matches!(class, OutcomeClass::NotSent | OutcomeClass::Deferred | OutcomeClass::Blocked)
}

/// The outcomes of one provider, under its name also where it does not answer in its time, or its
/// code fails.
async fn ask(provider: &dyn Provider, batch: &[Submission]) -> Vec<Outcome> {
    let call =
        AssertUnwindSafe(timeout(provider.limits().timeout, provider.submit(batch))).catch_unwind();
    let (mut outcomes, missing) = match call.await {
        Ok(Ok(outcomes)) => (outcomes, "the provider gave no outcome for this message"),
        Ok(Err(_)) => (Vec::new(), "the provider did not answer in time"),
        Err(_) => {
            tracing::error!(provider = provider.name(), "the provider's code failed");
            (Vec::new(), "the provider's code failed during the call")
        }
    };
    outcomes.resize_with(batch.len(), || Outcome::unknown(missing));
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

    /// The smallest batch of all, so that one call here is one call of each provider asked; and the
    /// sum of their timeouts, with a moment for handing on, so that the last one's timeout comes
    /// before that of the whole.
    fn limits(&self) -> Limits {
        let all = || self.providers.iter().map(Provider::limits);
        let mut limits = Limits::new(
            all().map(|limits| limits.batch).min().unwrap_or(1),
            all().map(|limits| limits.timeout).sum::<Duration>() + HANDING_ON,
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
            let left: Vec<usize> =
                (0..batch.len()).filter(|index| goes_on(outcomes[*index].class)).collect();
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

    fn account(&self) -> Option<&dyn Account> {
        self.providers.first()?.account()
    }

    /// That of the first provider that knows the code. Two providers may mean different things by
    /// one code: ask the [`member`](Provider::member) that answered.
    fn explain(&self, code: i32) -> Option<Explanation> {
        self.providers.iter().find_map(|provider| provider.explain(code))
    }

    fn member(&self, name: &str) -> Option<&dyn Provider> {
        let named = |provider: &'_ Arc<dyn Provider>| provider.name() == name;
        let own =
            self.providers.iter().find(|provider| named(provider)).map(|provider| &**provider);
        own.or_else(|| self.providers.iter().find_map(|provider| provider.member(name)))
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
        let all = || {
            self.providers.iter().filter_map(|provider| provider.receipts()).map(Receipts::polling)
        };
        Polling {
            first: all().map(|polling| polling.first).min().unwrap_or_default(),
            max: all().map(|polling| polling.max).min().unwrap_or_default(),
            give_up: all().map(|polling| polling.give_up).max().unwrap_or_default(),
            batch: all().map(|polling| polling.batch).min().unwrap_or(1),
        }
    }

    /// What any of them answered; an error only when none did, so that one that is down costs no
    /// other its receipts.
    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        let (mut found, mut answered, mut failed) = (Vec::new(), false, None);
        for provider in &self.providers {
            let own: Vec<ProviderRef> =
                ids.iter().filter(|id| id.provider == provider.name()).cloned().collect();
            if let (Some(receipts), false) = (provider.receipts(), own.is_empty()) {
                match receipts.query(&own).await {
                    Ok(mut receipts) => {
                        answered = true;
                        found.append(&mut receipts);
                    }
                    Err(error) => {
                        tracing::warn!(provider = provider.name(), %error, "no receipts from this provider");
                        failed = Some(error);
                    }
                }
            }
        }
        match failed {
            Some(error) if !answered => Err(error),
            _ => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageId;
    use crate::message::phone::PhoneNumber;
    use crate::provider::recording::RecordingProvider;

    async fn second_is_asked_after(first: Outcome) -> (bool, Outcome) {
        let second = Arc::new(RecordingProvider::new().named("second"));
        let first = RecordingProvider::new().named("first").answering(move |_| first.clone());
        let failover = Failover::new(first).then(Arc::clone(&second));
        let to = PhoneNumber::parse("+79251234567").unwrap();
        let outcome =
            failover.submit(&[Submission::new(MessageId::new(), to, "hi")]).await.remove(0);
        (!second.submissions().is_empty(), outcome)
    }

    #[tokio::test]
    async fn the_next_provider_gets_what_was_provably_not_accepted() {
        for refused in [
            Outcome::not_sent("dns"),
            Outcome::deferred(220, "busy"),
            Outcome::blocked(201, "money"),
        ] {
            let (asked, outcome) = second_is_asked_after(refused).await;
            assert!(asked);
            assert_eq!(outcome.provider.as_deref(), Some("second"));
        }
    }

    /// A provider with an account and a meaning of its own for each code, that never answers or
    /// panics.
    #[derive(Debug)]
    struct Named(&'static str, bool);

    #[async_trait]
    impl Provider for Named {
        fn name(&self) -> &str {
            self.0
        }
        fn limits(&self) -> Limits {
            Limits::new(10, Duration::from_secs(1))
        }
        async fn submit(&self, _: &[Submission]) -> Vec<Outcome> {
            // Without the noise of the panic hook.
            if self.1 {
                std::panic::resume_unwind(Box::new("a defect"))
            } else {
                std::future::pending().await
            }
        }
        fn account(&self) -> Option<&dyn Account> {
            Some(self)
        }
        fn explain(&self, _: i32) -> Option<Explanation> {
            Some(Explanation { en: self.0, ru: self.0 })
        }
    }

    #[async_trait]
    impl Account for Named {
        async fn check(&self) -> Result<()> {
            Ok(())
        }
        async fn info(&self) -> Result<crate::AccountInfo> {
            Ok(crate::AccountInfo {
                senders: vec![self.0.to_owned()],
                ..crate::AccountInfo::default()
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_outcome_is_under_the_name_of_the_provider_that_was_asked() {
        for panics in [false, true] {
            let failover =
                Failover::new(RecordingProvider::new().answering(|_| Outcome::not_sent("dns")));
            let failover = failover.then(Named("second", panics));
            let to = PhoneNumber::parse("+79251234567").unwrap();
            let outcome =
                failover.submit(&[Submission::new(MessageId::new(), to, "hi")]).await.remove(0);
            assert_eq!(
                (outcome.class, outcome.provider.as_deref()),
                (OutcomeClass::Unknown, Some("second")),
                "panics: {panics}"
            );
        }
    }

    #[tokio::test]
    async fn a_code_is_explained_by_the_provider_that_gave_it_and_the_account_is_the_firsts() {
        let inner = Failover::new(Named("b", true)).then(Named("c", true));
        let failover: Arc<dyn Provider> = Arc::new(Failover::new(Named("a", true)).then(inner));
        for name in ["a", "b", "c"] {
            let meaning = crate::provider::explain_by(&failover, name, 1).expect("a meaning");
            assert_eq!(meaning.en, name);
        }
        assert_eq!(crate::provider::explain_by(&failover, "d", 1), None);
        let info = failover.account().expect("an account").info().await.expect("told");
        assert_eq!(info.senders, ["a"]);
    }

    #[tokio::test]
    async fn the_next_provider_never_gets_what_may_have_been_accepted() {
        for kept in
            [Outcome::unknown("timeout"), Outcome::accepted("1"), Outcome::rejected(202, "bad")]
        {
            let (asked, outcome) = second_is_asked_after(kept).await;
            assert!(!asked);
            assert_eq!(outcome.provider.as_deref(), Some("first"));
        }
    }
}
