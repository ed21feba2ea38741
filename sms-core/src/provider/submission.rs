//! Messages as they are submitted to a provider.

use std::fmt::Debug;

use time::OffsetDateTime;

use crate::message::phone::PhoneNumber;
use crate::message::{Class, MessageId, SendOptions};

/// One message to one recipient, as it is submitted to a provider.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission {
    /// Id of the message.
    pub id: MessageId,
    /// Number of this attempt, counted from 1 over all attempts
    /// ([`Begun::fence`](crate::store::Begun::fence)).
    pub attempt: u32,
    /// The recipient.
    pub to: PhoneNumber,
    /// The text.
    pub text: String,
    /// The sender name; `None` for the provider's default.
    pub from: Option<String>,
    /// The class.
    pub class: Class,
    /// Further options of the caller.
    pub options: SendOptions,
    /// Deadline: the message is of no use after it.
    pub valid_until: OffsetDateTime,
}

impl Submission {
    /// A first attempt to send this text, without options and without a deadline.
    pub fn new(id: MessageId, to: PhoneNumber, text: impl Into<String>) -> Self {
        Self {
            id,
            attempt: 1,
            to,
            text: text.into(),
            from: None,
            class: Class::default(),
            options: SendOptions::default(),
            valid_until: crate::clock::datetime_from_ms(i64::MAX),
        }
    }
}

impl Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text may be a one-time code.
        f.debug_struct("Submission")
            .field("id", &self.id)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
