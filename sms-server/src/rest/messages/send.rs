//! `POST /v1/messages`.

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sms_core::NewMessage;
use sms_core::store::Acceptance;

use super::accepted::AcceptedMessage;
use super::admission::{prepare, rules_for};
use super::body::MessageBody;
use super::idempotency::{self, IDEMPOTENCY_REPLAYED};
use super::show::find;
use super::trace;
use super::view::Replay;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::Fields;
use crate::http::location::location;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};

/// `POST /v1/messages`: accepts a message. 202 means that it is durably stored.
pub(crate) async fn send(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let mut fields = Fields::read(&headers, &body)?;
    let message = MessageBody::read(&mut fields);
    fields.finish()?;
    let mut message = message.into_message().traceparent(trace::read(&headers));
    if let Some(key) = idempotency::read(&headers)? {
        message = message.key(key);
    }
    let rules = rules_for(&app, &caller).await?;
    let prepared = prepare(&app, &caller, &rules, message)?;
    accept(&app, &caller, prepared, &uri).await
}

/// Accepts a message, for a request with this address.
pub(super) async fn accept(
    app: &App,
    caller: &Principal,
    prepared: NewMessage,
    uri: &Uri,
) -> Result<Response, Problem> {
    let Acceptance { id, times } =
        app.0.readiness.note(app.0.sender.accept_one(prepared.clone()).await)?;
    let mut response = if times.is_some() {
        Json(AcceptedMessage::new(&prepared, times)).into_response()
    } else {
        let first = find(app, id, caller).await?;
        let mut response = Json(Replay::new(&first, caller, app)).into_response();
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        response
    };
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(header::LOCATION, location(uri, "/v1/messages", id)?);
    Ok(response)
}
