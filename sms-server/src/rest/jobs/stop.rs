//! `POST /v1/jobs/{id}/stop`.

use axum::Json;
use axum::extract::{Path, State};

use super::show::find;
use super::view::JobView;
use crate::app::App;
use crate::bulk::job::{Job, JobState};
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// `POST /v1/jobs/{id}/stop`: ends a job for good. The items of a batch that is under way are done.
pub(crate) async fn stop(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let (bulk, _) = find(&app, &caller, &id).await?;
    let now = bulk.now();
    let stopped = bulk.change::<Job>(&id, |job| job.end(JobState::Stopped, now)).await?;
    let job = stopped.ok_or_else(Problem::not_found)?;
    tracing::info!(job = job.id, by = caller.by(), state = ?job.state, "job stopped");
    JobView::read(bulk, job).await.map(Json)
}
