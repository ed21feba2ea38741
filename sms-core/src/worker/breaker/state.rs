//! State of a breaker and its changes. Pure: no waiting, no calls.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::pause::{Admission, EndsBy, Pause};
use crate::provider::outcome::{Outcome, OutcomeClass};

/// Number of outcomes that the breaker remembers, and how many of them must be bad for it to pause
/// the provider.
pub(super) const WINDOW: usize = 20;
pub(super) const BAD: usize = WINDOW / 2;
/// The first pause and the longest one; each pause is twice as long as the one before until one
/// message succeeds.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(2);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// The longest pause that a check of the account can end: the check costs nothing, and its answer
/// should be shown within a minute.
const LONGEST_CHECKED_PAUSE: Duration = Duration::from_secs(30);
/// An outcome that is not recorded within this time never is.
const LOST_AFTER: Duration = Duration::from_mins(1);
/// The longest an urgent message waits for the outcome of a first call, or for the account.
pub(super) const URGENT_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) state: State,
    pub(super) held: Option<Pause>,
    /// Shown while the connection of the provider cannot be opened.
    pub(super) unopened: Option<Pause>,
    /// For each of the last outcomes, true if it was bad.
    window: VecDeque<bool>,
    /// Pauses since the last success.
    pauses: u32,
    pub(super) served_at: Option<Instant>,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    /// Nothing is known yet. Since when a first call is on its way, if one is.
    Fresh(Option<Instant>),
    Closed,
    Paused(Pause),
    Trial(Trial),
}

impl Default for State {
    fn default() -> Self {
        Self::Fresh(None)
    }
}

/// The pause is over as far as time and the account go: the outcome of one message decides.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) pause: Pause,
    /// Since when the message is on its way, if one is.
    pub(super) asked: Option<Instant>,
    /// Why the pause is not shown any more.
    pub(super) ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// A check of the account or another worker's message showed that the reason is gone.
    Shown,
    /// A person said so.
    Resumed,
}

/// Permission for a call to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Now,
    /// To be looked at again when something changes, at this time at the latest.
    Later(Instant),
    Never,
}

impl Inner {
    pub(super) fn pause_shown(&self) -> Option<Pause> {
        match &self.state {
            _ if self.held.is_some() => self.held.clone(),
            _ if self.unopened.is_some() => self.unopened.clone(),
            State::Paused(pause) => Some(pause.clone()),
            State::Trial(Trial { pause, ended: None, .. }) => {
                Some(Pause { until: None, ends_by: EndsBy::NextMessage, ..pause.clone() })
            }
            State::Fresh(_) | State::Closed | State::Trial(_) => None,
        }
    }

    pub(super) fn paused(&self) -> Option<Pause> {
        if let State::Paused(pause) = &self.state { Some(pause.clone()) } else { None }
    }

    /// Admission for a pull; the error is the latest time to check again.
    pub(super) fn admission(&self) -> Result<Admission, Option<Instant>> {
        if self.held.is_some() {
            return Err(None);
        }
        let (admission, asked) = match &self.state {
            State::Closed => return Ok(Admission::All),
            State::Paused(_) => return Err(None),
            State::Fresh(asked) => (Admission::All, asked),
            State::Trial(trial) => (Admission::One, &trial.asked),
        };
        match asked {
            Some(at) if *at + LOST_AFTER > Instant::now() => Err(Some(*at + LOST_AFTER)),
            _ => Ok(admission),
        }
    }

    pub(super) fn start(&mut self, admission: Admission, urgent: bool) -> Start {
        if self.held.is_some() {
            return Start::Never;
        }
        let now = Instant::now();
        if let State::Paused(pause) = &self.state
            && urgent
            && is_overdue(pause, now)
        {
            self.state = State::Trial(Trial { pause: pause.clone(), asked: None, ended: None });
        }
        let (asked, is_trial) = match &mut self.state {
            State::Closed => return Start::Now,
            State::Paused(_) => return Start::Never,
            State::Trial(_) if admission == Admission::All => return Start::Never,
            State::Fresh(asked) => (asked, false),
            State::Trial(trial) => (&mut trial.asked, true),
        };
        match *asked {
            Some(at) if at + LOST_AFTER > now => match at + URGENT_PATIENCE {
                patient if urgent && patient <= now => Start::Now,
                patient if urgent => Start::Later(patient),
                // With the queue others can have it.
                _ if is_trial => Start::Never,
                _ => Start::Later(at + LOST_AFTER),
            },
            _ => {
                *asked = Some(now);
                Start::Now
            }
        }
    }

    pub(super) fn admits_urgent(&self) -> bool {
        let now = Instant::now();
        let patient = |asked: &Option<Instant>| asked.is_none_or(|at| at + URGENT_PATIENCE <= now);
        self.held.is_none()
            && match &self.state {
                State::Closed => true,
                State::Paused(pause) => is_overdue(pause, now),
                State::Fresh(asked) => patient(asked),
                State::Trial(trial) => patient(&trial.asked),
            }
    }

