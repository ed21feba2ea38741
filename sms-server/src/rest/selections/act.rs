//! `POST /v1/selections/{id}/cancel`, `…/resolve`, `…/resend` and `…/erase`: each begins a job.

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::show::find;
use crate::app::App;
use crate::bulk::job::{Action, Job, JobState, ResolutionName};
use crate::http::auth::Caller;
use crate::http::fields::{Fields, MAX_REASON};
use crate::http::location::location;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};
use crate::rest::jobs::view::JobView;
use crate::rest::messages::resend::ResendBody;
use crate::rest::messages::resolve::read_resolution;

/// A manual resolution of every selected message with an unknown outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResolveAllBody {
    resolution: ResolutionName,
    /// Kept in the timelines.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// `POST /v1/selections/{id}/cancel`.
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    begin(&app, &caller, &id, Action::Cancel, &uri).await
}

/// `POST /v1/selections/{id}/resolve`.
pub(crate) async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let ResolveAllBody { resolution, reason } =
        ResolveAllBody::read(Fields::read(&headers, &body)?)?;
    begin(&app, &caller, &id, Action::Resolve { resolution, reason }, &uri).await
}

/// `POST /v1/selections/{id}/resend`.
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
    begin(&app, &caller, &id, Action::Resend { reason }, &uri).await
}

/// `POST /v1/selections/{id}/erase`. Needs the scope `admin`: it cannot be undone.
pub(crate) async fn erase(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    if app.0.erasure.is_none() {
        return Err(Problem::no_such_path());
    }
    let body = app.0.bodies.read(&caller.client, body).await?;
    let ResendBody { reason } = ResendBody::read(Fields::read(&headers, &body)?)?;
    begin(&app, &caller, &id, Action::Erase { reason }, &uri).await
}

/// Begins the job of a selection. The same request again is answered with the same job.
async fn begin(
    app: &App,
    caller: &Principal,
    id: &str,
    action: Action,
    uri: &Uri,
) -> Result<Response, Problem> {
    let selection = find(app, caller, id).await?;
    let bulk = app.bulk().ok_or_else(Problem::no_such_path)?;
    let earlier = bulk.find::<Job>(id, &caller.scope()).await?;
    let job = match earlier {
        Some(earlier) => earlier,
        None if selection.expires_at < bulk.now() => return Err(expired()),
        None => {
            let job = Job {
                id: selection.id.clone(),
                owner: selection.owner.clone(),
                by: caller.by().to_owned(),
                action: action.clone(),
                allowed_numbers: caller.allowed_numbers().to_vec(),
                state: JobState::Running,
                total: selection.count(),
                created_at: bulk.now(),
                ended_at: None,
                counts: None,
            };
            bulk.begin(job).await?
        }
    };
    if job.action != action {
        let detail = "this selection was used for another action; make a new one";
        return Err(Problem::new(StatusCode::CONFLICT, "conflict", detail));
    }
    let location = location(&app.0.site, uri, "/v1/jobs", &job.id)?;
    let view = JobView::read(bulk, job).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(view)).into_response())
}

fn expired() -> Problem {
    let detail = "this selection has expired; make a new one";
    Problem::new(StatusCode::GONE, "selection_expired", detail)
}

impl ResolveAllBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        fields.require("resolution");
        fields.require("reason");
        let resolution = read_resolution(&mut fields);
        let reason = fields.text("reason", MAX_REASON);
        fields.finish()?;
        let resolution = resolution.ok_or_else(|| Problem::missing("resolution"))?;
        Ok(Self { resolution, reason: reason.ok_or_else(|| Problem::missing("reason"))? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn a_resolution_of_many_is_read_as_its_schema_says() {
        let sample = json!({"resolution": "sent", "reason": "asked them"});
        assert_agrees::<ResolveAllBody>(&sample, &[], |body| {
            let body = body.to_string();
            ResolveAllBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }
}
