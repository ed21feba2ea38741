//! The recipients of a request and their texts.

use std::collections::HashSet;

use sms_core::message::text::is_blank;
use sms_core::{FieldError, PhoneNumber};

use crate::config::MAX_BATCH;
use crate::wire::number::canonical;
use crate::wire::send_request::Recipient;

/// Phone numbers, each with its text.
#[derive(Clone)]
pub(crate) struct Recipients(Vec<(PhoneNumber, String)>);

impl Recipients {
    pub(crate) fn with_one_text(to: impl IntoIterator<Item = PhoneNumber>, text: &str) -> Self {
        Self(to.into_iter().map(|to| (to, text.to_owned())).collect())
    }

    pub(crate) fn with_separate_texts(
        messages: impl IntoIterator<Item = (PhoneNumber, String)>,
    ) -> Self {
        Self(messages.into_iter().collect())
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = PhoneNumber> {
        self.0.iter().map(|(to, _)| *to)
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.0.iter().map(|(_, text)| &**text).filter(|text| !text.is_empty()).collect()
    }

    pub(crate) fn for_wire(&self) -> Vec<Recipient<'_>> {
        self.0.iter().map(|(to, text)| Recipient { to: to.digits(), text, otp: false }).collect()
    }

    /// Checks that sms.ru takes the recipients in one request.
    pub(crate) fn validate(&self) -> Result<(), FieldError> {
        if !(1..=MAX_BATCH).contains(&self.0.len()) {
            return Err(FieldError::new("to", "recipients_count", "must be 1 to 100 numbers"));
        }
        let mut seen = HashSet::new();
        if self.numbers().all(|to| seen.insert(canonical(to.digits()))) {
            Ok(())
        } else {
            Err(FieldError::new("to", "recipient_twice", "must not contain a number twice"))
        }
    }

    pub(crate) fn has_empty_text(&self) -> bool {
        self.0.iter().any(|(_, text)| is_blank(text))
    }
}
