//! `GET /v1/messages/{id}`, and the message after a change.

use sms_core::store::{Archive, MessageRequest};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use sms_core::{MessageId, StoredMessage};

use super::view::{MessageDetails, MessageOutline, MessageView};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};
use crate::rest::receipts::unmatched_near;

/// `GET /v1/messages/{id}`: the message and its timeline.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let (id, client) = (parse_id(&id)?, Arc::clone(&caller.client));
    let shared = app.clone();
    app.0.lookups.run(&client, async move { details(&shared, id, &caller).await }).await
}

/// Reads an id. A path that holds none is that of no message.
pub(super) fn parse_id(path: &str) -> Result<MessageId, Problem> {
    path.parse().map_err(|_| Problem::not_found())
}

/// Gets a message that the caller may see.
pub(super) async fn find(
    app: &App,
    id: MessageId,
    caller: &Principal,
) -> Result<StoredMessage, Problem> {
    app.0
        .store
        .get(&MessageRequest::new(id).scope(caller.scope()))
        .await?
        .ok_or_else(Problem::not_found)
}

/// The reply after the caller has changed a message: with its timeline if the key may read, else
/// its status alone.
pub(super) async fn changed(
    app: &App,
    id: MessageId,
    caller: &Principal,
) -> Result<Response, Problem> {
    if caller.may(KeyScope::Read) {
        return details(app, id, caller).await;
    }
    let status = find(app, id, caller).await?.state.status;
    Ok(Json(MessageOutline { id, status }).into_response())
}

async fn details(app: &App, id: MessageId, caller: &Principal) -> Result<Response, Problem> {
    let stored = find(app, id, caller).await?;
    let events = app.0.store.timeline(&MessageRequest::new(id)).await?;
    let unmatched = unmatched_near(app, caller, std::slice::from_ref(&stored)).await?;
    let message = MessageView::new(&stored, app);
    Ok(Json(MessageDetails::new(message, &stored, events, unmatched, app)).into_response())
}
