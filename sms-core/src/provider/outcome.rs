//! Outcomes of a submission: this file is the table of outcome classes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The answer to one question, asked of every result: *could the provider have accepted the
/// message?*
///
/// | class | when | accepted? | then |
/// | --- | --- | --- | --- |
/// | `Accepted` | per-recipient success | yes | `sent` |
/// | `Rejected` | per-recipient final refusal | no | `failed` |
/// | `Deferred` | per-recipient refusal that may pass later | no | `queued`, attempt counted |
/// | `Blocked` | account-level refusal: key, money, daily limit | no | `queued`, not counted |
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
    /// The provider's own id of the message; receipts bear it. That of the first part, where the
    /// provider gave one for each.
    pub provider_id: Option<String>,
    /// The provider's ids of the further parts. Empty, which is the default, where
    /// [`provider_id`](Self::provider_id) stands for the whole message.
    pub more_provider_ids: Vec<String>,
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
    /// Name of the provider, where a combinator such as [`Failover`](crate::Failover) asked
    /// several.
    pub provider: Option<String>,
}

impl Outcome {
    pub(crate) fn new(class: OutcomeClass, code: Option<i32>, text: Option<String>) -> Self {
        Self {
            class,
            provider_id: None,
            more_provider_ids: Vec::new(),
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

    /// Accepted under one provider id for each part, in the order of the parts. The message is
    /// `delivered` when every part is, and `undelivered` as soon as one part is.
    ///
    /// Every part was accepted. If only some were, a repeat would send those twice: that outcome is
    /// [`unknown`](Self::unknown).
    ///
    /// ```
    /// use sms_core::Outcome;
    ///
    /// let outcome = Outcome::accepted_parts(["7f01", "7f02", "7f03"]);
    /// assert_eq!(outcome.provider_id.as_deref(), Some("7f01"));
    /// assert!(outcome.provider_ids().eq(["7f01", "7f02", "7f03"]));
    /// ```
    pub fn accepted_parts<T: Into<String>>(provider_ids: impl IntoIterator<Item = T>) -> Self {
        let mut ids = provider_ids.into_iter().map(T::into);
        Self {
            provider_id: ids.next(),
            more_provider_ids: ids.collect(),
            ..Self::new(OutcomeClass::Accepted, None, None)
        }
    }

    /// The different provider ids: none, that of the whole message, or one for each part.
    pub fn provider_ids(&self) -> impl Iterator<Item = &str> + Clone {
        let (first, more) = (self.provider_id.as_deref(), &self.more_provider_ids);
        let is_new = move |(place, id): &(usize, &String)| {
            first != Some(id.as_str()) && !more[..*place].contains(id)
        };
        let further = more.iter().enumerate().filter(is_new).map(|(_, id)| id.as_str());
        first.into_iter().chain(further)
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

    /// Sets [`code`](Self::code).
    pub fn code(mut self, code: i32) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets [`repeated_within`](Self::repeated_within).
    pub fn repeated_within(mut self, time: Duration) -> Self {
        self.repeated_within = Some(time);
        self
    }

    /// Says that the refusal is about the service and not about this message.
    pub fn of_the_service(mut self) -> Self {
        self.outage = true;
        self
    }

    /// Sets [`retry_after`](Self::retry_after).
    pub fn retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(outcome: &Outcome) -> Vec<&str> {
        outcome.provider_ids().collect()
    }

    #[test]
    fn an_id_that_stands_for_several_parts_is_one_id() {
        assert_eq!(ids(&Outcome::accepted("a")), ["a"]);
        assert_eq!(ids(&Outcome::accepted_parts(["a", "b", "a", "b", "c"])), ["a", "b", "c"]);
        assert_eq!(ids(&Outcome::accepted_parts(["a", "a"])), ["a"]);
        assert!(ids(&Outcome::accepted_parts::<String>([])).is_empty());
    }
}
