//! `POST /v1/messages/{id}/cancel`.

use axum::extract::{Path, State};
use axum::response::Response;
use sms_core::end_log::log_by_person;
use sms_core::store::CancelRequest;

use super::show::{changed, parse_id};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// `POST /v1/messages/{id}/cancel`: cancels a message that waits to be sent.
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let (id, scope, by) = (parse_id(&id)?, caller.scope(), caller.by().to_owned());
    let status = app.0.store.cancel(CancelRequest::new(id, by.clone()).scope(scope)).await?;
    tracing::info!(%id, by, "message cancelled");
    log_by_person(id, status, &by);
    changed(&app, id, &caller).await
}
