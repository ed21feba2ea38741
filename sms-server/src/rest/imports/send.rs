//! `POST /v1/imports/{id}/send`: begins the job that sends an import.

use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::show::find;
use crate::app::App;
use crate::bulk::import::{Import, ImportState};
use crate::bulk::job::{Action, Job, JobState};
use crate::http::auth::Caller;
use crate::http::location::location;
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::{KeyScope, Principal};
use crate::rest::jobs::view::JobView;

/// `POST /v1/imports/{id}/send`. The same request again is answered with the same job.
pub(crate) async fn send(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let (bulk, import) = find(&app, &caller, &id).await?;
    let job = match bulk.find::<Job>(&id, &caller.scope()).await? {
        Some(earlier) => earlier,
        None if import.expires_at < bulk.now() => return Err(expired()),
        None if import.counts.valid == 0 => return Err(empty()),
        None => {
            let now = bulk.now();
            // Decides between this request and the removal of the import.
            let sent = bulk.change::<Import>(&id, |import| import.set_sent(now)).await?;
            let is_sent = |import: &Import| import.state == ImportState::Sent;
            let import = sent.filter(is_sent).ok_or_else(Problem::not_found)?;
            bulk.begin(job_of(import, &caller, now)).await?
        }
    };
    let location = location(&app.0.site, &uri, "/v1/jobs", &job.id)?;
    let view = JobView::read(bulk, job).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(view)).into_response())
}

/// The job that sends an import. Its messages belong to the owner of the import, also if
/// an administrator sends it.
fn job_of(import: Import, caller: &Principal, now: time::OffsetDateTime) -> Job {
    Job {
        id: import.id,
        owner: Some(import.owner),
        by: caller.by().to_owned(),
        total: import.counts.rows(),
        action: Action::Send { mailing: Box::new(import.mailing), route: import.route },
        allowed_numbers: caller.allowed_numbers().to_vec(),
        state: JobState::Running,
        created_at: now,
        ended_at: None,
        counts: None,
    }
}

fn expired() -> Problem {
    let detail = "this import has expired; check the file again";
    Problem::new(StatusCode::GONE, "import_expired", detail)
}

fn empty() -> Problem {
    let wrong = FieldProblem::whole("import_empty", "no row of this import can be sent");
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![wrong])
}
