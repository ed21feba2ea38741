//! When to stop asking a provider, and when to ask again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::outcome::{Outcome, OutcomeClass};
use crate::provider::Provider;

/// How many outcomes the breaker looks back on, and how many of them must be bad for it to pause the provider.
const WINDOW: usize = 20;
const BAD: usize = WINDOW / 2;
/// The first pause and the longest one; each pause is twice as long as the one before until one message succeeds.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Pauses a provider that refuses the account ([`Blocked`](OutcomeClass::Blocked)) or does not answer (half of the
/// last 20 outcomes `NotSent` or `Unknown`), so that an outage costs a handful of messages and not the backlog.
///
/// After a pause the provider is probed, first by [`Account::check`](crate::Account::check) where there is one, then
/// by a single message; it resumes by itself.
#[derive(Debug, Default)]
pub struct Breaker {
    inner: Mutex<Inner>,
    recorded: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    /// Whether each of the last outcomes was bad.
    window: VecDeque<bool>,
    /// Pauses since the last success.
    pauses: u32,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Closed,
    Paused(Pause),
    /// One message is on its way; its outcome decides.
    Trial(Pause),
}

/// Why a provider is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pause {
    /// The provider's code, where it gave one.
    pub code: Option<i32>,
    /// The reason in words.
    pub reason: String,
    /// When the provider is probed next.
    pub until: Instant,
}

/// How much the breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Whole batches.
    All,
    /// One message, as a trial; the breaker waits for its outcome.
    One,
}

impl Breaker {
    /// A breaker that lets everything through.
    pub fn new() -> Self {
        Self::default()
    }

    /// Why the provider is paused, if it is.
    pub fn pause(&self) -> Option<Pause> {
        match &self.lock().state {
            State::Closed => None,
            State::Paused(pause) | State::Trial(pause) => Some(pause.clone()),
        }
    }

    /// Waits until something may be submitted. Called by one task at a time, and each [`Admission::One`] is followed
    /// by a [`record`](Self::record) or a [`cancel_trial`](Self::cancel_trial).
    pub async fn admit(&self, provider: &dyn Provider) -> Admission {
        loop {
            let recorded = self.recorded.notified();
            let state = self.lock().state.clone();
            match state {
                State::Closed => return Admission::All,
                State::Trial(_) => {
                    // Bounded, should the outcome of the trial never be recorded.
                    let _ = timeout(LONGEST_PAUSE, recorded).await;
                    self.cancel_trial();
                }
                State::Paused(pause) => {
                    sleep_until(pause.until).await;
                    if let Some(account) = provider.account()
                        && let Err(error) = account.check().await
                    {
                        self.lock().pause(None, error.to_string());
                        continue;
                    }
                    self.lock().state = State::Trial(pause);
                    return Admission::One;
                }
            }
        }
    }

    /// Says that the trial did not take place: the next one may.
    pub fn cancel_trial(&self) {
        let mut inner = self.lock();
        if let State::Trial(pause) = &inner.state {
            inner.state = State::Paused(pause.clone());
        }
        drop(inner);
        self.recorded.notify_waiters();
    }

    /// Learns from the outcomes of one call.
    pub fn record(&self, outcomes: &[Outcome]) {
        let mut inner = self.lock();
        for outcome in outcomes {
            inner.record(outcome);
        }
        drop(inner);
        self.recorded.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn record(&mut self, outcome: &Outcome) {
        let reason = || outcome.text.clone().unwrap_or_else(|| outcome.class.as_str().to_owned());
        match outcome.class {
            OutcomeClass::Blocked => self.pause(outcome.code, reason()),
            OutcomeClass::NotSent | OutcomeClass::Unknown => {
                self.remember(true);
                let bad = self.window.iter().filter(|bad| **bad).count();
                if bad >= BAD || matches!(self.state, State::Trial(_)) {
                    self.pause(outcome.code, reason());
                }
            }
            OutcomeClass::Accepted | OutcomeClass::Rejected | OutcomeClass::Deferred => {
                self.remember(false);
                // A straggler from before the pause proves nothing about now.
                if !matches!(self.state, State::Paused(_)) {
                    if matches!(self.state, State::Trial(_)) {
                        tracing::info!("provider answers again: resumed");
                        self.window.clear();
                    }
                    self.state = State::Closed;
                    self.pauses = 0;
                }
            }
        }
    }

    fn remember(&mut self, bad: bool) {
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(bad);
    }

    fn pause(&mut self, code: Option<i32>, reason: String) {
        if let State::Paused(pause) = &self.state
            && pause.until > Instant::now()
        {
            return;
        }
        let length = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(10)).min(LONGEST_PAUSE);
        self.pauses += 1;
        tracing::warn!(code, reason, pause_seconds = length.as_secs(), "provider paused");
        self.state = State::Paused(Pause { code, reason, until: Instant::now() + length });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind, Result};
    use crate::provider::{Account, AccountInfo, Limits, Submission};
    use crate::recording::RecordingProvider;

