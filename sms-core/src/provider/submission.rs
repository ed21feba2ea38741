//! One message on its way to the provider.

use std::fmt::Debug;

use time::OffsetDateTime;

use crate::message::phone::PhoneNumber;
use crate::message::{Class, MessageId, SendOptions};

/// One message on its way to one recipient.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission {
    /// Our id.
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
    /// After this nobody wants the message any more.
    pub valid_until: OffsetDateTime,
}

impl Submission {
    /// A first submission of this text with no options and without an end of its validity.
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
