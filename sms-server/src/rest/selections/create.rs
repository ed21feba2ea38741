//! `POST /v1/selections`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Map;
use sms_core::registry::Expect;
use sms_core::store::{ListRequest, MessageRequest};
use sms_core::worklists::item::WorkItem;
use sms_core::worklists::requests::AppendItems;
use sms_core::{Archive as _, MessageId};
use tokio::time::timeout;

use super::body::{self, IDS, Selected};
use super::show::SelectionView;
use crate::app::App;
use crate::bulk::Bulk;
use crate::bulk::selection::{MAX_SELECTED, Selection, owner_of};
use crate::http::auth::Caller;
use crate::http::fields::Fields;
use crate::http::location::location;
use crate::http::page::split;
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::{KeyScope, Principal};
use crate::rest::messages::list::LIST_BUDGET;

/// Messages that are read at a time.
const PAGE: usize = 1000;
/// Named messages that are looked up with one permit, and at the same time.
const CHUNK: usize = 50;
const READS: usize = 4;
/// The longest that the search of all pages may take: less than the time limit of a request.
const TIMEOUT: Duration = Duration::from_secs(25);
/// Selections of one client at most, of the last hour.
const MAX_SELECTIONS: usize = 50;

/// `POST /v1/selections`: keeps the ids of the messages that match now, or that are named.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let bulk = app.bulk().ok_or_else(Problem::no_such_path)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let mut request = ListRequest::new(PAGE + 1).budget(LIST_BUDGET);
    let numbers = app.0.store.numbers();
    let selected = body::read(Fields::read(&headers, &body)?, &mut request, numbers)?;
    drop(body);
    check_number(bulk, &caller).await?;
    let (id, scope) = (MessageId::new().to_string(), caller.scope());
    let mut selection = Selection::new(id, &scope, Map::new(), bulk.now());
    let fill = async {
        match selected {
            Selected::Filter { written, client } => {
                selection.filter = written;
                request = request.scope(client.scope(&caller)?);
                fill(&app, bulk, &caller, request, &mut selection).await
            }
            Selected::Ids(ids) => {
                selection.is_named = true;
                fill_with(&app, bulk, &caller, ids, &mut selection).await
            }
        }
    };
    timeout(TIMEOUT, fill).await.map_err(|_| too_slow())??;
    selection.is_ready = true;
    bulk.put(&selection, Expect::Anything).await?;
    let location = location(&app.0.site, &uri, "/v1/selections", &selection.id)?;
    let view = Json(SelectionView::from(selection));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], view).into_response())
}

/// Reads every page of the list, and keeps the ids.
async fn fill(
    app: &App,
    bulk: &Bulk,
    caller: &Principal,
    mut request: ListRequest,
    selection: &mut Selection,
) -> Result<(), Problem> {
    // The header comes first, so that items are never without one, which leads to their removal.
    bulk.put(&*selection, Expect::Absent).await?;
    let mut count = 0;
    loop {
        // Each page takes a permit of its own, so that other reads have their turn.
        let (client, store, page) =
            (Arc::clone(&caller.client), Arc::clone(&app.0.store), request.clone());
        let found = app.0.scans.run(&client, async move { store.list(&page).await }).await?;
        let (mut messages, next) = split(found, PAGE);
        if messages.len() > MAX_SELECTED - count {
            messages.truncate(MAX_SELECTED - count);
            selection.is_complete = false;
        }
        let items = messages
            .iter()
            .zip(count..)
            .map(|(stored, number)| WorkItem::new(number as u64, stored.message.id.to_string()));
        bulk.worklists.append(AppendItems::new(&selection.id, items.collect())).await?;
        count += messages.len();
        for stored in &messages {
            *selection.by_status.entry(stored.state.status.to_string()).or_default() += 1;
        }
        // A page that the time limit has cut short has a cursor, too: the list goes on after it.
        let Some(cursor) = next.cursor.filter(|_| selection.is_complete) else { return Ok(()) };
        request.after = Some(cursor);
    }
}

/// Looks every message up, and keeps the ids.
async fn fill_with(
    app: &App,
    bulk: &Bulk,
    caller: &Principal,
    ids: Vec<MessageId>,
    selection: &mut Selection,
) -> Result<(), Problem> {
    let (mut known, mut wrong) = (HashSet::new(), Vec::new());
    let mut items = Vec::with_capacity(ids.len());
    for (place, chunk) in (0..).step_by(CHUNK).zip(ids.chunks(CHUNK)) {
        let (store, scope, chunk) = (Arc::clone(&app.0.store), caller.scope(), chunk.to_vec());
        let read = async move {
            let get = async |id| store.get(&MessageRequest::new(id).scope(scope.clone())).await;
            stream::iter(chunk).map(get).buffered(READS).try_collect::<Vec<_>>().await
        };
        let client = Arc::clone(&caller.client);
        for (index, found) in (place..).zip(app.0.lookups.run(&client, read).await?) {
            let Some(stored) = found else {
                let error = FieldProblem::field(IDS, "message_unknown", "no message has this id");
                wrong.push(error.with_pointer_inside(&format!("/{index}")));
                continue;
            };
            let id = stored.message.id;
            if known.insert(id) {
                items.push(WorkItem::new(items.len() as u64, id.to_string()));
                *selection.by_status.entry(stored.state.status.to_string()).or_default() += 1;
            }
        }
    }
    if !wrong.is_empty() {
        return Err(Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, wrong));
    }
    bulk.put(&*selection, Expect::Absent).await?;
    bulk.worklists.append(AppendItems::new(&selection.id, items)).await?;
    Ok(())
}

/// Refuses a client that has made many selections and not acted on them.
async fn check_number(bulk: &Bulk, caller: &Principal) -> Result<(), Problem> {
    let (scope, now) = (caller.scope(), bulk.now());
    let owner = owner_of(&scope);
    let selections = bulk.list::<Selection>(&scope).await?;
    let open = selections.iter().filter(|it| it.owner == owner && it.expires_at > now);
    if open.count() < MAX_SELECTIONS {
        return Ok(());
    }
    let detail = "this client has 50 selections already; each of them ends after an hour";
    Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "selections_too_many", detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("60")))
}

fn too_slow() -> Problem {
    let detail = "the search took longer than 25 s and was stopped; narrow the filter, for \
                  example by from_time";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "query_timeout", detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
}
