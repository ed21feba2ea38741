//! Whom a request is for, and what each of them is told.

use std::collections::HashSet;

use sms_core::message::text::is_blank;
use sms_core::{FieldError, PhoneNumber};

use crate::config::MAX_BATCH;
use crate::wire::canonical;
use crate::wire::send_request::Recipient;

/// Numbers with one text or a text each.
#[derive(Clone)]
pub(crate) struct Recipients(Vec<(PhoneNumber, String)>);

impl Recipients {
    pub(crate) fn of_one_text(to: impl IntoIterator<Item = PhoneNumber>, text: &str) -> Self {
        Self(to.into_iter().map(|to| (to, text.to_owned())).collect())
    }

    pub(crate) fn of_a_text_each(
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

    pub(crate) fn wire(&self) -> Vec<Recipient<'_>> {
        self.0.iter().map(|(to, text)| Recipient { to: to.digits(), text, otp: false }).collect()
    }

    /// What sms.ru could not be asked in one request.
    pub(crate) fn faults(&self) -> Option<FieldError> {
        if !(1..=MAX_BATCH).contains(&self.0.len()) {
            return Some(FieldError::new("to", "recipients_count", "must be 1 to 100 numbers"));
        }
        let mut seen = HashSet::new();
        let twice = !self.numbers().all(|to| seen.insert(canonical(to.digits())));
        twice.then(|| {
            FieldError::new("to", "recipient_twice", "a number may be in a request only once")
        })
    }

    pub(crate) fn has_empty_text(&self) -> bool {
        self.0.iter().any(|(_, text)| is_blank(text))
    }
}
