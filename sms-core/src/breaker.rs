//! When to stop asking a provider, and when to ask again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use crate::outcome::{Outcome, OutcomeClass};
use crate::provider::Provider;

/// How many outcomes the breaker looks back on, and how many of them must be bad for it to pause the provider.
const WINDOW: usize = 20;
const BAD: usize = WINDOW / 2;
/// The first pause and the longest one; each pause is twice as long as the one before until one message succeeds.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Pauses a provider that refuses the account ([`Blocked`](OutcomeClass::Blocked)) or does not serve (half of the
/// last 20 outcomes `NotSent`, `Unknown` or an [outage](Outcome::outage)), so that an outage costs a handful of messages
/// and not the backlog. A new breaker lets one call through, and the others with its outcome.
///
/// After a pause the provider is probed, first by [`Account::check`](crate::Account::check) where there is one, then
/// by a single message; it resumes by itself. A person can [hold](Self::hold) the provider and let it go again.
#[derive(Debug, Default)]
pub struct Breaker {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    held: Option<Pause>,
    /// Whether each of the last outcomes was bad.
    window: VecDeque<bool>,
    /// Pauses since the last success.
    pauses: u32,
}

#[derive(Clone, Debug, Default)]
enum State {
    /// Nothing is known yet.
    #[default]
    Fresh,
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
    /// Who paused it; `None` where that was the provider's own doing.
    pub by: Option<String>,
    /// When the provider is probed next; `None` where a person has to resume it.
    pub until: Option<Instant>,
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
    /// A breaker that lets everything through, once the first call has shown that the provider serves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Why the provider is paused, if it is.
    pub fn pause(&self) -> Option<Pause> {
        let inner = self.lock();
        if inner.held.is_some() {
            return inner.held.clone();
        }
        match &inner.state {
            State::Fresh | State::Closed => None,
            State::Paused(pause) | State::Trial(pause) => Some(pause.clone()),
        }
    }