    pub(super) fn still_admits(&self, admission: Admission) -> bool {
        self.held.is_none()
            && match &self.state {
                State::Fresh(_) | State::Closed => true,
                State::Paused(_) => false,
                State::Trial(_) => admission == Admission::One,
            }
    }

    pub(super) fn call_off(&mut self, admission: Admission) {
        match &mut self.state {
            State::Fresh(asked) => *asked = None,
            // A batch was admitted before the pause and has no part in the trial.
            State::Trial(trial) if admission == Admission::One => trial.asked = None,
            State::Trial(_) | State::Closed | State::Paused(_) => {}
        }
    }

    /// The first call has shown no reason for a pause.
    pub(super) fn end_fresh(&mut self) {
        if matches!(self.state, State::Fresh(_)) {
            self.state = State::Closed;
        }
    }

    /// `covered`: whether a check of the account looks at the reason behind a code.
    pub(super) fn record(&mut self, outcome: &Outcome, covered: impl Fn(i32) -> bool) {
        match outcome.class {
            OutcomeClass::Blocked => {
                let by_check = outcome.code.is_some_and(covered);
                self.pause(pause_after(
                    outcome,
                    if by_check { EndsBy::AccountCheck } else { EndsBy::NextMessage },
                ));
            }
            OutcomeClass::Deferred if !outcome.outage => self.serves(),
            OutcomeClass::Unknown if outcome.isolated => self.serves(),
            OutcomeClass::NotSent | OutcomeClass::Unknown | OutcomeClass::Deferred => {
                self.remember(true);
                let bad = self.window.iter().filter(|bad| **bad).count();
                if bad >= BAD || matches!(self.state, State::Trial(_)) {
                    self.pause(pause_after(outcome, EndsBy::NextMessage));
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
            self.served_at = Some(Instant::now());
        }
    }

    fn remember(&mut self, bad: bool) {
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(bad);
    }

    /// Begins a pause, or makes one that is over longer.
    pub(super) fn pause(&mut self, pause: Pause) {
        let now = Instant::now();
        if self.paused().is_some_and(|pause| pause.until.is_none_or(|until| until > now)) {
            return;
        }
        let longest = if pause.ends_by == EndsBy::AccountCheck {
            LONGEST_CHECKED_PAUSE
        } else {
            LONGEST_PAUSE
        };
        let length = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(10)).min(longest);
        self.pauses += 1;
        tracing::warn!(
            code = pause.code,
            reason = pause.reason,
            pause_seconds = length.as_secs(),
            "provider paused"
        );
        self.state = State::Paused(Pause { until: Some(now + length), at: now, ..pause });
    }

    /// The time of a pause is over, and the account in order as far as it tells.
    pub(super) fn end_pause(&mut self, pause: &Pause) {
        let ended = (pause.ends_by == EndsBy::AccountCheck).then_some(Ended::Shown);
        if ended.is_some() {
            tracing::info!("the account is in order again: resumed");
        }
        self.state = State::Trial(Trial { pause: pause.clone(), asked: None, ended });
    }

    /// Ends a pause by another worker's success at this time; true if there was one to end.
    pub(super) fn served_elsewhere(&mut self, at: Instant) -> bool {
        let (pause, asked) = match &self.state {
            State::Paused(pause) => (pause, None),
            State::Trial(Trial { pause, asked, ended: None | Some(Ended::Resumed) }) => {
                (pause, *asked)
            }
            State::Fresh(_) | State::Closed | State::Trial(_) => return false,
        };
        let ends = pause.at < at;
        if ends {
            self.state =
                State::Trial(Trial { pause: pause.clone(), asked, ended: Some(Ended::Shown) });
        }
        ends
    }

    pub(super) fn retry_now(&mut self) {
        self.held = None;
        self.pauses = 0;
        let (pause, asked) = match &self.state {
            State::Paused(pause) => (pause, None),
            State::Trial(Trial { pause, asked, ended: None }) => (pause, *asked),
            State::Fresh(_) | State::Closed | State::Trial(_) => return,
        };
        self.state =
            State::Trial(Trial { pause: pause.clone(), asked, ended: Some(Ended::Resumed) });
    }
}

fn pause_after(outcome: &Outcome, ends_by: EndsBy) -> Pause {
    let reason = outcome.text.clone().unwrap_or_else(|| outcome.class.as_str().to_owned());
    let (code, provider, at) = (outcome.code, outcome.provider.clone(), Instant::now());
    Pause { code, reason, by: None, until: None, ends_by, provider, at }
}

/// True if a pause is over and the question about the account takes longer than an urgent message
/// can wait.
fn is_overdue(pause: &Pause, now: Instant) -> bool {
    pause.until.is_some_and(|until| until + URGENT_PATIENCE <= now)
}
