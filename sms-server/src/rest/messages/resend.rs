//! `POST /v1/messages/{id}/resend`.

use axum::body::Body;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use sms_core::message::Resend;
use sms_core::{Message, NewMessage, Status, StoredMessage};
use utoipa::ToSchema;

use super::admission::check_recipient;
use super::idempotency;
use super::send::accept;
use super::show::{find, parse_id};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::{Fields, MAX_REASON};
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// A message that is sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResendBody {
    /// Kept in the timeline of the new message.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// `POST /v1/messages/{id}/resend`: accepts a new message with the content of this one.
pub(crate) async fn resend(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let ResendBody { reason } = ResendBody::read(Fields::read(&headers, &body)?)?;
    let key = idempotency::read(&headers)?;
    let earlier = find(&app, parse_id(&id)?, &caller).await?;
    check_state(&earlier)?;
    let resend = Resend::new(earlier.message.id, reason, caller.key.to_string());
    let mut message = again(&earlier.message).resend(resend);
    if let Some(key) = key {
        message = message.key(key);
    }
    let mut prepared = app.0.sender.prepare(&message)?;
    check_recipient(&caller, prepared.to)?;
    let owner = prepared.owner.as_deref().unwrap_or_default();
    let rules = app.rules_for(owner, prepared.route.as_str()).await?;
    prepared.options.sandbox = rules.draw(prepared.to);
    accept(&app, &caller, prepared, &uri).await
}

/// Refuses a message that may still be sent by itself, and one that may have been.
fn check_state(StoredMessage { state, .. }: &StoredMessage) -> Result<(), Problem> {
    let detail = match state.status {
        Status::Queued => "the message is queued: it is going to be sent",
        Status::Sending => "the message is being sent",
        Status::Unknown => "the outcome of the message is unknown: settle it by /resolve",
        _ => return Ok(()),
    };
    Err(Problem::new(StatusCode::CONFLICT, "conflict", detail))
}

/// A message with the content and the options of an earlier one, to be sent at once.
fn again(earlier: &NewMessage) -> Message {
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

impl ResendBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        fields.require("reason");
        let reason = fields.text("reason", MAX_REASON);
        fields.finish()?;
        Ok(Self { reason: reason.ok_or_else(|| Problem::missing("reason"))? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sms_core::{Class, Metadata, OnUnknown};
    use time::Duration;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn a_resend_is_read_as_its_schema_says() {
        assert_agrees::<ResendBody>(&json!({"reason": "the phone was off"}), &[], |body| {
            let body = body.to_string();
            ResendBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }

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
