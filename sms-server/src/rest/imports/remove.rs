//! `DELETE /v1/imports/{id}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::show::find;
use crate::app::App;
use crate::bulk::import::{Import, ImportState};
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// `DELETE /v1/imports/{id}`: removes an import that was not sent, with its rows.
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let (bulk, _) = find(&app, &caller, &id).await?;
    let now = bulk.now();
    let changed = bulk.change::<Import>(&id, |import| import.remove(now)).await?;
    if changed.is_some_and(|import| import.state == ImportState::Sent) {
        let detail = "the import was sent; stop its job, /v1/jobs/{id}/stop";
        return Err(Problem::new(StatusCode::CONFLICT, "conflict", detail));
    }
    tracing::info!(import = id, by = caller.by(), "file removed");
    Ok(StatusCode::NO_CONTENT)
}
