//! Decision about a message after an attempt.

use std::time::Duration;

use crate::message::OnUnknown;
use crate::provider::outcome::{Outcome, OutcomeClass};
use crate::store::retry::RetryPolicy;

/// Change that the owner of an attempt writes after its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `sending → sent`.
    Sent,
    /// `sending → queued`: due again in `after`.
    Retry {
        /// Time until the message is due again.
        after: Duration,
        /// True if the attempt counts towards the limit.
        counted: bool,
    },
    /// `sending → sent` although the provider refused: it refused the message as a duplicate, right
    /// after an attempt of unknown outcome. So it accepted that earlier attempt. Recorded as an
    /// inference.
    SentBefore,
    /// `sending → failed`.
    Failed,
    /// `sending → unknown`.
    Unknown,
    /// `sending → queued` by policy, although the provider may have accepted it; recorded as a
    /// resend. `sending → unknown` when the deadline would be past by then.
    Resend {
        /// Time to wait for evidence before the resend.
        after: Duration,
    },
}

/// State of a message during an attempt: the input of [`decide`] in addition to the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptState {
    /// Counted attempts, including this one.
    pub attempt: u32,
    /// Maximum number of counted attempts.
    pub max_attempts: u32,
    /// Resends already made after unknown outcomes.
    pub resends: u32,
    /// The message's policy.
    pub on_unknown: OnUnknown,
    /// Time from the start of the last attempt of unknown outcome to the start of this one; `None`
    /// without such an attempt.
    pub unknown_before: Option<Duration>,
}

impl AttemptState {
    /// Counted attempt number `attempt`, without an earlier attempt of unknown outcome.
    pub const fn new(attempt: u32, max_attempts: u32, resends: u32, on_unknown: OnUnknown) -> Self {
        Self { attempt, max_attempts, resends, on_unknown, unknown_before: None }
    }

    /// Sets [`unknown_before`](Self::unknown_before).
    pub fn unknown_before(mut self, unknown_before: impl Into<Option<Duration>>) -> Self {
        self.unknown_before = unknown_before.into();
        self
    }
}

/// Time after which a message is due again after an account-level refusal. It is short, because the
/// provider is paused, not the message.
const RETRY_AFTER_BLOCKED: Duration = Duration::from_secs(5);

/// Time for which a resend waits for a late answer or a receipt of the attempt before it.
pub const RESEND_AFTER: Duration = Duration::from_secs(5);

/// Decides about a message after an attempt. `random` is uniform in `0.0..1.0` and jitters the
/// retry.
pub fn decide(state: AttemptState, outcome: &Outcome, retry: &RetryPolicy, random: f64) -> Verdict {
    // The provider may have accepted an earlier attempt of unknown outcome, so the message has
    // failed only if all its outcomes are definite.
    let refused = if state.resends > 0 { Verdict::Unknown } else { Verdict::Failed };
    match outcome.class {
        OutcomeClass::Accepted => Verdict::Sent,
        OutcomeClass::Blocked => Verdict::Retry {
            after: outcome.retry_after.unwrap_or(RETRY_AFTER_BLOCKED),
            counted: false,
        },
        OutcomeClass::Deferred if is_evidence(state, outcome) => Verdict::SentBefore,
        OutcomeClass::Deferred | OutcomeClass::NotSent if state.attempt < state.max_attempts => {
            let backoff = retry.delay(state.attempt, random);
            let after = outcome.retry_after.map_or(backoff, |least| least + backoff);
            Verdict::Retry { after, counted: true }
        }
        OutcomeClass::Rejected | OutcomeClass::Deferred | OutcomeClass::NotSent => refused,
        OutcomeClass::Unknown if state.resends < state.on_unknown.resends() => {
            Verdict::Resend { after: RESEND_AFTER }
        }
        OutcomeClass::Unknown => Verdict::Unknown,
    }
}

