//! `GET /v1/imports/{id}`.

use axum::Json;
use axum::extract::{Path, State};

use super::view::ImportDetails;
use crate::app::App;
use crate::bulk::Bulk;
use crate::bulk::import::Import;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};

/// `GET /v1/imports/{id}`.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ImportDetails>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let (bulk, import) = find(&app, &caller, &id).await?;
    ImportDetails::read(&app, bulk, import).await.map(Json)
}

/// An import that the caller may see.
pub(super) async fn find<'a>(
    app: &'a App,
    caller: &Principal,
    id: &str,
) -> Result<(&'a Bulk, Import), Problem> {
    let bulk = app.bulk().ok_or_else(Problem::no_such_path)?;
    let found = bulk.find::<Import>(id, &caller.scope()).await?;
    let import = found.filter(Import::is_visible).ok_or_else(Problem::not_found)?;
    Ok((bulk, import))
}
