//! Accepted messages as the API shows them.

use std::net::IpAddr;

use serde::Serialize;
use sms_core::message::text::Encoding;
use sms_core::message::{MessageState, TraceParent};
use sms_core::store::AcceptanceTimes;
use sms_core::{
    Class, MessageId, Metadata, NewMessage, OnUnknown, PhoneNumber, Route, SendOptions, Status,
    StoredMessage,
};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::rest::schema::{MessageClass, MessageStatus, TextEncoding, UnknownPolicy};

/// An accepted message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedMessage<'a> {
    #[schema(value_type = String)]
    id: MessageId,
    #[schema(value_type = MessageStatus)]
    status: Status,
    /// The recipient's phone number in international form; null if the message was erased.
    #[schema(value_type = Option<String>, required = true)]
    to: Option<PhoneNumber>,
    /// Parts in which the text is sent.
    parts: u8,
    #[schema(value_type = TextEncoding)]
    encoding: Encoding,
    #[schema(value_type = MessageClass)]
    class: Class,
    /// The time of acceptance. Missing only while a [`WrittenMessage`] waits for it.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = true)]
    created_at: Option<OffsetDateTime>,
    /// The time of the next attempt, or of the last one.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = true)]
    due_at: Option<OffsetDateTime>,
    /// The route, where it is not `default`: `sandbox` for messages of test keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    /// The sender name; absent for the provider's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    /// The client's own reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    /// The client's own data, as it was sent.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    metadata: &'a Metadata,
    #[schema(value_type = UnknownPolicy)]
    on_unknown: OnUnknown,
    /// Counted attempts at most.
    max_attempts: u32,
    /// Cyrillic letters are sent as Latin ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    translit: bool,
    /// The message is sent in the recipient's daytime only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    daytime: bool,
    /// The provider is asked to destroy the message if it is not delivered by its deadline.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pass_deadline: bool,
    /// The IP address of the person who caused the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    end_user_ip: Option<IpAddr>,
    /// The header `traceparent` of the request that sent the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    traceparent: Option<TraceParent>,
    /// The id of the earlier message that this one sends again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    resend_of: Option<MessageId>,
}

impl<'a> AcceptedMessage<'a> {
    /// A message that was accepted in this request; without its times while it is not yet.
    pub(super) fn new(message: &'a NewMessage, times: Option<AcceptanceTimes>) -> Self {
        Self::with(message, Status::Queued, times)
    }

    /// A message that was accepted before.
    pub(super) fn of(StoredMessage { message, state, .. }: &'a StoredMessage) -> Self {
        let MessageState { status, created_at, due_at, .. } = *state;
        Self::with(message, status, Some(AcceptanceTimes { created_at, due_at }))
    }

    fn with(message: &'a NewMessage, status: Status, times: Option<AcceptanceTimes>) -> Self {
        let SendOptions { translit, daytime, pass_deadline, end_user_ip, traceparent, .. } =
            message.options;
        Self {
            id: message.id,
            status,
            to: (!message.is_erased()).then_some(message.to),
            parts: message.parts,
            encoding: message.encoding,
            class: message.class,
            created_at: times.map(|times| times.created_at),
            due_at: times.map(|times| times.due_at),
            route: (message.route != Route::DEFAULT).then(|| message.route.as_str()),
            from: message.from.as_deref(),
            reference: message.reference.as_deref(),
            metadata: &message.metadata,
            on_unknown: message.on_unknown,
            max_attempts: message.max_attempts,
            translit,
            daytime,
            pass_deadline,
            end_user_ip,
            traceparent,
            resend_of: message.resend.as_ref().map(|resend| resend.of),
        }
    }
}
