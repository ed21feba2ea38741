//! The breaker: pauses a provider that does not work, and tries it again.

mod pause;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

pub use self::pause::{Admission, EndsBy, Pause};
use self::state::{Ended, Inner, Start, State, Trial};
use crate::error::Error;
use crate::provider::outcome::Outcome;
use crate::provider::{Account, Provider};

/// The longest a question about the account may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);

/// Pauses a provider that refuses the account ([`Blocked`](crate::OutcomeClass::Blocked)) or does
/// not serve (half of the last 20 outcomes `NotSent`, `Unknown` or an [outage](Outcome::outage)),
/// so that an outage costs a handful of messages and not the backlog. A new breaker lets one call
/// through, and the others with its outcome.
///
/// After a pause the account is checked, where the provider has one. Where that
/// [covers](Account::covers) the reason of the pause, it ends the pause; otherwise the next message
/// is to prove that the provider serves, and until then the pause is shown as
/// [such](EndsBy::NextMessage). Either way the first message goes alone. A person can
/// [pause](Self::pause_by) the provider and [resume](Self::unpause) it.
///
/// An urgent message waits for the outcome of such a first call for a second at most; then it goes
/// too, by itself.
#[derive(Debug)]
pub struct Breaker {
    provider: Arc<dyn Provider>,
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Breaker {
    /// A breaker that lets everything through, once the first call has shown that this provider
    /// serves.
    pub fn new(provider: impl Provider) -> Self {
        Self { provider: Arc::new(provider), inner: Mutex::default(), changed: Notify::new() }
    }

    /// Why the provider is paused, if it is.
    pub fn pause_reason(&self) -> Option<Pause> {
        self.lock().pause_shown()
    }

    /// True if an operator resumed the provider and no message has shown yet that it works.
    pub fn is_unproven(&self) -> bool {
        matches!(&self.lock().state, State::Trial(Trial { ended: Some(Ended::Resumed), .. }))
    }

    /// Time at which the provider last processed a message.
    pub fn served_at(&self) -> Option<Instant> {
        self.lock().served_at
    }

    /// Waits until something may be pulled. Called by one task at a time.
    pub async fn admit(&self) -> Admission {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the state is read, so that no change in between is missed.
            changed.as_mut().enable();
            let admission = self.lock().admission();
            match admission {
                Ok(admission) => return admission,
                Err(None) => changed.await,
                Err(Some(until)) => {
                    let _ = timeout_at(until, changed).await;
                }
            }
        }
    }

    /// Waits until a call that was admitted may start; `false` when it may not any more. Each call
    /// that starts is followed by a [`record`](Self::record) or a [`call_off`](Self::call_off).
    ///
    /// Where nothing is proven, one call starts and the others wait for its outcome, an urgent one
    /// for a second.
    pub async fn start(&self, admission: Admission, urgent: bool) -> bool {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let start = self.lock().start(admission, urgent);
            match start {
                Start::Now => return true,
                Start::Never => return false,
                Start::Later(at) => {
                    let _ = timeout_at(at, changed).await;
                }
            }
        }
    }

    /// True if an urgent message by itself could [start](Self::start) now.
    pub fn admits_urgent(&self) -> bool {
        self.lock().admits_urgent()
    }

    /// True if an attempt that was started may still be submitted.
    pub fn still_admits(&self, admission: Admission) -> bool {
        self.lock().still_admits(admission)
    }

    /// Says that a call that was started did not take place: the next one may.
    pub fn call_off(&self, admission: Admission) {
        self.lock().call_off(admission);
        self.changed.notify_waiters();
    }

    /// Waits for the next change, or for the next outcome.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Learns from the outcomes of one call.
    pub fn record(&self, outcomes: &[Outcome]) {
        let mut inner = self.lock();
        for outcome in outcomes {
            let covered =
                |code| self.account(outcome.provider.as_deref()).is_some_and(|it| it.covers(code));
            inner.record(outcome, covered);
        }
        inner.end_fresh();
        drop(inner);
        self.changed.notify_waiters();
    }

    /// True if a pause waits for proof that the provider works.
    pub fn wants_proof(&self) -> bool {
        matches!(
            &self.lock().state,
            State::Paused(_) | State::Trial(Trial { ended: None | Some(Ended::Resumed), .. })
        )
    }

    /// Learns that another worker's message was accepted at this time, which ends a pause that
    /// began before.
    pub fn served_elsewhere(&self, at: Instant) {
        if self.lock().served_elsewhere(at) {
            tracing::info!("the provider serves another worker: resumed");
            self.changed.notify_waiters();
        }
    }

    /// Pauses the provider until a person lets it go.
    pub fn pause_by(&self, by: impl Into<String>, reason: impl Into<String>) {
        self.lock().held = Some(Pause {
            code: None,
            reason: reason.into(),
            by: Some(by.into()),
            until: None,
            ends_by: EndsBy::Person,
            provider: None,
            at: Instant::now(),
        });
        self.changed.notify_waiters();
    }

    /// Ends a hold.
    pub fn unpause(&self) {
        self.lock().held = None;
        self.changed.notify_waiters();
    }

    /// Ends a hold and any pause, by the word of a person and without asking the account first: the
    /// next message is to show whether the provider serves.
    pub fn retry_now(&self) {
        self.lock().retry_now();
        self.changed.notify_waiters();
    }

    /// Shows the provider as paused because its connection could not be opened, until
    /// [`opened`](Self::opened). It is the worker that sends nothing meanwhile.
    pub(crate) fn not_opened(&self, error: &Error, next_try: Duration) {
        let at = Instant::now();
        let reason = format!("the provider could not be opened: {error}");
        let (until, ends_by) = (Some(at + next_try), EndsBy::Connection);
        self.lock().unopened =
            Some(Pause { code: None, reason, by: None, until, ends_by, provider: None, at });
        self.changed.notify_waiters();
    }

    /// Ends the pause of [`not_opened`](Self::not_opened).
    pub(crate) fn opened(&self) {
        if self.lock().unopened.take().is_some() {
            self.changed.notify_waiters();
        }
    }

    /// Checks the account whenever a pause is over, until this is dropped. One task of a worker
    /// runs it, so that a pause ends also where no message waits.
    pub async fn tend(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let paused = self.lock().paused();
            match paused.as_ref().and_then(|pause| pause.until) {
                None => changed.await,
                Some(until) if until > Instant::now() => {
                    let _ = timeout_at(until, changed).await;
                }
                Some(_) => {
                    if let Some(pause) = paused {
                        self.probe(&pause).await;
                    }
                }
            }
        }
    }

    async fn probe(&self, pause: &Pause) {
        let checked = match self.account(pause.provider.as_deref()) {
            None => Ok(()),
            Some(account) => {
                let timed_out =
                    |error| Err(Error::unavailable("the account was not told in time", error));
                timeout(CHECK_TIMEOUT, account.check()).await.unwrap_or_else(timed_out)
            }
        };
        let mut inner = self.lock();
        // A person, another worker or an urgent message may have been faster.
        if inner.paused().as_ref() == Some(pause) {
            match checked {
                Ok(()) => inner.end_pause(pause),
                Err(error) => inner.pause(Pause { reason: error.to_string(), ..pause.clone() }),
            }
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// The account of the provider of this name, or of the whole.
    fn account(&self, name: Option<&str>) -> Option<&dyn Account> {
        name.and_then(|name| self.provider.member(name)).unwrap_or(&*self.provider).account()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