    /// Waits until something may be submitted. Called by one task at a time, and each [`Admission::One`] is followed
    /// by a [`record`](Self::record) or a [`cancel_trial`](Self::cancel_trial).
    pub async fn admit(&self, provider: &dyn Provider) -> Admission {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From now on, so that no change between the look and the wait is missed.
            changed.as_mut().enable();
            let (state, held) = {
                let inner = self.lock();
                (inner.state.clone(), inner.held.is_some())
            };
            match state {
                _ if held => changed.await,
                State::Fresh | State::Closed => return Admission::All,
                State::Trial(_) => {
                    // Bounded, should the outcome of the trial never be recorded.
                    if timeout(LONGEST_PAUSE, changed).await.is_err() {
                        self.cancel_trial();
                    }
                }
                State::Paused(Pause { until: Some(until), .. }) if until > Instant::now() => {
                    let _ = timeout_at(until, changed).await;
                }
                State::Paused(pause) => {
                    // After a person's word nobody asks whether the account is in order: the trial will tell.
                    if pause.until.is_some()
                        && let Some(account) = provider.account()
                        && let Err(error) = account.check().await
                    {
                        self.lock().pause(pause.code, error.to_string());
                        self.changed.notify_waiters();
                        continue;
                    }
                    self.lock().state = State::Trial(pause);
                    return Admission::One;
                }
            }
        }
    }

    /// Whether what was admitted may still start.
    pub fn still_admits(&self, admission: Admission) -> bool {
        let inner = self.lock();
        let open = match admission {
            Admission::All => matches!(inner.state, State::Fresh | State::Closed),
            Admission::One => matches!(inner.state, State::Trial(_)),
        };
        open && inner.held.is_none()
    }

    /// After a call was started: waits for its outcome where it is the first one, so that a provider that refuses the
    /// account from the start is asked once.
    pub async fn after_start(&self) {
        let changed = self.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let fresh = matches!(self.lock().state, State::Fresh);
        if fresh {
            // Bounded, should the outcome never be recorded.
            let _ = timeout(LONGEST_PAUSE, changed).await;
        }
    }

    /// Waits for the next change, or for the next outcome.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Says that the call did not take place: the next one may.
    pub fn cancel_trial(&self) {
        let mut inner = self.lock();
        if let State::Trial(pause) = &inner.state {
            inner.state = State::Paused(pause.clone());
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Learns from the outcomes of one call.
    pub fn record(&self, outcomes: &[Outcome]) {
        let mut inner = self.lock();
        for outcome in outcomes {
            inner.record(outcome);
        }
        if matches!(inner.state, State::Fresh) {
            inner.state = State::Closed;
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Pauses the provider until a person lets it go.
    pub fn hold(&self, by: impl Into<String>, reason: impl Into<String>) {
        let pause = Pause { code: None, reason: reason.into(), by: Some(by.into()), until: None };
        self.lock().held = Some(pause);
        self.changed.notify_waiters();
    }

    /// Ends a hold.
    pub fn let_go(&self) {
        self.lock().held = None;
        self.changed.notify_waiters();
    }

    /// Ends a hold and makes a trial due at once, by the word of a person: without asking the account first.
    pub fn resume(&self) {
        let mut inner = self.lock();
        inner.held = None;
        inner.pauses = 0;
        if let State::Paused(pause) = &mut inner.state {
            pause.until = None;
        }
        drop(inner);
        self.changed.notify_waiters();
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
            OutcomeClass::Deferred if !outcome.outage => self.serves(),
            OutcomeClass::NotSent | OutcomeClass::Unknown | OutcomeClass::Deferred => {
                self.remember(true);
                let bad = self.window.iter().filter(|bad| **bad).count();
                if bad >= BAD || matches!(self.state, State::Trial(_)) {
                    self.pause(outcome.code, reason());
                }
            }
            OutcomeClass::Accepted | OutcomeClass::Rejected => self.serves(),
        }
    }

    /// The provider did its work on a message.
    fn serves(&mut self) {
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

    fn remember(&mut self, bad: bool) {
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(bad);
    }

    fn pause(&mut self, code: Option<i32>, reason: String) {
        if let State::Paused(pause) = &self.state
            && pause.until.is_none_or(|until| until > Instant::now())
        {
            return;
        }
        let length = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(10)).min(LONGEST_PAUSE);
        self.pauses += 1;
        tracing::warn!(code, reason, pause_seconds = length.as_secs(), "provider paused");
        self.state = State::Paused(Pause { code, reason, by: None, until: Some(Instant::now() + length) });
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
    async fn an_outage_pauses_as_silence_does_and_a_refusal_of_one_message_does_not() {
        let (breaker, deferred) = (Breaker::new(), Outcome::deferred(220, "busy"));
        breaker.record(&vec![deferred.clone(); WINDOW]);
        assert_eq!(breaker.pause(), None);
        breaker.record(&vec![deferred.of_the_service(); BAD]);
        assert_eq!(breaker.pause().map(|pause| pause.code), Some(Some(220)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_provider_gets_nothing_until_it_is_resumed() {
        let (breaker, provider) = (Breaker::new(), RecordingProvider::new());
        breaker.hold("olga", "works at the operator's");
        assert_eq!(breaker.pause().map(|pause| pause.by), Some(Some("olga".to_owned())));
        assert!(!breaker.still_admits(Admission::All));
        let hour = Duration::from_hours(1);
        assert!(timeout(hour, breaker.admit(&provider)).await.is_err());
        let (admission, ()) = tokio::join!(breaker.admit(&provider), async { breaker.resume() });
        assert_eq!(admission, Admission::All);
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_can_have_a_trial_at_once_whatever_the_account_says() {
        let breaker = Breaker::new();
        breaker.record(&[Outcome::blocked(201, "no money")]);
        let before = Instant::now();
        let (admission, ()) = tokio::join!(breaker.admit(&BrokenAccount), async { breaker.resume() });
        assert_eq!((admission, before.elapsed()), (Admission::One, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_call_is_waited_for_and_no_other_is() {
        let breaker = Breaker::new();
        let second = timeout(Duration::from_secs(10), breaker.after_start()).await;
        assert!(second.is_err(), "a second call was let through before the outcome of the first");
        breaker.record(&[Outcome::accepted("1")]);
        timeout(Duration::ZERO, breaker.after_start()).await.expect("nothing to wait for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_success_of_a_call_begun_before_does_not_end_the_pause() {
        let breaker = Breaker::new();
        breaker.record(&[Outcome::blocked(201, "no money"), Outcome::accepted("1")]);
        assert!(breaker.pause().is_some());
    }
}
