//! `GET /v1/messages`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use sms_core::store::ListRequest;
use sms_core::{Archive, NumberReader, Status};

use super::filter::{CLIENT, ClientFilter, put_cursor, set_filter};
use super::view::{MessagePage, MessageView};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::page::split;
use crate::http::params::{DEFAULT_LIMIT, Params, put_boolean, put_limit};
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};
use crate::rest::receipts::unmatched_near;

/// Time limit of the search for a page. With a filter that has no index, the reply then holds what
/// was found so far.
pub(crate) const LIST_BUDGET: Duration = Duration::from_millis(20);

/// Parameters of a list.
struct Query {
    messages: ListRequest,
    /// The texts are shown.
    has_content: bool,
}

/// `GET /v1/messages`: newest first, one page.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let query = read(params, &caller, app.0.store.numbers())?;
    let client = Arc::clone(&caller.client);
    app.0.scans.run(&client, page(app.clone(), caller, query)).await
}

/// A page of messages, and the unmatched receipts that may belong to them.
async fn page(app: App, caller: Principal, query: Query) -> Result<Response, Problem> {
    let Query { messages: mut request, has_content } = query;
    let limit = request.limit;
    // One more than the page tells whether there is a next one.
    request.limit += 1;
    request.budget = Some(LIST_BUDGET);
    let (found, next) = split(app.0.store.list(&request).await?, limit);
    let unmatched_receipts = match request.statuses.as_slice() {
        [Status::Unknown] => Some(unmatched_near(&app, &caller, &found).await?),
        _ => None,
    };
    let view = |stored| {
        let view = MessageView::new(stored, &app);
        if has_content { view } else { view.without_content() }
    };
    let page = MessagePage {
        data: found.iter().map(view).collect(),
        next_cursor: next.cursor,
        searched_back_to: next.searched_back_to,
        unmatched_receipts,
    };
    Ok(Json(page).into_response())
}

fn read(params: Params, caller: &Principal, numbers: NumberReader) -> Result<Query, Problem> {
    let mut request = ListRequest::new(DEFAULT_LIMIT);
    let (mut client, mut has_content) = (ClientFilter::default(), true);
    params.set_each(|name, value| match name {
        "limit" => put_limit(&mut request.limit, value),
        "cursor" => put_cursor(&mut request.after, value),
        "content" => put_boolean(&mut has_content, value),
        CLIENT => client.set(value),
        _ => set_filter(&mut request, numbers, name, value),
    })?;
    Ok(Query { messages: request.scope(client.scope(caller)?), has_content })
}
