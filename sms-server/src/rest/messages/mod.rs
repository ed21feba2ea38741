//! `/v1/messages`: to send, to list, to look at one.

pub(crate) mod batch;
mod body;
mod items;
pub(crate) mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sms_core::end_log::log_by_person;
use sms_core::sender::Acceptance;
use sms_core::store::{CancelRequest, ListRequest, Resolution, ResolveRequest};
use sms_core::{Error, ErrorKind, MessageId, Status, StoredMessage};

use self::body as message_body;
use crate::app::Api;
use crate::http::auth::Caller;
use crate::http::fields::Fields;
use crate::http::page;
use crate::http::params;
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::{KeyScope, Principal};
use crate::rest::messages::view::{Accepted, Detailed, Outline, Page, Replay, Shown};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest provider id, in characters.
const MAX_PROVIDER_ID: usize = 64;
/// How long a page may be looked for. A filter that no index serves is then answered with what was
/// found so far.
const LIST_BUDGET: Duration = Duration::from_millis(20);
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// `POST /v1/messages`: 202 means durably accepted.
pub(crate) async fn send(
    State(api): State<Api>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let body = api.0.bodies.read(&caller.id, body).await?;
    let mut message = message_body::read(Fields::read(&headers, &body)?)?.owner(&*caller.id);
    if let Some(key) = idempotency_key(&headers)? {
        message = message.key(key);
    }
    let prepared = api.0.sender.prepare(&message)?;
    let Acceptance { id, replayed } =
        api.0.readiness.note(api.0.sender.accept_one(prepared.clone()).await)?;
    let mut response = if replayed {
        let first = api.get(id, &caller).await?;
        let mut response = accepted(id, &uri, Json(Replay::new(&first, &caller, &api)))?;
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        response
    } else {
        accepted(id, &uri, Json(Accepted::new(&prepared)))?
    };
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// `GET /v1/messages`: newest first, a page at a time.
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let request =
        params::read(params::parameters(parameters)?, caller.scope(), api.0.store.numbers())?;
    let client = Arc::clone(&caller.id);
    api.0.scans.run(&client, api.clone().page(caller, request)).await
}

/// `GET /v1/messages/{id}`: the message and its timeline.
pub(crate) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let (id, client) = (id_in(&id)?, Arc::clone(&caller.id));
    let state = Arc::clone(&api.0);
    state.lookups.run(&client, async move { api.details(id, &caller).await }).await
}

/// `POST /v1/messages/{id}/cancel`: calls a message back while it waits.
pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let (id, scope, by) = (id_in(&id)?, caller.scope(), caller.id.to_string());
    let status = api.0.store.cancel(CancelRequest { id, scope, by: by.clone() }).await?;
    log_by_person(id, status, &by);
    api.changed(id, &caller).await
}

/// `POST /v1/messages/{id}/resolve`: a person settles a message of unknown outcome.
pub(crate) async fn resolve(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let body = api.0.bodies.read(&caller.id, body).await?;
    let (resolution, reason) = read_resolution(Fields::read(&headers, &body)?)?;
    let (id, scope, by) = (id_in(&id)?, caller.scope(), caller.id.to_string());
    // One to be sent again is due at once: the caretaker offers it.
    let request = ResolveRequest { id, scope, resolution, by: by.clone(), reason };
    log_by_person(id, api.0.store.resolve(request).await?, &by);
    api.changed(id, &caller).await
}

impl Api {
    /// A message the caller may see.
    pub(crate) async fn get(
        &self,
        id: MessageId,
        caller: &Principal,
    ) -> Result<StoredMessage, Problem> {
        self.0.store.get(id, &caller.scope()).await?.ok_or_else(Problem::not_found)
    }

    /// A page of messages, and what may be about them.
    async fn page(self, caller: Principal, mut request: ListRequest) -> Result<Response, Problem> {
        let page = request.limit;
        // One more than the page tells whether there is a next one.
        request.limit += 1;
        request.budget = Some(LIST_BUDGET);
        let (found, next) = page::split(self.0.store.list(&request).await?, page);
        let unmatched_receipts = match request.statuses.as_slice() {
            [Status::Unknown] => Some(self.unmatched_beside(&caller, &found).await?),
            _ => None,
        };
        let data = found.iter().map(|stored| Shown::new(stored, &self)).collect();
        let (next_cursor, searched_back_to) = (next.cursor, next.searched_back_to);
        Ok(Json(Page { data, next_cursor, searched_back_to, unmatched_receipts }).into_response())
    }

    /// A message the caller has changed: with everything that happened to it if the key may read,
    /// else its status alone.
    async fn changed(&self, id: MessageId, caller: &Principal) -> Result<Response, Problem> {
        if caller.may(KeyScope::Read) {
            return self.details(id, caller).await;
        }
        let status = self.get(id, caller).await?.state.status;
        Ok(Json(Outline { id, status }).into_response())
    }

    /// A message with everything that happened to it.
    async fn details(&self, id: MessageId, caller: &Principal) -> Result<Response, Problem> {
        let stored = self.get(id, caller).await?;
        let events = self.0.store.timeline(id).await?;
        let unmatched = self.unmatched_beside(caller, std::slice::from_ref(&stored)).await?;
        let shown = Shown::new(&stored, self);
        Ok(Json(Detailed::new(shown, &stored, events, unmatched)).into_response())
    }
}

/// What is not an id is the id of nothing.
fn id_in(path: &str) -> Result<MessageId, Problem> {
    path.parse().map_err(|_| Problem::not_found())
}

/// What a person says became of a message, and how they know.
fn read_resolution(mut fields: Fields<'_>) -> Result<(Resolution, String), Problem> {
    const RESOLUTION: &str = "must be sent, failed or resend";
    fields.require("resolution");
    fields.require("reason");
    let resolution = fields.one_of("resolution", RESOLUTION, |name| match name {
        "sent" => Some(Resolution::Sent { provider_id: None }),
        "failed" => Some(Resolution::Failed),
        "resend" => Some(Resolution::Resend),
        _ => None,
    });
    let provider_id = match resolution {
        Some(Resolution::Sent { .. }) => fields.text("provider_id", MAX_PROVIDER_ID),
        _ => None,
    };
    let reason = fields.reason();
    fields.finish()?;
    let resolution = match resolution {
        Some(Resolution::Sent { .. }) => Some(Resolution::Sent { provider_id }),
        other => other,
    };
    // Both are there, or `finish` would have said so; null is as good as absent.
    let missing = |name| {
        Problem::fields(
            StatusCode::BAD_REQUEST,
            vec![FieldProblem::field(name, "field_missing", "is required")],
        )
    };
    Ok((resolution.ok_or_else(|| missing("resolution"))?, reason.ok_or_else(|| missing("reason"))?))
}

fn accepted(
    id: MessageId,
    uri: &axum::http::Uri,
    body: impl IntoResponse,
) -> Result<Response, Problem> {
    let location = format!("{}/{id}", uri.path().trim_end_matches('/'));
    let unwritable = |error| {
        Error::new(ErrorKind::Internal, "the location cannot be written").with_source(error)
    };
    let location = HeaderValue::try_from(location).map_err(unwritable)?;
    Ok(([(header::LOCATION, location)], body).into_response())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let wrong = |rule: &'static str| {
        let error = FieldProblem::parameter("Idempotency-Key", "idempotency_key_invalid", rule);
        Problem::fields(StatusCode::BAD_REQUEST, vec![error])
    };
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(wrong("must stand once"));
    }
    value.to_str().map(Some).map_err(|_| wrong("must be printable ASCII"))
}
