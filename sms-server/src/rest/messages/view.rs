//! Messages as the API shows them.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sms_core::message::MessageState;
use sms_core::message::text::Encoding;
use sms_core::store::event::Event;
use sms_core::store::timeline::{Step, steps};
use sms_core::{
    Class, Explanation, MessageId, Metadata, NewMessage, OnUnknown, PhoneNumber, SendOptions,
    Status, StoredMessage,
};
use time::OffsetDateTime;

use crate::app::Api;
use crate::keys::{KeyScope, Principal};
use crate::rest::receipts::Unmatched;

/// What is known of a message from its acceptance on.
#[derive(Debug, Serialize)]
pub(crate) struct Accepted<'a> {
    id: MessageId,
    status: Status,
    to: PhoneNumber,
    parts: u8,
    encoding: Encoding,
    class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: &'a Metadata,
    on_unknown: OnUnknown,
    max_attempts: u32,
    #[serde(flatten)]
    options: &'a SendOptions,
}

/// A message with where it stands.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    #[serde(flatten)]
    accepted: Accepted<'a>,
    text: &'a str,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    due_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    deadline_at: OffsetDateTime,
    attempts: u32,
    resends: u32,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    unknown_since: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Explanation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// The first message of an idempotency key that was used again: whole, or, for a key that may not
/// read, the fields of the first answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Replay<'a> {
    Whole(Box<Shown<'a>>),
    Accepted(Box<Accepted<'a>>),
}

/// A message as a key that may not read sees it after changing it.
#[derive(Debug, Serialize)]
pub(crate) struct Outline {
    pub(crate) id: MessageId,
    pub(crate) status: Status,
}

/// A message with everything that happened to it.
#[derive(Debug, Serialize)]
pub(crate) struct Detailed<'a> {
    #[serde(flatten)]
    shown: Shown<'a>,
    timeline: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unmatched_receipts: Vec<Unmatched>,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<'a> {
    pub(crate) data: Vec<Shown<'a>>,
    pub(crate) next_cursor: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) searched_back_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unmatched_receipts: Option<Vec<Unmatched>>,
}

/// What became of one message of a batch.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer<'a> {
    /// It was accepted just now, and is shown as [`Accepted`].
    Accepted(&'a RawValue),
    /// It was accepted before, under the same key.
    Replayed {
        #[serde(flatten)]
        first: Replay<'a>,
        replayed: bool,
    },
    /// It was not, and this is why.
    Refused { error: Value },
}

impl<'a> Accepted<'a> {
    /// A message that was accepted just now.
    pub(crate) fn new(message: &'a NewMessage) -> Self {
        Self::with_status(message, Status::Queued)
    }

    fn with_status(message: &'a NewMessage, status: Status) -> Self {
        Self {
            id: message.id,
            status,
            to: message.to,
            parts: message.parts,
            encoding: message.encoding,
            class: message.class,
            from: message.from.as_deref(),
            reference: message.reference.as_deref(),
            metadata: &message.metadata,
            on_unknown: message.on_unknown,
            max_attempts: message.max_attempts,
            options: &message.options,
        }
    }
}

impl<'a> Shown<'a> {
    /// A message, with what its code means to its provider.
    pub(crate) fn new(StoredMessage { message, state }: &'a StoredMessage, api: &Api) -> Self {
        let MessageState {
            status,
            created_at,
            updated_at,
            due_at,
            valid_until,
            attempts,
            resends,
            ..
        } = *state;
        Self {
            accepted: Accepted::with_status(message, status),
            text: &message.text,
            created_at,
            updated_at,
            due_at,
            deadline_at: valid_until,
            attempts,
            resends,
            unknown_since: state.unknown_at.filter(|_| status == Status::Unknown),
            provider: state.provider.as_deref(),
            provider_id: state.provider_id.as_deref(),
            code: state.code,
            meaning: state
                .provider
                .as_deref()
                .zip(state.code)
                .and_then(|(name, code)| api.explain(name, code)),
            reason: state.reason.as_deref(),
        }
    }
}

impl<'a> Replay<'a> {
    /// That message as `caller` may see it.
    pub(crate) fn new(first: &'a StoredMessage, caller: &Principal, api: &Api) -> Self {
        if caller.may(KeyScope::Read) {
            Self::Whole(Box::new(Shown::new(first, api)))
        } else {
            Self::Accepted(Box::new(Accepted::with_status(&first.message, first.state.status)))
        }
    }
}

impl<'a> Detailed<'a> {
    pub(crate) fn new(
        shown: Shown<'a>,
        stored: &'a StoredMessage,
        events: Vec<Event>,
        unmatched_receipts: Vec<Unmatched>,
    ) -> Self {
        Self { shown, timeline: steps(stored, events), unmatched_receipts }
    }
}
