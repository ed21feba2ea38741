//! `GET /v1/jobs/{id}`.

use axum::Json;
use axum::extract::{Path, State};

use super::view::JobView;
use crate::app::App;
use crate::bulk::Bulk;
use crate::bulk::job::Job;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};

/// `GET /v1/jobs/{id}`: a job with its progress.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let (bulk, job) = find(&app, &caller, &id).await?;
    JobView::read(bulk, job).await.map(Json)
}

/// A job that the caller may see.
pub(super) async fn find<'a>(
    app: &'a App,
    caller: &Principal,
    id: &str,
) -> Result<(&'a Bulk, Job), Problem> {
    let bulk = app.bulk().ok_or_else(Problem::no_such_path)?;
    let job = bulk.find::<Job>(id, &caller.scope()).await?.ok_or_else(Problem::not_found)?;
    Ok((bulk, job))
}
