//! Several providers as one.

mod receipts;

use std::collections::HashSet;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};
use crate::provider::Provider;
use crate::provider::account::Account;
use crate::provider::callbacks::{Callback, CallbackRefusal, CallbackRequest, Callbacks};
use crate::provider::explanation::Explanation;
use crate::provider::incoming::IncomingReceipts;
use crate::provider::late::{LateAnswer, LateAnswers};
use crate::provider::limits::Limits;
use crate::provider::outcome::{Outcome, OutcomeClass};
use crate::provider::prices::Prices;
use crate::provider::receipt::Receipt;
use crate::provider::status_queries::Receipts;
use crate::provider::submission::Submission;
use crate::supervise::catch_panic;

/// A [`Provider`] that calls several providers in turn. The next one gets only the messages that
/// the one before certainly did not accept (`NotSent`, `Deferred`, `Blocked`), never one that it
/// may have accepted. So a failover never sends a message twice.
///
/// Each outcome names the provider that answered, and [`member`](Provider::member) returns that
/// provider, which knows the meaning of its codes. Account and prices are those of the first
/// provider. A pause ends by the account of the provider that refused.
///
/// ```
/// use sms_core::{
///     Failover, MessageId, Outcome, PhoneNumber, Provider as _, RecordingProvider, Submission,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let down = |_: &Submission| Outcome::not_sent("no connection");
/// let first = RecordingProvider::builder().name("first").answer(down).build();
/// let second = RecordingProvider::builder().name("second").build();
/// let provider = Failover::new(first).then(second);
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
    /// The names of the providers that could not be opened yet.
    unopened: Mutex<HashSet<String>>,
}

impl Failover {
    /// A failover that calls `first`, then those added by [`then`](Self::then).
    pub fn new(first: impl Provider) -> Self {
        Self {
            name: "failover".to_owned(),
            providers: vec![Arc::new(first)],
            unopened: Mutex::default(),
        }
    }

    /// Adds a provider that is called after the others.
    pub fn then(mut self, next: impl Provider) -> Self {
        self.providers.push(Arc::new(next));
        self
    }

    /// Opens one provider, and records if it could not be opened.
    async fn open_one(&self, provider: &dyn Provider) -> Result<()> {
        let timed_out = |error| Err(Error::unavailable("not opened in time", error));
        let limit = provider.limits().timeout;
        let opened = timeout(limit, catch_panic(provider.open())).await.unwrap_or_else(timed_out);
        let mut unopened = self.unopened.lock().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok(()) => _ = unopened.remove(provider.name()),
            Err(_) => _ = unopened.insert(provider.name().to_owned()),
        }
        opened
    }

    fn is_unopened(&self, provider: &dyn Provider) -> bool {
        let unopened = self.unopened.lock().unwrap_or_else(PoisonError::into_inner);
        unopened.contains(provider.name())
    }

    /// Calls one provider. If it could not be opened before, it is opened first: the worker stops
    /// opening the failover as soon as one provider is open.
    async fn submit_to(&self, provider: &dyn Provider, batch: &[Submission]) -> Vec<Outcome> {
        if self.is_unopened(provider)
            && let Err(error) = self.open_one(provider).await
        {
            let mut outcome = Outcome::not_sent(error.to_string());
            outcome.provider = Some(provider.name().to_owned());
            return vec![outcome; batch.len()];
        }
        ask(provider, batch).await
    }

    /// The callbacks of the providers that have them.
    fn with_callbacks(&self) -> impl Iterator<Item = &dyn Callbacks> {
        self.providers.iter().filter_map(|provider| provider.callbacks())
    }
}

/// Part of the time limit of a call for the work between the calls of the providers.
const OVERHEAD: Duration = Duration::from_millis(100);

const fn goes_on(class: OutcomeClass) -> bool {
    matches!(class, OutcomeClass::NotSent | OutcomeClass::Deferred | OutcomeClass::Blocked)
}

