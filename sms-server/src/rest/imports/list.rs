//! `GET /v1/imports`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::ImportView;
use crate::app::App;
use crate::bulk::import::Import;
use crate::http::auth::Caller;
use crate::http::params::{DEFAULT_LIMIT, Params, put_limit, unknown};
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// Imports, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportList {
    data: Vec<ImportView>,
}

/// `GET /v1/imports`: the newest.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<ImportList>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let bulk = app.bulk().ok_or_else(Problem::no_such_path)?;
    let mut limit = DEFAULT_LIMIT;
    params.set_each(|name, value| match name {
        "limit" => put_limit(&mut limit, value),
        _ => unknown(),
    })?;
    let imports = bulk.list::<Import>(&caller.scope()).await?;
    let visible = imports.into_iter().filter(Import::is_visible).take(limit);
    Ok(Json(ImportList { data: visible.map(ImportView::from).collect() }))
}
