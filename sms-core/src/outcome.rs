//! What a provider answered, and what follows from it: the table of outcome classes is this file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::class::OnUnknown;
use crate::retry::RetryPolicy;

/// The answer to one question, asked of every result: *could the provider have accepted the
/// message?*
///
/// | class | when | accepted? | then |
/// | --- | --- | --- | --- |
/// | `Accepted` | per-recipient success | yes | `sent` |
/// | `Rejected` | per-recipient final refusal | no | `failed` |
/// | `Deferred` | per-recipient refusal that may pass later | no | `queued`, attempt counted |
/// | `Blocked` | account-level refusal: bad key, no money, daily limit | no | `queued`, attempt not counted; the provider pauses |
/// | `NotSent` | DNS, connect, TLS, pool: no byte was written | no | `queued`, attempt counted |
/// | `Unknown` | everything else | perhaps | `unknown`, or one recorded resend |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeClass {
    /// The provider took this recipient's message.
    Accepted,
    /// The provider refused this recipient's message for good.
    Rejected,
    /// The provider refused this recipient's message for now.
    Deferred,
    /// The provider refuses the whole account for now.
    Blocked,
    /// No byte of the request was written.
    NotSent,
    /// Nobody can tell: read timeout, reset, unreadable or incomplete reply, 5xx without a verdict,
    /// panic.
    Unknown,
}

impl OutcomeClass {
    /// The name used in JSON and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Deferred => "deferred",
            Self::Blocked => "blocked",
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
        }
    }
}

/// The result of one submission to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Could it have been accepted?
    pub class: OutcomeClass,
    /// The provider's own id of the message; receipts bear it.
    pub provider_id: Option<String>,
    /// The provider's code.
    pub code: Option<i32>,
    /// The provider's words, or the reason. Never the message's text or number.
    pub text: Option<String>,
    /// For `Deferred` and `Blocked`: not to be repeated earlier than this.
    pub retry_after: Option<Duration>,
    /// For `Deferred`: the provider refuses because within this time it took the same text for the
    /// same number. Right after an attempt of unknown outcome that is evidence that this attempt
    /// was accepted.
    pub repeated_within: Option<Duration>,
    /// For `Deferred`: the refusal is about the service and not about this message, so the others
    /// can wait too.
    pub outage: bool,
    /// Which provider it was, where a combinator such as [`Failover`](crate::Failover) asked
    /// several.
    pub provider: Option<String>,
}

impl Outcome {
    pub(crate) fn new(class: OutcomeClass, code: Option<i32>, text: Option<String>) -> Self {
        Self {
            class,
            provider_id: None,
            code,
            text,
            retry_after: None,
            repeated_within: None,
            outage: false,
            provider: None,
        }
    }

    /// Accepted under the provider's own id.
    pub fn accepted(provider_id: impl Into<String>) -> Self {
        Self {
            provider_id: Some(provider_id.into()),
            ..Self::new(OutcomeClass::Accepted, None, None)
        }
    }

    /// Refused for good.
    pub fn rejected(code: i32, text: impl Into<String>) -> Self {
        Self::new(OutcomeClass::Rejected, Some(code), Some(text.into()))
    }

    /// Refused for now.
    pub fn deferred(code: i32, text: impl Into<String>) -> Self {
        Self::new(OutcomeClass::Deferred, Some(code), Some(text.into()))
    }

    /// The account is refused for now.
    pub fn blocked(code: i32, text: impl Into<String>) -> Self {
        Self::new(OutcomeClass::Blocked, Some(code), Some(text.into()))
    }

    /// No byte was written, and why.
    pub fn not_sent(reason: impl Into<String>) -> Self {
        Self::new(OutcomeClass::NotSent, None, Some(reason.into()))
    }

    /// Nobody can tell, and why.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::new(OutcomeClass::Unknown, None, Some(reason.into()))
    }

    /// Adds the provider's code.
    pub fn with_code(mut self, code: i32) -> Self {
        self.code = Some(code);
        self
    }

    /// Says that the provider took the same text for the same number within this time.
    pub fn with_repeated_within(mut self, time: Duration) -> Self {
        self.repeated_within = Some(time);
        self
    }

    /// Says that the refusal is about the service and not about this message.
    pub fn of_the_service(mut self) -> Self {
        self.outage = true;
        self
    }

    /// Adds the shortest wait before a repeat.
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }
}

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
        let refused = Outcome::deferred(231, "again?").with_repeated_within(window);
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
        let outcome = Outcome::deferred(231, "too many").with_retry_after(Duration::from_mins(1));
        let Verdict::Retry { after, .. } = verdict(FRESH, &outcome) else {
            unreachable!("deferred is retried")
        };
        assert!(after >= Duration::from_mins(1), "{after:?}");
    }
}
