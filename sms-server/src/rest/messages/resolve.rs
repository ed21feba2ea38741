//! `POST /v1/messages/{id}/resolve`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use sms_core::end_log::{log_by_person, without_numbers};
use sms_core::store::{Resolution, ResolveRequest};
use utoipa::ToSchema;

use super::admission::check_recipient;
use super::show::{changed, find, parse_id};
use crate::app::App;
use crate::bulk::job::ResolutionName;
use crate::http::auth::Caller;
use crate::http::fields::{Fields, MAX_REASON};
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// The longest provider id, in characters.
const MAX_PROVIDER_ID: usize = 64;

/// A manual resolution of a message with an unknown outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResolveBody {
    resolution: ResolutionName,
    /// The provider's id of the message. Only with `sent`.
    #[schema(min_length = 1, max_length = 64)]
    provider_id: Option<String>,
    /// Kept in the timeline.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// `POST /v1/messages/{id}/resolve`: settles a message of unknown outcome.
pub(crate) async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let body = ResolveBody::read(Fields::read(&headers, &body)?)?;
    let (id, scope, by) = (parse_id(&id)?, caller.scope(), caller.by().to_owned());
    let resolution = match body.resolution {
        ResolutionName::Sent => Resolution::Sent { provider_id: body.provider_id },
        ResolutionName::Failed => Resolution::Failed,
        ResolutionName::Resend => Resolution::Resend,
    };
    if resolution == Resolution::Resend && !caller.allowed_numbers().is_empty() {
        check_recipient(&caller, find(&app, id, &caller).await?.message.to)?;
    }
    // One to be sent again is due at once: the caretaker pushes it to the queue.
    let reason = without_numbers(&body.reason);
    let request = ResolveRequest::new(id, resolution, by.clone(), body.reason).scope(scope);
    let status = app.0.store.resolve(request).await?;
    tracing::info!(%id, by, resolution = ?body.resolution, reason, "message resolved");
    log_by_person(id, status, &by);
    changed(&app, id, &caller).await
}

/// Reads the field `resolution`.
pub(crate) fn read_resolution(fields: &mut Fields<'_>) -> Option<ResolutionName> {
    const RESOLUTION: &str = "must be sent, failed or resend";
    fields.one_of("resolution", RESOLUTION, |name| match name {
        "sent" => Some(ResolutionName::Sent),
        "failed" => Some(ResolutionName::Failed),
        "resend" => Some(ResolutionName::Resend),
        _ => None,
    })
}

impl ResolveBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        fields.require("resolution");
        fields.require("reason");
        let resolution = read_resolution(&mut fields);
        let provider_id = match resolution {
            Some(ResolutionName::Sent) => fields.text("provider_id", MAX_PROVIDER_ID),
            // Left to be refused as an unknown field.
            _ => None,
        };
        let reason = fields.text("reason", MAX_REASON);
        fields.finish()?;
        let resolution = resolution.ok_or_else(|| Problem::missing("resolution"))?;
        let reason = reason.ok_or_else(|| Problem::missing("reason"))?;
        Ok(Self { resolution, provider_id, reason })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn a_resolution_is_read_as_its_schema_says() {
        let sample = json!({"resolution": "sent", "provider_id": "1-2", "reason": "asked them"});
        assert_agrees::<ResolveBody>(&sample, &[], |body| {
            let body = body.to_string();
            ResolveBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }
}
