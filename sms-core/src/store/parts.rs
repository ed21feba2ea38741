//! Parts of a message that have a provider id each, and the law of their receipts.
//!
//! Most providers give a message one id. Others give one for each part, and report on each part by
//! itself. Then the message is `delivered` when all its parts are, and `undelivered` as soon as one
//! is, whatever the order of the receipts. Without parts, nothing is stored here: the message and
//! its only id are enough.

use serde::{Deserialize, Serialize};

use crate::clock::millis::datetime_to_ms;
use crate::provider::receipt::Receipt;
use crate::provider::status_queries::ProviderRef;
use crate::store::status::Status;

/// One part of a message, under its own provider id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Part {
    /// Number of the attempt that was accepted ([`Begun::fence`](crate::store::Begun::fence)).
    pub attempt: u32,
    /// The provider's name.
    pub provider: String,
    /// The provider's id of the part.
    pub provider_id: String,
    /// State of the part: `sent`, `delivered` or `undelivered`.
    pub status: Status,
    /// The code of its newest receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Time at which its newest receipt was made, by the provider's clock, in milliseconds since
    /// the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_at: Option<i64>,
}

impl Part {
    /// A part that was just accepted.
    pub fn new(attempt: u32, provider: impl Into<String>, provider_id: impl Into<String>) -> Self {
        Self {
            attempt,
            provider: provider.into(),
            provider_id: provider_id.into(),
            status: Status::Sent,
            code: None,
            receipt_at: None,
        }
    }

    fn has_name(&self, provider: &str, provider_id: &str) -> bool {
        self.provider_id == provider_id && self.provider == provider
    }

    /// Takes what is new in a receipt about this part.
    fn receive(&mut self, now_ms: i64, receipt: &Receipt) -> News {
        let made_at = receipt.at.map(datetime_to_ms);
        let news = News::of(self.status, self.code, self.receipt_at, receipt);
        match news {
            News::Nothing => {}
            News::Contradiction => self.receipt_at = made_at.or(Some(now_ms)),
            News::Code | News::End(_) => {
                if let News::End(status) = news {
                    self.status = status;
                }
                self.code = receipt.code;
                self.receipt_at = self.receipt_at.max(made_at);
            }
        }
        news
    }
}

/// Parts of a message, in the order in which they were accepted. Empty for a message that has one
/// provider id, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parts(Vec<Part>);

impl Parts {
    /// No parts: one id stands for the whole message.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// True if one id stands for the whole message.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the parts of an accepted attempt. Adds nothing and returns false if there are fewer
    /// than two ids: a single one stands for the whole message.
    pub fn add<'a>(
        &mut self,
        attempt: u32,
        provider: &str,
        provider_ids: impl Iterator<Item = &'a str> + Clone,
    ) -> bool {
        let are_several = provider_ids.clone().nth(1).is_some();
        if are_several {
            self.0.extend(provider_ids.map(|id| Part::new(attempt, provider, id)));
        }
        are_several
    }

    /// The parts that were accepted together with the one of this name. None if the name stands for
    /// a whole message.
    pub fn together_with(&self, provider: &str, provider_id: &str) -> impl Iterator<Item = &Part> {
        let named = self.0.iter().find(|part| part.has_name(provider, provider_id));
        let attempt = named.map(|part| part.attempt);
        self.0.iter().filter(move |part| Some(part.attempt) == attempt)
    }

    /// The names for a status query about a message with this name: each of its parts without an
    /// end, or, if it has no parts, the name itself.
    pub fn names_to_query(&self, provider: String, provider_id: String) -> Vec<ProviderRef> {
        let mut parts = self.together_with(&provider, &provider_id).peekable();
        if parts.peek().is_none() {
            drop(parts);
            return vec![ProviderRef { provider, provider_id }];
        }
        parts
            .filter(|part| part.status == Status::Sent)
            .map(|part| ProviderRef::new(&*part.provider, &*part.provider_id))
            .collect()
    }

    /// Records a receipt about one of the parts; `None` if it is about none of them.
    pub fn receive(&mut self, now_ms: i64, receipt: &Receipt) -> Option<PartReceipt> {
        let Receipt { provider, provider_id, .. } = receipt;
        let part = self.0.iter_mut().find(|part| part.has_name(provider, provider_id))?;
        let (news, status) = (part.receive(now_ms, receipt), part.status);
        let end = end_of(self.together_with(provider, provider_id).map(|part| part.status));
        Some(PartReceipt { news, status, end })
    }
}

/// Result of a receipt about one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartReceipt {
    /// News about the part.
    pub news: News,
    /// State of the part afterwards.
    pub status: Status,
    /// The [end](end_of) of the parts that were accepted together.
    pub end: Option<Status>,
}

/// The end of a message with parts in these states: `undelivered` if one is, `delivered` if all
/// are, and otherwise none yet.
pub fn end_of(parts: impl IntoIterator<Item = Status>) -> Option<Status> {
    let mut end = Some(Status::Delivered);
    for status in parts {
        match status {
            Status::Delivered => {}
            Status::Undelivered => return Some(Status::Undelivered),
            _ => end = None,
        }
    }
    end
}

/// News in a receipt about a message or a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing: it is a repeat, it is old, or the end is known.
    Nothing,
    /// A new code on the way.
    Code,
    /// The end.
    End(Status),
    /// The opposite of the known end, for the first time.
    Contradiction,
}

impl News {
    /// The news in a receipt about a message or a part in this state, with the code and the time of
    /// its newest receipt.
    pub fn of(
        status: Status,
        code: Option<i32>,
        receipt_at: Option<i64>,
        receipt: &Receipt,
    ) -> Self {
        let made_at = receipt.at.map(datetime_to_ms);
        if status.is_contradicted_by(receipt.state) {
            // Recorded once: a repeat has the time of the newest receipt, and one without a time is
            // recorded only while no receipt has a time.
            let is_known =
                if made_at.is_some() { made_at == receipt_at } else { receipt_at.is_some() };
            return if is_known { Self::Nothing } else { Self::Contradiction };
        }
        if let Some(end) = status.after_receipt(receipt.state) {
            return Self::End(end);
        }
        // A receipt that comes late or again must not replace a later code by an earlier one.
        let is_old = made_at
            .zip(receipt_at)
            .is_some_and(|(made, newest)| made < newest || made == newest && receipt.code <= code);
        let is_new_code =
            status == Status::Sent && receipt.code.is_some() && code != receipt.code && !is_old;
        if is_new_code { Self::Code } else { Self::Nothing }
    }
}

#[cfg(test)]
mod tests;
