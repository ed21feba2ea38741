//! The way out: what takes messages to the phone network.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use time::OffsetDateTime;

use crate::class::Class;
use crate::error::Result;
use crate::message::{MessageId, SendOptions};
use crate::money::Money;
use crate::outcome::Outcome;
use crate::phone::PhoneNumber;
use crate::receipt::Receipt;

/// A service that accepts SMS over a network.
///
/// # Contract
///
/// * `submit` answers with one [`Outcome`] per submission, in the same order. It never fails as a
///   whole: a failure of the request is the outcome of each message in it.
/// * An outcome other than [`Unknown`](crate::OutcomeClass::Unknown) is a proof. `NotSent` means
///   that no byte was written; a timeout while writing or reading is `Unknown`. In doubt:
///   `Unknown`.
/// * `submit` never repeats a request by itself; retrying is the worker's, which records it first.
/// * `submit` ends within [`Limits::timeout`]. The worker treats a longer call, a panic and a
///   missing outcome as `Unknown`.
/// * Cancellation: a dropped `submit` may have sent everything or nothing.
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// A short, stable name: it is stored with every message and receipts are matched by it.
    fn name(&self) -> &str;

    /// How much it takes at a time.
    fn limits(&self) -> Limits;

    /// Submits up to [`Limits::batch`] messages.
    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome>;

    /// The ability to ask for receipts; `None` where there is none.
    fn receipts(&self) -> Option<&dyn Receipts> {
        None
    }

    /// The ability to ask for the account; `None` where there is none.
    fn account(&self) -> Option<&dyn Account> {
        None
    }

    /// What one of its codes means, for people; `None` for a code it does not know.
    fn explain(&self, _code: i32) -> Option<Explanation> {
        None
    }

    /// The provider of this name among those that a combinator such as
    /// [`Failover`](crate::Failover) asks; `None` where there is none. Outcomes name the one that
    /// answered.
    fn member(&self, _name: &str) -> Option<&dyn Provider> {
        None
    }

    /// The ability to hear answers that come after `submit` has given them up; `None` where there
    /// is none.
    fn late(&self) -> Option<&dyn LateAnswers> {
        None
    }
}

/// What a code means, in plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// In English.
    pub en: &'static str,
    /// In Russian.
    pub ru: &'static str,
}

/// One message on its way to one recipient.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission {
    /// Our id.
    pub id: MessageId,
    /// Which attempt this is, counted from 1 over all attempts
    /// ([`Begun::fence`](crate::store::Begun::fence)).
    pub attempt: u32,
    /// The recipient.
    pub to: PhoneNumber,
    /// The text.
    pub text: String,
    /// The sender name; `None` for the provider's default.
    pub from: Option<String>,
    /// The class.
    pub class: Class,
    /// What else the caller asked for.
    pub options: SendOptions,
    /// After this nobody wants the message any more.
    pub valid_until: OffsetDateTime,
}

impl Submission {
    /// A first submission of this text with no options, valid for ever.
    pub fn new(id: MessageId, to: PhoneNumber, text: impl Into<String>) -> Self {
        Self {
            id,
            attempt: 1,
            to,
            text: text.into(),
            from: None,
            class: Class::default(),
            options: SendOptions::default(),
            valid_until: crate::clock::datetime_from_ms(i64::MAX),
        }
    }
}

impl Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text may be a one-time code.
        f.debug_struct("Submission")
            .field("id", &self.id)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

/// How much a provider takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Messages per `submit`, at least 1.
    pub batch: usize,
    /// The longest a `submit` may take, all of it.
    pub timeout: Duration,
    /// Calls of `submit` per second, evenly spaced, up to 1,000; `None` for no limit.
    pub calls_per_second: Option<NonZeroU32>,
}

impl Limits {
    /// This many messages per call, each call bounded by `timeout`, any number of calls.
    pub const fn new(batch: usize, timeout: Duration) -> Self {
        Self { batch, timeout, calls_per_second: None }
    }

