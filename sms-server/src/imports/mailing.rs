//! The message of a row: its text and its options.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sms_core::{Class, Message};
use time::OffsetDateTime;

use super::row::ImportRow;
use super::template::Template;

/// The common part of the messages of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mailing {
    pub(crate) template: Template,
    pub(crate) options: MailingOptions,
}

/// Options that one message and the messages of an import have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MailingOptions {
    pub(crate) from: Option<String>,
    pub(crate) class: Option<Class>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) send_at: Option<OffsetDateTime>,
    pub(crate) deadline_seconds: Option<u64>,
    pub(crate) reference: Option<String>,
    pub(crate) translit: Option<bool>,
    pub(crate) daytime: Option<bool>,
}

impl Mailing {
    /// The message of this row.
    pub(crate) fn message(&self, row: &ImportRow) -> Message {
        self.options.clone().message(&row.to, self.text(row))
    }

    /// The text of this row.
    pub(crate) fn text(&self, row: &ImportRow) -> String {
        self.template.fill(&row.values)
    }
}

impl MailingOptions {
    /// A message with these options.
    pub(crate) fn message(self, to: impl Into<String>, text: impl Into<String>) -> Message {
        let mut message = Message::new(to, text);
        if let Some(from) = self.from {
            message = message.from(from);
        }
        if let Some(class) = self.class {
            message = message.class(class);
        }
        if let Some(at) = self.send_at {
            message = message.send_at(at);
        }
        if let Some(seconds) = self.deadline_seconds {
            message = message.deadline(Duration::from_secs(seconds));
        }
        if let Some(reference) = self.reference {
            message = message.reference(reference);
        }
        if let Some(translit) = self.translit {
            message = message.translit(translit);
        }
        if let Some(daytime) = self.daytime {
            message = message.daytime(daytime);
        }
        message
    }
}
