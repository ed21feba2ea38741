//! Reading of the event log for clients.

use std::sync::Arc;

use axum::http::StatusCode;
use sms_core::Error;
use sms_core::store::{EventPage, EventsRequest, LogEndRequest};

use crate::app::App;
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::Principal;

/// Reads events of a caller; `None` if the position is beyond the end of the log, which only a
/// store has that was restored from an earlier time, or another one.
pub(super) async fn read(
    app: &App,
    caller: &Principal,
    request: EventsRequest,
) -> Result<Option<EventPage>, Problem> {
    let store = Arc::clone(&app.0.store);
    let read = async move {
        let page = store.events(&request).await?;
        // An end of before the page would not do: the log grows.
        let is_beyond = page.read_to == request.after
            && store.log_end(&LogEndRequest::new()).await?.position < request.after;
        Ok::<_, Error>((!is_beyond).then_some(page))
    };
    app.0.lookups.run(&caller.client, read).await
}

/// The position at which the log ends.
pub(super) async fn end(app: &App) -> Result<u64, Problem> {
    Ok(app.0.store.log_end(&LogEndRequest::new()).await?.position)
}

/// The problem of a position after which events may be missing.
pub(super) fn gone() -> Problem {
    let detail = "events after this cursor may be gone; go on without it";
    let error = FieldProblem::parameter("after", "events_gone", detail);
    Problem::fields(StatusCode::GONE, vec![error])
}
