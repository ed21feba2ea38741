//! Decision about what follows from an outcome.

use std::time::Duration;

use crate::message::OnUnknown;
use crate::provider::outcome::{Outcome, OutcomeClass};
use crate::store::retry::RetryPolicy;

/// What the owner of an attempt writes about it: the second half of the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `sending → sent`.
    Sent,
    /// `sending → queued`: due again in `after`.
    Retry {
        /// How long to wait.
        after: Duration,
        /// Whether the attempt counts against the limit.
        counted: bool,
    },
    /// `sending → sent` although the provider refused: it refused a repeat as one, right after an
    /// attempt of unknown outcome, which it therefore accepted. Recorded as an inference.
    SentBefore,
    /// `sending → failed`.
    Failed,
    /// `sending → unknown`.
    Unknown,
    /// `sending → queued` although the provider may have accepted it, by policy, and recorded as a
    /// resend; `sending → unknown` when the deadline would be past by then.
    Resend {
        /// How long to wait for evidence first.
        after: Duration,
    },
}

/// What an attempt knows about its message: the input of [`decide`] beside the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptState {
    /// Counted attempts, this one included.
    pub attempt: u32,
    /// The limit of counted attempts.
    pub max_attempts: u32,
    /// Resends already made after unknown outcomes.
    pub resends: u32,
    /// The message's policy.
    pub on_unknown: OnUnknown,
    /// How long before this attempt the last one of unknown outcome began; `None` where there was
    /// none.
    pub unknown_before: Option<Duration>,
}

/// After an account-level refusal the message is due again at once; it is the provider that pauses.
const AFTER_BLOCKED: Duration = Duration::from_secs(5);

/// How long a resend waits for a late reply or a receipt of the attempt before it.
pub const RESEND_AFTER: Duration = Duration::from_secs(5);

/// Decides what becomes of a message. `random` is uniform in `0.0..1.0` and jitters the retry.
pub fn decide(state: AttemptState, outcome: &Outcome, retry: &RetryPolicy, random: f64) -> Verdict {
    // An earlier attempt of unknown outcome may have got through: only all-definite is a failure.
    let refused = if state.resends > 0 { Verdict::Unknown } else { Verdict::Failed };
    match outcome.class {
        OutcomeClass::Accepted => Verdict::Sent,
        OutcomeClass::Blocked => {
            Verdict::Retry { after: outcome.retry_after.unwrap_or(AFTER_BLOCKED), counted: false }
        }
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

/// Whether a refusal says that an attempt of unknown outcome was accepted: as a repeat, within the
/// time in which the provider looks for repeats.
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
