//! `POST /v1/messages/{id}/resend`.

use axum::body::Body;
use axum::extract::{OriginalUri, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use sms_core::end_log::without_numbers;
use sms_core::message::Resend;
use utoipa::ToSchema;

use super::admission::check_recipient;
use super::idempotency;
use super::send::accept;
use super::show::{find, parse_id};
use super::trace;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::{Fields, MAX_REASON};
use crate::http::problem::Problem;
use crate::keys::KeyScope;
use crate::resend::{again, check_state};

/// A message that is sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResendBody {
    /// Kept in the timeline of the new message.
    #[schema(min_length = 1, max_length = 500)]
    pub(crate) reason: String,
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
    let shown = without_numbers(&reason);
    let resend = Resend::new(earlier.message.id, reason, caller.by().to_owned());
    let traceparent = trace::read(&headers);
    let mut message = again(&earlier.message).resend(resend).traceparent(traceparent);
    if let Some(key) = key {
        message = message.key(key);
    }
    let mut prepared = app.0.sender.prepare(&message)?;
    check_recipient(&caller, prepared.to)?;
    prepared.options.sandbox = app.0.sandbox_rules.draw(&prepared, app.sends_nothing()).await?;
    let accepted = accept(&app, &caller, prepared, &uri).await?;
    let (id, by) = (earlier.message.id, caller.by());
    tracing::info!(%id, by, reason = shown, "message sent again");
    Ok(accepted)
}

impl ResendBody {
    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        fields.require("reason");
        let reason = fields.text("reason", MAX_REASON);
        fields.finish()?;
        Ok(Self { reason: reason.ok_or_else(|| Problem::missing("reason"))? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn a_resend_is_read_as_its_schema_says() {
        assert_agrees::<ResendBody>(&json!({"reason": "the phone was off"}), &[], |body| {
            let body = body.to_string();
            ResendBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }
}
