//! Messages as the API shows them.

use serde::Serialize;
use sms_core::message::MessageState;
use sms_core::store::event::Event;
use sms_core::store::parts::Part;
use sms_core::store::timeline::steps;
use sms_core::{MessageId, Money, Status, StoredMessage};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::problem::ProblemDocument;
use crate::keys::{KeyScope, Principal};
use crate::rest::meaning::Meaning;
use crate::rest::messages::accepted::AcceptedMessage;
use crate::rest::messages::charged::Charged;
use crate::rest::messages::step::StepView;
use crate::rest::messages::written::WrittenMessage;
use crate::rest::receipts::UnmatchedReceipt;
use crate::rest::schema::MessageStatus;

/// A message with its state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageView<'a> {
    #[serde(flatten)]
    accepted: AcceptedMessage<'a>,
    /// Null if the text was removed, because the message was erased or is old. Absent where the
    /// texts are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    #[allow(clippy::option_option, reason = "absent, null and a text are three things in JSON")]
    text: Option<Option<&'a str>>,
    /// True if the message was erased: number, text and the client's own data are gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: OffsetDateTime,
    /// The time after which the message is not sent any more.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    deadline_at: OffsetDateTime,
    /// Counted attempts so far.
    attempts: u32,
    /// Attempts after an unknown outcome so far.
    resends: u32,
    /// The time since which the outcome is unknown; absent with another status.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    unknown_since: Option<OffsetDateTime>,
    /// The provider that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    /// The provider's id of the message; that of the first part, if it gave one for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<&'a str>,
    /// The parts, if the provider gave one id for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    provider_parts: Vec<PartView<'a>>,
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Meaning>,
    /// The reason of the status, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    charged: Charged,
    /// The cost, a decimal number as text, in the provider's currency; absent while the provider
    /// has not told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    cost: Option<Money>,
}

/// A part of a message that the provider knows by an id of its own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartView<'a> {
    provider_id: &'a str,
    /// `sent`, `delivered` or `undelivered`.
    #[schema(value_type = MessageStatus)]
    status: Status,
    /// The provider's code of the part.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
}

/// The first message of an idempotency key that was used again: whole, or, for a key that may not
/// read, with the fields of the first reply.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Replay<'a> {
    Whole(Box<MessageView<'a>>),
    Accepted(Box<AcceptedMessage<'a>>),
}

/// A changed message, for a key that may not read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageOutline {
    #[schema(value_type = String)]
    pub(super) id: MessageId,
    #[schema(value_type = MessageStatus)]
    pub(super) status: Status,
}

/// A message with everything that happened to it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageDetails<'a> {
    #[serde(flatten)]
    message: MessageView<'a>,
    /// Steps, oldest first.
    timeline: Vec<StepView>,
    /// Receipts that may belong to the message while its outcome is unknown; only for keys with
    /// the scope `admin`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unmatched_receipts: Vec<UnmatchedReceipt>,
}

/// A message after a change: whole, or, for a key that may not read, its outline.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "written as the form that applies; this is the schema of both")]
pub(crate) enum ChangedMessage<'a> {
    Whole(Box<MessageDetails<'a>>),
    Outline(MessageOutline),
}

/// A page of messages, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessagePage<'a> {
    pub(super) data: Vec<MessageView<'a>>,
    /// The parameter `cursor` of the next page; null at the end of the list.
    #[schema(value_type = Option<String>)]
    pub(super) next_cursor: Option<MessageId>,
    /// The time down to which the list was searched, where the time limit ended the search before
    /// the page was full.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) searched_back_to: Option<OffsetDateTime>,
    /// Receipts that may belong to these messages; only in a list of the status `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unmatched_receipts: Option<Vec<UnmatchedReceipt>>,
}

/// The results of a batch, in the order of its messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchReply<'a> {
    pub(super) results: Vec<BatchResult<'a>>,
}

/// The result of one message of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum BatchResult<'a> {
    /// It was accepted.
    Accepted(&'a WrittenMessage),
    /// It was accepted before, under the same idempotency key.
    Replayed {
        #[serde(flatten)]
        first: Replay<'a>,
        /// Always true.
        replayed: bool,
    },
    /// It was refused.
    Refused { error: ProblemDocument<'a> },
    /// It has a list of recipients: the result of each, in their order.
    #[schema(no_recursion)]
    Several { recipients: Vec<BatchResult<'a>> },
}

impl<'a> MessageView<'a> {
    /// A message, with the meaning of its code.
    pub(crate) fn new(stored: &'a StoredMessage, app: &App) -> Self {
        let StoredMessage { message, state, .. } = stored;
        let MessageState { status, updated_at, valid_until, attempts, resends, .. } = *state;
        let provider = state.provider.as_deref();
        let explain = |(provider, code)| app.explain(provider, code).map(Meaning::from);
        Self {
            accepted: AcceptedMessage::of(stored),
            text: Some(message.shown_text()),
            erased: message.is_erased(),
            updated_at,
            deadline_at: valid_until,
            attempts,
            resends,
            unknown_since: state.unknown_at.filter(|_| status == Status::Unknown),
            provider,
            provider_id: state.provider_id.as_deref(),
            provider_parts: parts(state),
            code: state.code,
            meaning: provider.zip(state.code).and_then(explain),
            reason: state.reason.as_deref(),
            charged: Charged::of(state),
            cost: state.cost,
        }
    }

    /// The same without the text.
    pub(super) fn without_content(self) -> Self {
        Self { text: None, ..self }
    }
}

/// The parts of a message, in their order.
fn parts(state: &MessageState) -> Vec<PartView<'_>> {
    let (Some(provider), Some(id)) = (&state.provider, &state.provider_id) else {
        return Vec::new();
    };
    let parts = state.provider_parts.together_with(provider, id);
    parts.map(PartView::from).collect()
}

impl<'a> From<&'a Part> for PartView<'a> {
    fn from(part: &'a Part) -> Self {
        Self { provider_id: &part.provider_id, status: part.status, code: part.code }
    }
}

impl<'a> Replay<'a> {
    /// The first message, as far as the caller may see it.
    pub(super) fn new(first: &'a StoredMessage, caller: &Principal, app: &App) -> Self {
        if caller.may(KeyScope::Read) {
            Self::Whole(Box::new(MessageView::new(first, app)))
        } else {
            Self::Accepted(Box::new(AcceptedMessage::of(first)))
        }
    }
}

impl<'a> MessageDetails<'a> {
    pub(super) fn new(
        message: MessageView<'a>,
        stored: &'a StoredMessage,
        events: Vec<Event>,
        unmatched_receipts: Vec<UnmatchedReceipt>,
        app: &App,
    ) -> Self {
        let steps = steps(stored, events).into_iter();
        let timeline = steps.map(|step| StepView::new(step, app)).collect();
        Self { message, timeline, unmatched_receipts }
    }
}
