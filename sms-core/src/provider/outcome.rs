//! Outcomes of a submission, and the table of their classes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Class of an outcome. It answers one question: *could the provider have accepted the message?*
///
/// | class | when | accepted? | then |
/// | --- | --- | --- | --- |
/// | `Accepted` | success for this recipient | yes | `sent` |
/// | `Rejected` | final refusal of this recipient | no | `failed` |
/// | `Deferred` | temporary refusal of this recipient | no | `queued`, attempt counted |
/// | `Blocked` | account refused: key, balance, daily limit | no | `queued`, not counted |
/// | `NotSent` | DNS, connect, TLS, pool: no byte was written | no | `queued`, attempt counted |
/// | `Unknown` | everything else | perhaps | `unknown`, or one recorded resend |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeClass {
    /// The provider accepted the message for this recipient.
    Accepted,
    /// The provider refused the message for this recipient. A retry would not help.
    Rejected,
    /// The provider refused the message for this recipient. A retry may help.
    Deferred,
    /// The provider refuses all messages of the account until something changes there.
    Blocked,
    /// No byte of the request was written.
    NotSent,
    /// It is not known: read timeout, reset, unreadable or incomplete reply, 5xx without a result
    /// for the message, panic.
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
    /// Class of the outcome.
    pub class: OutcomeClass,
    /// The provider's id of the message, or of its first part where the provider gave one id for
    /// each. Receipts contain it.
    pub provider_id: Option<String>,
    /// The provider's ids of the further parts. Empty, which is the default, where
    /// [`provider_id`](Self::provider_id) stands for the whole message.
    pub more_provider_ids: Vec<String>,
    /// The provider's code.
    pub code: Option<i32>,
    /// The provider's text, or the reason. Never the text or the number of the message.
    pub text: Option<String>,
    /// For `Deferred` and `Blocked`: time until the earliest retry.
    pub retry_after: Option<Duration>,
    /// For `Deferred`: the provider refuses the message because it accepted the same text for the
    /// same number within this time. After an attempt of unknown outcome this is evidence that the
    /// attempt was accepted.
    pub repeated_within: Option<Duration>,
    /// For `Deferred`: the refusal concerns the whole service and not this message, so that other
    /// messages wait too.
    pub outage: bool,
    /// For `Unknown`: the outcome concerns this message and not the whole service, so that it is no
    /// reason to pause the provider.
    pub isolated: bool,
    /// Name of the provider that answered, set by a combinator such as
    /// [`Failover`](crate::Failover).
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
            isolated: false,
            provider: None,
        }
    }

    /// An acceptance with the provider's id of the message.
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

    /// A final refusal, with its code and text.
    pub fn rejected(code: i32, text: impl Into<String>) -> Self {
        Self::new(OutcomeClass::Rejected, Some(code), Some(text.into()))
    }

    /// A temporary refusal, with its code and text.
    pub fn deferred(code: i32, text: impl Into<String>) -> Self {
        Self::new(OutcomeClass::Deferred, Some(code), Some(text.into()))
    }

    /// A refusal of the account, with its code and text.
    pub fn blocked(code: i32, text: impl Into<String>) -> Self {
        Self::new(OutcomeClass::Blocked, Some(code), Some(text.into()))
    }

    /// A request of which no byte was written, and the reason.
    pub fn not_sent(reason: impl Into<String>) -> Self {
        Self::new(OutcomeClass::NotSent, None, Some(reason.into()))
    }

    /// An outcome that is not known, and the reason.
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

    /// Sets [`outage`](Self::outage).
    pub fn outage(mut self, outage: bool) -> Self {
        self.outage = outage;
        self
    }

    /// Sets [`isolated`](Self::isolated).
    pub fn isolated(mut self, isolated: bool) -> Self {
        self.isolated = isolated;
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