    #[derive(Debug)]
    struct BrokenAccount;

    #[async_trait::async_trait]
    impl Provider for BrokenAccount {
        fn name(&self) -> &'static str {
            "broken"
        }
        fn limits(&self) -> Limits {
            Limits::new(1, FIRST_PAUSE)
        }
        async fn submit(&self, _: &[Submission]) -> Vec<Outcome> {
            Vec::new()
        }
        fn account(&self) -> Option<&dyn Account> {
            Some(self)
        }
    }

    #[async_trait::async_trait]
    impl Account for BrokenAccount {
        async fn check(&self) -> Result<()> {
            Err(Error::new(ErrorKind::Unavailable, "no money"))
        }
        async fn info(&self) -> Result<AccountInfo> {
            self.check().await.map(|()| AccountInfo::default())
        }
    }

    fn unknowns(count: usize) -> Vec<Outcome> {
        vec![Outcome::unknown("timeout"); count]
    }

    #[tokio::test(start_paused = true)]
    async fn one_blocked_answer_pauses_and_one_good_trial_resumes() {
        let (breaker, provider) = (Breaker::new(), RecordingProvider::new());
        breaker.record(&[Outcome::blocked(201, "no money")]);
        assert_eq!(breaker.pause().map(|pause| pause.code), Some(Some(201)));
        let before = Instant::now();
        assert_eq!(breaker.admit(&provider).await, Admission::One);
        assert!(before.elapsed() >= FIRST_PAUSE);
        breaker.record(&[Outcome::accepted("1")]);
        assert_eq!(breaker.admit(&provider).await, Admission::All);
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_the_last_twenty_unanswered_pauses_and_fewer_do_not() {
        let breaker = Breaker::new();
        breaker.record(&unknowns(BAD - 1));
        breaker.record(&vec![Outcome::accepted("1"); WINDOW]);
        breaker.record(&unknowns(BAD - 1));
        assert_eq!(breaker.pause(), None);
        breaker.record(&unknowns(1));
        assert!(breaker.pause().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn failed_trials_make_pauses_longer_up_to_the_longest() {
        let (breaker, provider) = (Breaker::new(), RecordingProvider::new());
        breaker.record(&[Outcome::blocked(201, "no money")]);
        let mut lengths = Vec::new();
        for _ in 0..7 {
            let before = Instant::now();
            assert_eq!(breaker.admit(&provider).await, Admission::One);
            lengths.push(before.elapsed().as_secs());
            breaker.record(&unknowns(1));
        }
        assert_eq!(lengths, [2, 4, 8, 16, 32, 60, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_message_is_spent_while_the_account_check_fails() {
        let breaker = Breaker::new();
        breaker.record(&[Outcome::blocked(201, "no money")]);
        let admitted = timeout(Duration::from_hours(1), breaker.admit(&BrokenAccount)).await;
        assert!(admitted.is_err());
        assert_eq!(breaker.pause().map(|pause| pause.reason).as_deref(), Some("no money"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_success_of_a_call_begun_before_does_not_end_the_pause() {
        let breaker = Breaker::new();
        breaker.record(&[Outcome::blocked(201, "no money"), Outcome::accepted("1")]);
        assert!(breaker.pause().is_some());
    }
}
