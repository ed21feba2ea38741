//! `GET /v1/messages`.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use sms_core::store::{ListRequest, Scope};
use sms_core::{Archive, Class, MessageId, NumberReader, PhoneNumber, Status};

use super::view::{MessagePage, MessageView};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::page::split;
use crate::http::params::{DEFAULT_LIMIT, Params, Rule, put, put_limit, put_time, unknown};
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};
use crate::rest::receipts::unmatched_near;

/// The longest search, in characters.
const MAX_SEARCH: usize = 200;
/// Time limit of the search for a page. With a filter that has no index, the reply then holds what
/// was found so far.
const LIST_BUDGET: Duration = Duration::from_millis(20);

/// `GET /v1/messages`: newest first, one page.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let request = read(params, caller.scope(), app.0.store.numbers())?;
    let client = Arc::clone(&caller.client);
    app.0.scans.run(&client, page(app.clone(), caller, request)).await
}

/// A page of messages, and the unmatched receipts that may belong to them.
async fn page(app: App, caller: Principal, mut request: ListRequest) -> Result<Response, Problem> {
    let limit = request.limit;
    // One more than the page tells whether there is a next one.
    request.limit += 1;
    request.budget = Some(LIST_BUDGET);
    let (found, next) = split(app.0.store.list(&request).await?, limit);
    let unmatched_receipts = match request.statuses.as_slice() {
        [Status::Unknown] => Some(unmatched_near(&app, &caller, &found).await?),
        _ => None,
    };
    let page = MessagePage {
        data: found.iter().map(|stored| MessageView::new(stored, &app)).collect(),
        next_cursor: next.cursor,
        searched_back_to: next.searched_back_to,
        unmatched_receipts,
    };
    Ok(Json(page).into_response())
}

fn read(params: Params, scope: Scope, numbers: NumberReader) -> Result<ListRequest, Problem> {
    let mut request = ListRequest::new(DEFAULT_LIMIT).scope(scope);
    params.set_each(|name, value| set(&mut request, numbers, name, value))?;
    Ok(request)
}

/// Sets one parameter; returns the rule that it breaks, if it does.
fn set(request: &mut ListRequest, numbers: NumberReader, name: &str, value: &str) -> Option<Rule> {
    const STATUS: &str = "must be one or more of queued, sending, sent, delivered, undelivered, \
                          failed, unknown, expired, cancelled, separated by commas";
    match name {
        "status" => {
            put(&mut request.statuses, value.split(',').map(Status::from_name).collect(), STATUS)
        }
        "to" => put_number(&mut request.to, value, numbers),
        "q" => {
            let fits = (1..=MAX_SEARCH).contains(&value.chars().count());
            let search = fits.then(|| value.to_owned());
            put(&mut request.search, search.map(Some), "must be 1 to 200 characters")
        }
        "from_time" => put_time(&mut request.from_time, value),
        "to_time" => put_time(&mut request.to_time, value),
        "class" => put(
            &mut request.class,
            Class::from_name(value).map(Some),
            "must be otp, service or marketing",
        ),
        "reference" => {
            request.reference = Some(value.to_owned());
            None
        }
        "limit" => put_limit(&mut request.limit, value),
        "cursor" => {
            let cursor = MessageId::from_str(value).ok().map(Some);
            put(&mut request.after, cursor, "must be the next_cursor of an earlier page")
        }
        _ => unknown(),
    }
}

/// Sets a phone number. A + that the client did not escape arrives as a blank. Before a national
/// number a blank is only a blank, which the reader of numbers ignores.
fn put_number(slot: &mut Option<PhoneNumber>, value: &str, numbers: NumberReader) -> Option<Rule> {
    let mended = value.strip_prefix(' ').and_then(|rest| numbers.read(&format!("+{rest}")).ok());
    match mended.map_or_else(|| numbers.read(value), Ok) {
        Ok(number) => *slot = Some(number),
        Err(error) => return error.fields().first().map(|field| field.message.clone()),
    }
    None
}