    /// Bounds the calls per second.
    pub const fn with_calls_per_second(mut self, calls: NonZeroU32) -> Self {
        self.calls_per_second = Some(calls);
        self
    }
}

/// Status queries: receipts that are asked for.
#[async_trait]
pub trait Receipts: Debug + Send + Sync {
    /// When to ask, and how many at once.
    fn polling(&self) -> Polling;

    /// Asks about messages the provider accepted. Those it knows nothing about are left out of the
    /// answer.
    ///
    /// # Errors
    ///
    /// Any kind; the ids are asked about again later.
    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>>;
}

/// A message as its provider knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRef {
    /// The provider's name.
    pub provider: String,
    /// Its own id of the message.
    pub provider_id: String,
}

/// The schedule of status queries for one message: after `first`, again after `first`, then after
/// intervals that double up to `max`, until `give_up` has passed since it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polling {
    /// From acceptance to the first query.
    pub first: Duration,
    /// The longest interval between two queries.
    pub max: Duration,
    /// After this the message stays `sent` and its timeline says so.
    pub give_up: Duration,
    /// Ids per query, at least 1.
    pub batch: usize,
}

/// Questions about the account that send nothing.
#[async_trait]
pub trait Account: Debug + Send + Sync {
    /// Whether the account can send now. Used as a probe while the provider is paused: where the
    /// provider knows why it refused last, it looks whether that reason is gone.
    ///
    /// # Errors
    ///
    /// The reason why not, in words without secrets.
    async fn check(&self) -> Result<()>;

    /// Whether [`check`](Self::check) looks at the reason behind this code of an account-level
    /// refusal, so that a check that passes shows that the reason is gone. Otherwise only a message
    /// can show it.
    fn covers(&self, _code: i32) -> bool {
        false
    }

    /// What the account has left.
    ///
    /// # Errors
    ///
    /// Any kind.
    async fn info(&self) -> Result<AccountInfo>;
}

/// What an account has left. What the provider does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AccountInfo {
    /// The money on it.
    pub balance: Option<Money>,
    /// How many messages it may send a day.
    pub daily_limit: Option<u64>,
    /// How many it has sent today.
    pub used_today: Option<u64>,
    /// The sender names it may use.
    pub senders: Vec<String>,
}

/// Answers of the provider to attempts whose outcome was given as
/// [`Unknown`](crate::OutcomeClass::Unknown), because they did not come in time.
#[async_trait]
pub trait LateAnswers: Debug + Send + Sync {
    /// Waits for the next ones: one call's at a time, each given to one caller only. Never an
    /// `Unknown` outcome.
    ///
    /// Cancellation: a dropped call loses no answer.
    async fn next(&self) -> Vec<LateAnswer>;
}

/// What became of one attempt after all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateAnswer {
    /// Whose attempt.
    pub id: MessageId,
    /// Which attempt: [`Submission::attempt`].
    pub attempt: u32,
    /// How it came out.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

#[async_trait]
impl<T: Provider + ?Sized> Provider for Arc<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn limits(&self) -> Limits {
        (**self).limits()
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        (**self).submit(batch).await
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        (**self).receipts()
    }

    fn account(&self) -> Option<&dyn Account> {
        (**self).account()
    }

    fn explain(&self, code: i32) -> Option<Explanation> {
        (**self).explain(code)
    }

    fn member(&self, name: &str) -> Option<&dyn Provider> {
        (**self).member(name)
    }

    fn late(&self) -> Option<&dyn LateAnswers> {
        (**self).late()
    }
}

/// Meaning of a code that the provider of this name gave: `provider` itself, or a
/// [member](Provider::member) of it.
pub fn explain_by(provider: &dyn Provider, name: &str, code: i32) -> Option<Explanation> {
    let answered = if provider.name() == name { provider } else { provider.member(name)? };
    answered.explain(code)
}
