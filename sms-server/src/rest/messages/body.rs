//! Messages as clients ask for them, alone or in a batch.

use serde::Serialize;
use sms_core::{Class, Message, Metadata, OnUnknown};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::http::fields::Fields;
use crate::imports::mailing::MailingOptions;
use crate::rest::schema::{MessageClass, UnknownPolicy};

/// Name of the list of messages in the body of a batch.
pub(super) const MESSAGES: &str = "messages";
/// Messages in one request at most, each recipient counted.
pub(super) const MAX_MESSAGES: usize = 1000;
/// One more, which tells that there are too many.
pub(super) const TOO_MANY: usize = MAX_MESSAGES + 1;

/// A message to send.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageBody {
    /// The recipient's phone number, in international form or in the national form of the region
    /// that the server is configured for.
    pub(super) to: String,
    #[serde(flatten)]
    pub(super) content: MessageContent,
}

/// A message without its recipient.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct MessageContent {
    /// The text, of 8 parts at most.
    pub(super) text: String,
    /// The sender name: 1 to 11 printable ASCII characters, or up to 15 digits. Defaults to the
    /// provider's own.
    #[schema(min_length = 1, max_length = 15)]
    pub(super) from: Option<String>,
    /// The purpose of the message, which sets the defaults below. Defaults to `service`.
    #[schema(value_type = Option<MessageClass>)]
    pub(super) class: Option<Class>,
    /// The time to send it; up to 60 days ahead. Defaults to now.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) send_at: Option<OffsetDateTime>,
    /// Seconds after the time to send it in which it is worth sending. Defaults to the class's.
    #[schema(minimum = 1, maximum = 2_592_000)]
    pub(super) deadline_seconds: Option<u64>,
    /// The client's own reference; lists can be filtered by it.
    #[schema(min_length = 1, max_length = 255)]
    pub(super) reference: Option<String>,
    /// The client's own data, up to 4096 bytes.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Metadata>,
    /// Cyrillic letters are sent as Latin ones. Defaults to false.
    pub(super) translit: Option<bool>,
    /// The message is sent in the recipient's daytime only. Defaults to the class's.
    pub(super) daytime: Option<bool>,
    /// The provider is asked to destroy the message if it is not delivered by its deadline.
    /// Defaults to false.
    pub(super) pass_deadline: Option<bool>,
    /// The public IP address of the person who caused the message.
    pub(super) end_user_ip: Option<String>,
    /// The policy after an unknown outcome. Defaults to the class's.
    #[schema(value_type = Option<UnknownPolicy>)]
    pub(super) on_unknown: Option<OnUnknown>,
    /// Counted attempts at most. Defaults to the class's.
    #[schema(minimum = 1, maximum = 20)]
    pub(super) max_attempts: Option<u32>,
}

/// A message of a batch, to one recipient or to several.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchMessageBody {
    pub(super) to: Recipients,
    #[serde(flatten)]
    pub(super) content: MessageContent,
    /// For 72 h a second message with the same key, recipient and content is the first one:
    /// printable ASCII. With several recipients each has this key for itself.
    #[schema(min_length = 1, max_length = 255)]
    pub(super) idempotency_key: Option<String>,
}

/// One phone number, or a list of them: a message for each.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Recipients {
    One(String),
    /// Each becomes a message of its own.
    Several(Vec<String>),
}

/// A batch of messages. It is never in memory as a whole: its items are read as they come.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "read item by item; this is its schema")]
pub(crate) struct BatchBody {
    #[schema(min_items = 1, max_items = 1000)]
    pub(super) messages: Vec<BatchMessageBody>,
}

impl MessageBody {
    /// Takes the fields of a message out. What is wrong with them is reported by the end of the
    /// reading; the limits of their values are checked by [`Message::prepare`].
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self { to: fields.required_string("to"), content: MessageContent::read(fields) }
    }

    pub(super) fn into_message(self) -> Message {
        self.content.into_message(self.to)
    }
}

