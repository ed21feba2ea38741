//! `GET /v1/jobs`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::JobView;
use crate::app::App;
use crate::bulk::job::Job;
use crate::http::auth::Caller;
use crate::http::params::{DEFAULT_LIMIT, Params, put_limit, unknown};
use crate::http::problem::Problem;
use crate::keys::KeyScope;
use crate::rest::messages::filter::put_cursor;

/// A page of jobs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobList {
    data: Vec<JobView>,
    /// The parameter `cursor` of the next page; null at the end of the list.
    next_cursor: Option<String>,
}

/// `GET /v1/jobs`: a page.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<JobList>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let bulk = app.bulk().ok_or_else(Problem::no_such_path)?;
    let (mut limit, mut after) = (DEFAULT_LIMIT, None);
    params.set_each(|name, value| match name {
        "limit" => put_limit(&mut limit, value),
        "cursor" => put_cursor(&mut after, value),
        _ => unknown(),
    })?;
    // The ids grow with time. The job of the cursor may be gone.
    let after = after.map(|id| id.to_string());
    let mut jobs = bulk.list::<Job>(&caller.scope()).await?;
    jobs.retain(|job| after.as_ref().is_none_or(|after| job.id < *after));
    let next_cursor = jobs.get(limit).and_then(|_| jobs.get(limit - 1)).map(|job| job.id.clone());
    let mut data = Vec::new();
    for job in jobs.into_iter().take(limit) {
        data.push(JobView::read(bulk, job).await?);
    }
    Ok(Json(JobList { data, next_cursor }))
}
