//! `GET /v1/sandbox/messages`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use sms_core::store::ListRequest;

use super::inbox::of_sandbox;
use super::partition::PartitionKey;
use super::view::{SandboxMessage, SandboxPage};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::page::split;
use crate::http::params::{DEFAULT_LIMIT, Params, put_limit};
use crate::http::problem::Problem;
use crate::keys::KeyScope;
use crate::rest::messages::filter::{put_cursor, set_filter};
use crate::rest::messages::list::LIST_BUDGET;

/// `GET /v1/sandbox/messages`: newest first, one page.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let numbers = app.0.store.numbers();
    let (mut request, mut key) = (ListRequest::new(DEFAULT_LIMIT), PartitionKey::default());
    params.set_each(|name, value| match name {
        "limit" => put_limit(&mut request.limit, value),
        "cursor" => put_cursor(&mut request.after, value),
        "to" | "q" | "from_time" | "to_time" => set_filter(&mut request, numbers, name, value),
        _ => key.set(name, value),
    })?;
    let request = of_sandbox(&app, request.scope(key.scope(&app, &caller).await?));
    let client = Arc::clone(&caller.client);
    app.0.scans.run(&client, page(app.clone(), request)).await
}

async fn page(app: App, mut request: ListRequest) -> Result<Response, Problem> {
    let limit = request.limit;
    // One more than the page tells whether there is a next one.
    request.limit += 1;
    request.budget = Some(LIST_BUDGET);
    let (found, next) = split(app.0.store.list(&request).await?, limit);
    let page = SandboxPage {
        data: found.iter().map(|stored| SandboxMessage::new(stored, &app)).collect(),
        next_cursor: next.cursor,
        searched_back_to: next.searched_back_to,
    };
    Ok(Json(page).into_response())
}