/// Returns true if a refusal shows that an attempt of unknown outcome was accepted: it is the
/// refusal of a duplicate, within the time in which the provider detects duplicates.
fn is_evidence(state: AttemptState, outcome: &Outcome) -> bool {
    let within = state.unknown_before.zip(outcome.repeated_within);
    within.is_some_and(|(before, window)| before <= window)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: AttemptState = AttemptState {
        attempt: 1,
        max_attempts: 3,
        resends: 0,
        on_unknown: OnUnknown::Hold,
        unknown_before: None,
    };

    fn verdict(state: AttemptState, outcome: &Outcome) -> Verdict {
        decide(state, outcome, &RetryPolicy::default(), 0.5)
    }

    #[test]
    fn accepted_is_sent_and_rejected_is_failed() {
        assert_eq!(verdict(FRESH, &Outcome::accepted("1")), Verdict::Sent);
        assert_eq!(verdict(FRESH, &Outcome::rejected(202, "bad number")), Verdict::Failed);
    }

    #[test]
    fn a_repeat_refused_right_after_an_unknown_attempt_shows_that_it_was_accepted() {
        let window = Duration::from_mins(1);
        let refused = Outcome::deferred(231, "again?").repeated_within(window);
        let resent = AttemptState { attempt: 2, resends: 1, unknown_before: Some(window), ..FRESH };
        assert_eq!(verdict(resent, &refused), Verdict::SentBefore);
        let too_late =
            AttemptState { unknown_before: Some(window + Duration::from_millis(1)), ..resent };
        for state in [FRESH, too_late] {
            assert!(matches!(verdict(state, &refused), Verdict::Retry { counted: true, .. }));
        }
    }

    #[test]
    fn a_blocked_account_burns_no_attempt() {
        let last = AttemptState { attempt: 3, ..FRESH };
        assert!(matches!(
            verdict(last, &Outcome::blocked(201, "no money")),
            Verdict::Retry { counted: false, .. }
        ));
    }

    #[test]
    fn a_definite_no_is_retried_until_attempts_are_used_up() {
        for outcome in [Outcome::deferred(220, "busy"), Outcome::not_sent("refused")] {
            assert!(matches!(verdict(FRESH, &outcome), Verdict::Retry { counted: true, .. }));
            assert_eq!(verdict(AttemptState { attempt: 3, ..FRESH }, &outcome), Verdict::Failed);
        }
    }

    #[test]
    fn a_definite_end_after_a_resend_is_unknown_not_failed() {
        let state =
            AttemptState { attempt: 3, resends: 1, on_unknown: OnUnknown::ResendOnce, ..FRESH };
        assert_eq!(verdict(state, &Outcome::not_sent("refused")), Verdict::Unknown);
        assert_eq!(verdict(state, &Outcome::rejected(202, "bad number")), Verdict::Unknown);
    }

    #[test]
    fn an_unknown_outcome_is_never_repeated_under_hold() {
        for attempt in 1..=3 {
            assert_eq!(
                verdict(AttemptState { attempt, ..FRESH }, &Outcome::unknown("timeout")),
                Verdict::Unknown
            );
        }
    }

    #[test]
    fn an_unknown_outcome_is_resent_once_and_only_once_by_policy() {
        let first = AttemptState { on_unknown: OnUnknown::ResendOnce, ..FRESH };
        assert!(matches!(verdict(first, &Outcome::unknown("timeout")), Verdict::Resend { .. }));
        let second = AttemptState { resends: 1, attempt: 2, ..first };
        assert_eq!(verdict(second, &Outcome::unknown("timeout")), Verdict::Unknown);
    }

    #[test]
    fn a_providers_shortest_wait_is_kept() {
        let outcome = Outcome::deferred(231, "too many").retry_after(Duration::from_mins(1));
        let Verdict::Retry { after, .. } = verdict(FRESH, &outcome) else {
            unreachable!("deferred is retried")
        };
        assert!(after >= Duration::from_mins(1), "{after:?}");
    }
}
