//! `POST /v1/messages`.

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sms_core::store::Acceptance;
use sms_core::{Error, ErrorKind, MessageId};

use super::body::MessageBody;
use super::idempotency::{self, IDEMPOTENCY_REPLAYED};
use super::show::find;
use super::view::{AcceptedMessage, Replay};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::keys::KeyScope;

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
    let mut message = message.into_message().owner(&*caller.client);
    if let Some(key) = idempotency::read(&headers)? {
        message = message.key(key);
    }
    let prepared = app.0.sender.prepare(&message)?;
    let Acceptance { id, replayed } =
        app.0.readiness.note(app.0.sender.accept_one(prepared.clone()).await)?;
    let mut response = if replayed {
        let first = find(&app, id, &caller).await?;
        let mut response = Json(Replay::new(&first, &caller, &app)).into_response();
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        response
    } else {
        Json(AcceptedMessage::new(&prepared)).into_response()
    };
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(header::LOCATION, location(&uri, id)?);
    Ok(response)
}

/// The path of a message, under the prefix that the application mounted the door at.
fn location(uri: &Uri, id: MessageId) -> Result<HeaderValue, Problem> {
    let unwritable = |error| {
        Error::new(ErrorKind::Internal, "the location cannot be written").with_source(error)
    };
    let path = format!("{}/{id}", uri.path().trim_end_matches('/'));
    Ok(HeaderValue::try_from(path).map_err(unwritable)?)
}
