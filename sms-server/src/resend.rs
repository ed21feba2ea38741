//! A message that is sent again: when it may be, and as what.

use axum::http::StatusCode;
use sms_core::{Message, NewMessage, Status, StoredMessage};

use crate::http::problem::Problem;

/// Refuses a message that may still be sent by itself, one that may have been, and one that has
/// lost its number or text.
pub(crate) fn check_state(stored: &StoredMessage) -> Result<(), Problem> {
    let StoredMessage { message, state, .. } = stored;
    let detail = match state.status {
        _ if message.is_erased() => "the message was erased",
        _ if message.shown_text().is_none() => "the text of the message was removed: it is old",
        Status::Queued => "the message is queued: it is going to be sent",
        Status::Sending => "the message is being sent",
        Status::Unknown => "the outcome of the message is unknown: settle it by /resolve",
        _ => return Ok(()),
    };
    Err(Problem::new(StatusCode::CONFLICT, "conflict", detail))
}

/// A message with the content and the options of an earlier one, to be sent at once.
pub(crate) fn again(earlier: &NewMessage) -> Message {
    let options = &earlier.options;
    let mut message = Message::new(earlier.to.to_string(), &earlier.text)
        .class(earlier.class)
        .route(earlier.route.as_str())
        .deadline(earlier.deadline)
        .metadata(earlier.metadata.clone())
        .translit(options.translit)
        .daytime(options.daytime)
        .pass_deadline(options.pass_deadline)
        .on_unknown(earlier.on_unknown)
        .max_attempts(earlier.max_attempts);
    if let Some(owner) = &earlier.owner {
        message = message.owner(owner);
    }
    if let Some(from) = &earlier.from {
        message = message.from(from);
    }
    if let Some(reference) = &earlier.reference {
        message = message.reference(reference);
    }
    if let Some(ip) = options.end_user_ip {
        message = message.end_user_ip(ip.to_string());
    }
    message
}

#[cfg(test)]
mod tests {
    use sms_core::{Class, Metadata, OnUnknown};
    use time::Duration;

    use super::*;

    #[test]
    fn a_message_that_is_sent_again_differs_in_its_id_alone() {
        let metadata = Metadata::parse(r#"{"a":1}"#).expect("an object");
        let message = Message::new("+79251234567", "Код 1234")
            .class(Class::Marketing)
            .route("sandbox")
            .owner("shop")
            .from("Acme")
            .reference("order-7")
            .metadata(metadata)
            .deadline(Duration::minutes(5).unsigned_abs())
            .translit(true)
            .daytime(false)
            .pass_deadline(true)
            .end_user_ip("198.51.100.7")
            .on_unknown(OnUnknown::ResendOnce)
            .max_attempts(2);
        for message in [message, Message::new("+79251234567", "hi")] {
            let earlier = message.prepare().expect("valid");
            let mut later = again(&earlier).prepare().expect("valid");
            later.id = earlier.id;
            assert!(later == earlier);
        }
    }
}
