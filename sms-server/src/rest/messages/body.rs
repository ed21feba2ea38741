//! The message a caller asks for, alone or among others.

use std::time::Duration;

use sms_core::{Class, Message, OnUnknown};

use crate::http::fields::Fields;
use crate::http::problem::Problem;

/// The message these fields ask for. Whether its values are possible is the core's to say.
pub(crate) fn read(mut fields: Fields<'_>) -> Result<Message, Problem> {
    const CLASS: &str = "must be otp, service or marketing";
    const ON_UNKNOWN: &str = "must be hold or resend_once";
    let mut message = Message::new(fields.required_string("to"), fields.required_string("text"));
    let on_unknown = |name: &str| {
        [OnUnknown::Hold, OnUnknown::ResendOnce].into_iter().find(|it| it.as_str() == name)
    };
    if let Some(from) = fields.string("from") {
        message = message.from(from);
    }
    if let Some(class) = fields.one_of("class", CLASS, Class::from_name) {
        message = message.class(class);
    }
    if let Some(at) = fields.time("send_at") {
        message = message.send_at(at);
    }
    if let Some(seconds) = fields.integer("deadline_seconds") {
        message = message.deadline(Duration::from_secs(seconds));
    }
    if let Some(reference) = fields.string("reference") {
        message = message.reference(reference);
    }
    if let Some(metadata) = fields.metadata("metadata") {
        message = message.metadata(metadata);
    }
    if let Some(translit) = fields.boolean("translit") {
        message = message.translit(translit);
    }
    if let Some(daytime) = fields.boolean("daytime") {
        message = message.daytime(daytime);
    }
    if let Some(pass) = fields.boolean("pass_deadline") {
        message = message.pass_deadline(pass);
    }
    if let Some(ip) = fields.string("end_user_ip") {
        message = message.end_user_ip(ip);
    }
    if let Some(on_unknown) = fields.one_of("on_unknown", ON_UNKNOWN, on_unknown) {
        message = message.on_unknown(on_unknown);
    }
    if let Some(attempts) = fields.integer("max_attempts") {
        message = message.max_attempts(attempts);
    }
    fields.finish()?;
    Ok(message)
}