impl MessageContent {
    fn read(fields: &mut Fields<'_>) -> Self {
        const CLASS: &str = "must be otp, service or marketing";
        const ON_UNKNOWN: &str = "must be hold or resend_once";
        let on_unknown = |name: &str| {
            [OnUnknown::Hold, OnUnknown::ResendOnce].into_iter().find(|it| it.as_str() == name)
        };
        Self {
            text: fields.required_string("text"),
            from: fields.string("from"),
            class: fields.one_of("class", CLASS, Class::from_name),
            send_at: fields.time("send_at"),
            deadline_seconds: fields.integer("deadline_seconds"),
            reference: fields.string("reference"),
            metadata: fields.metadata("metadata"),
            translit: fields.boolean("translit"),
            daytime: fields.boolean("daytime"),
            pass_deadline: fields.boolean("pass_deadline"),
            end_user_ip: fields.string("end_user_ip"),
            on_unknown: fields.one_of("on_unknown", ON_UNKNOWN, on_unknown),
            max_attempts: fields.integer("max_attempts"),
        }
    }

    pub(super) fn into_message(self, to: String) -> Message {
        let options = MailingOptions {
            from: self.from,
            class: self.class,
            send_at: self.send_at,
            deadline_seconds: self.deadline_seconds,
            reference: self.reference,
            translit: self.translit,
            daytime: self.daytime,
        };
        let mut message = options.message(to, self.text);
        if let Some(metadata) = self.metadata {
            message = message.metadata(metadata);
        }
        if let Some(pass) = self.pass_deadline {
            message = message.pass_deadline(pass);
        }
        if let Some(ip) = self.end_user_ip {
            message = message.end_user_ip(ip);
        }
        if let Some(on_unknown) = self.on_unknown {
            message = message.on_unknown(on_unknown);
        }
        if let Some(attempts) = self.max_attempts {
            message = message.max_attempts(attempts);
        }
        message
    }
}

impl BatchMessageBody {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let idempotency_key = fields.string("idempotency_key");
        let to = match fields.required_strings::<TOO_MANY>("to") {
            (list, true) => Recipients::Several(list),
            (one, false) => Recipients::One(one.into_iter().next().unwrap_or_default()),
        };
        Self { to, content: MessageContent::read(fields), idempotency_key }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::problem::Problem;
    use crate::rest::agreement::assert_agrees;

    fn sample() -> Value {
        json!({
            "to": "+79251234567", "text": "hi", "from": "Acme", "class": "marketing",
            "send_at": "2026-12-31T09:30:00+03:00", "deadline_seconds": 600,
            "reference": "order-7", "metadata": {"a": 1}, "translit": true, "daytime": false,
            "pass_deadline": true, "end_user_ip": "192.0.2.7", "on_unknown": "resend_once",
            "max_attempts": 2,
        })
    }

    fn read<T>(
        body: &Value,
        read: fn(&mut Fields<'_>) -> T,
        into_message: fn(T) -> Message,
    ) -> Result<(), Problem> {
        let body = body.to_string();
        let mut fields = Fields::of_body(body.as_bytes()).expect("an object");
        let message = read(&mut fields);
        fields.finish()?;
        into_message(message).prepare()?;
        Ok(())
    }

    #[test]
    fn a_message_is_read_as_its_schema_says() {
        assert_agrees::<MessageBody>(&sample(), &["to", "text", "end_user_ip"], |body| {
            read(body, MessageBody::read, MessageBody::into_message)
        });
    }

    #[test]
    fn a_message_of_a_batch_is_read_as_its_schema_says() {
        let mut sample = sample();
        sample["idempotency_key"] = json!("order-7");
        let into_message = |BatchMessageBody { to, content, idempotency_key }| {
            let (Recipients::One(to), key) = (to, idempotency_key) else { panic!("a list") };
            let message = content.into_message(to);
            key.into_iter().fold(message, Message::key)
        };
        assert_agrees::<BatchMessageBody>(&sample, &["to", "text", "end_user_ip"], |body| {
            read(body, BatchMessageBody::read, into_message)
        });
    }
}
