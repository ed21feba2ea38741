//! `GET /v1/events`: the event log, as pages or as a stream.

mod cursor;
mod feed;
mod log;
mod page;
mod query;
mod stream;
pub(crate) mod view;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use self::query::EventsQuery;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

/// `GET /v1/events`: a page, or a stream for a client that accepts one.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let query = EventsQuery::read(params, &headers)?;
    if stream::is_accepted(&headers) {
        return stream::open(app, caller, query).await;
    }
    Ok(page::read(&app, &caller, query).await?.into_response())
}
