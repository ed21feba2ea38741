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

/// Jobs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobList {
    data: Vec<JobView>,
}

/// `GET /v1/jobs`: the newest.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<JobList>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let bulk = app.bulk().ok_or_else(Problem::no_such_path)?;
    let mut limit = DEFAULT_LIMIT;
    params.set_each(|name, value| match name {
        "limit" => put_limit(&mut limit, value),
        _ => unknown(),
    })?;
    let mut data = Vec::new();
    for job in bulk.list::<Job>(&caller.scope()).await?.into_iter().take(limit) {
        data.push(JobView::read(bulk, job).await?);
    }
    Ok(Json(JobList { data }))
}