/// Calls one provider. Its outcomes have its name, also if it does not answer in time or panics.
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

    /// The smallest batch, rates and window of all providers, so that one call is at most one call
    /// of each. The timeout is the sum of theirs, and a little more.
    fn limits(&self) -> Limits {
        let all = || self.providers.iter().map(Provider::limits);
        let mut limits = Limits::new(
            all().map(|limits| limits.batch).min().unwrap_or(1),
            all().map(|limits| limits.timeout).sum::<Duration>() + OVERHEAD,
        );
        limits.calls_per_second = all().filter_map(|limits| limits.calls_per_second).min();
        limits.messages_per_second = all().filter_map(|limits| limits.messages_per_second).min();
        limits.window = all().filter_map(|limits| limits.window).min();
        limits
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        let Some((first, others)) = self.providers.split_first() else {
            return Vec::new();
        };
        let mut outcomes = self.submit_to(first, batch).await;
        for provider in others {
            let left: Vec<usize> =
                (0..batch.len()).filter(|index| goes_on(outcomes[*index].class)).collect();
            if left.is_empty() {
                break;
            }
            let again: Vec<Submission> = left.iter().map(|index| batch[*index].clone()).collect();
            for (index, outcome) in left.into_iter().zip(self.submit_to(provider, &again).await) {
                outcomes[index] = outcome;
            }
        }
        outcomes
    }

    /// Opens all providers. Fails only if none could be opened. A provider that could not be opened
    /// is opened again before its next call.
    async fn open(&self) -> Result<()> {
        let opened = join_all(self.providers.iter().map(|provider| self.open_one(provider))).await;
        if opened.iter().any(Result::is_ok) { Ok(()) } else { opened.into_iter().collect() }
    }

    async fn close(&self) -> Result<()> {
        let close = self.providers.iter().map(|provider| catch_panic(provider.close()));
        join_all(close).await.into_iter().collect()
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        self.providers.iter().any(|provider| provider.receipts().is_some()).then_some(self)
    }

    fn incoming(&self) -> Option<&dyn IncomingReceipts> {
        self.providers.iter().any(|provider| provider.incoming().is_some()).then_some(self)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        self.with_callbacks().next().is_some().then_some(self)
    }

    fn account(&self) -> Option<&dyn Account> {
        self.providers.first()?.account()
    }

    /// The prices of the first provider.
    fn prices(&self) -> Option<&dyn Prices> {
        self.providers.first()?.prices()
    }

    /// The explanation of the first provider that knows the code. A code may have another meaning
    /// at another provider: ask the [`member`](Provider::member) that answered.
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
    /// Returns the answers of the first provider that has some.
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
impl IncomingReceipts for Failover {
    /// Returns the receipts of the first provider that has some; none when all are closed.
    async fn next(&self) -> Vec<Receipt> {
        let all = self.providers.iter().filter_map(|provider| provider.incoming());
        let mut waits: Vec<_> = all.map(IncomingReceipts::next).collect();
        poll_fn(|context| {
            let mut index = 0;
            while let Some(wait) = waits.get_mut(index) {
                match wait.as_mut().poll(context) {
                    // Closed: the others may still have some.
                    Poll::Ready(receipts) if receipts.is_empty() => drop(waits.remove(index)),
                    Poll::Ready(receipts) => return Poll::Ready(receipts),
                    Poll::Pending => index += 1,
                }
            }
            if waits.is_empty() { Poll::Ready(Vec::new()) } else { Poll::Pending }
        })
        .await
    }

    async fn written(&self, receipts: &[Receipt]) {
        for provider in &self.providers {
            let own: Vec<Receipt> = receipts
                .iter()
                .filter(|receipt| is_of(provider, &receipt.provider))
                .cloned()
                .collect();
            if let (Some(incoming), false) = (provider.incoming(), own.is_empty()) {
                incoming.written(&own).await;
            }
        }
    }
}

/// One address serves all providers. A callback is from the first provider that can read it.
#[async_trait]
impl Callbacks for Failover {
    /// Fails only if no provider can verify its callbacks.
    fn can_verify(&self) -> Result<()> {
        let checks: Vec<Result<()>> = self.with_callbacks().map(Callbacks::can_verify).collect();
        if checks.iter().any(Result::is_ok) { Ok(()) } else { checks.into_iter().collect() }
    }

    /// Refuses a callback as not genuine if one provider does: that provider could read it.
    fn read(&self, request: &CallbackRequest<'_>) -> Result<Callback, CallbackRefusal> {
        let mut refusal = CallbackRefusal::unreadable("no provider has callbacks");
        for callbacks in self.with_callbacks() {
            match callbacks.read(request) {
                Ok(callback) => return Ok(callback),
                Err(refused @ CallbackRefusal::NotGenuine(_)) => refusal = refused,
                Err(refused) if matches!(refusal, CallbackRefusal::Unreadable(_)) => {
                    refusal = refused;
                }
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    async fn registered(&self) -> Result<Vec<String>> {
        let mut urls = Vec::new();
        for callbacks in self.with_callbacks() {
            urls.extend(callbacks.registered().await?);
        }
        Ok(distinct(urls))
    }

    async fn register(&self, url: &str) -> Result<Vec<String>> {
        let mut urls = Vec::new();
        for callbacks in self.with_callbacks() {
            if callbacks.can_verify().is_ok() {
                urls.extend(callbacks.register(url).await?);
            }
        }
        Ok(distinct(urls))
    }

    /// Calls every provider. Fails with `NotFound` only if none of them knows the address.
    async fn unregister(&self, url: &str) -> Result<Vec<String>> {
        let (mut urls, mut removed, mut unknown) = (Vec::new(), false, None);
        for callbacks in self.with_callbacks() {
            match callbacks.unregister(url).await {
                Ok(left) => {
                    removed = true;
                    urls.extend(left);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => unknown = Some(error),
                Err(error) => return Err(error),
            }
        }
        match unknown {
            Some(error) if !removed => Err(error),
            _ => Ok(distinct(urls)),
        }
    }
}

/// True if receipts under this name come from this provider.
fn is_of(provider: &dyn Provider, name: &str) -> bool {
    provider.name() == name || provider.member(name).is_some()
}

fn distinct(mut urls: Vec<String>) -> Vec<String> {
    urls.sort();
    urls.dedup();
    urls
}

#[cfg(test)]
mod tests;
