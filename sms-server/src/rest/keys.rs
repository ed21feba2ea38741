//! `/v1/keys`: API keys. A key is shown once, in the reply that makes it.

use std::cmp::Reverse;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use serde::Serialize;
use sms_core::{NumberReader, PhoneNumber};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::schema::{KeyKindName, KeyScopeName};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::Fields;
use crate::http::location::location;
use crate::http::params::{Params, unknown};
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::{
    Client, IssuedKey, KeyDetails, KeyKind, KeyScope, MAX_ALLOWED, MAX_NAME, MAX_OVERLAP, NewKey,
    UNKNOWN_CLIENT,
};
use crate::rest::numbers::read_numbers;

/// The time for which a rotated key stays valid, unless the request says otherwise.
const DEFAULT_OVERLAP: Duration = Duration::from_hours(24);
/// One number more than a key may have, which tells that there are too many.
const TOO_MANY: usize = MAX_ALLOWED + 1;

/// A key to be made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyBody {
    /// The purpose of the key, for people.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// The id of the client that owns what is sent with the key. By default a new client is made,
    /// with the name of the key.
    client: Option<String>,
    /// The permissions. Defaults to `send` and `read`.
    #[schema(value_type = Option<Vec<KeyScopeName>>)]
    scopes: Option<Vec<KeyScope>>,
    /// The kind. Defaults to `live`.
    #[schema(value_type = Option<KeyKindName>)]
    kind: Option<KeyKind>,
    /// The only recipients that the key may send to. By default it may send to every number. Only
    /// for live keys.
    #[schema(min_items = 1, max_items = 100)]
    allowed_numbers: Option<Vec<String>>,
    /// The time from which the key is refused. Defaults to never.
    #[serde(with = "crate::http::timestamp::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<OffsetDateTime>,
}

/// A rotation of a key. The body may be empty.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotateBody {
    /// The seconds for which the old key stays valid. Defaults to a day.
    #[schema(minimum = 0, maximum = 7_776_000)]
    overlap_seconds: Option<u64>,
}

/// A key, without its text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// The public part of the key.
    id: String,
    /// The purpose of the key, for people.
    name: String,
    client: KeyClient,
    #[schema(value_type = KeyKindName)]
    kind: KeyKind,
    #[schema(value_type = Vec<KeyScopeName>)]
    scopes: Vec<KeyScope>,
    /// The only recipients that the key may send to; absent if it may send to every number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    allowed_numbers: Vec<PhoneNumber>,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// The time of the last use, up to ten minutes too early; absent if the key was never used.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<OffsetDateTime>,
    /// The time from which the key is refused; absent if it does not expire.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<OffsetDateTime>,
    /// The time at which the key was revoked.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<OffsetDateTime>,
}

/// The client of a key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyClient {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A key that was made by this request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewKeyView {
    #[serde(flatten)]
    key: KeyView,
    /// The key itself. It is not stored, and so it is shown only here.
    secret: String,
}

/// Every key ever made, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    data: Vec<KeyView>,
}

/// `GET /v1/keys`. Needs the scope `admin`, as every path of keys.
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<KeyList>, Problem> {
    caller.with(KeyScope::Admin)?;
    let mut client = None;
    params.set_each(|name, value| match name {
        "client" => {
            client = Some(value.to_owned());
            None
        }
        _ => unknown(),
    })?;
    let mut keys = app.0.keys.list().await?;
    keys.retain(|details| client.as_ref().is_none_or(|client| details.client.id == *client));
    keys.sort_by_key(|details| Reverse(details.key.created_at));
    Ok(Json(KeyList { data: keys.into_iter().map(KeyView::from).collect() }))
}

/// `POST /v1/keys`: makes a key.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let body = KeyBody::read(Fields::read(&headers, &body)?)?;
    let client = body.client.clone();
    let key = body.into_key(app.0.store.numbers())?;
    let issued = match client {
        Some(id) => {
            let client = app.0.keys.client(&id).await?.ok_or_else(unknown_client)?;
            app.0.keys.issue(&client, key).await?
        }
        None => app.0.keys.issue(None, key).await?,
    };
    tracing::info!(key = issued.details.key.id, by = caller.by(), "key created");
    created(&app, &uri, issued)
}

/// `GET /v1/keys/{id}`.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    caller.with(KeyScope::Admin)?;
    Ok(Json(app.0.keys.key(&id).await?.into()))
}

/// `DELETE /v1/keys/{id}`: revokes a key, on every node within 5 s. It stays in the list.
pub(crate) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    app.0.keys.revoke(&id).await?;
    tracing::info!(key = id, by = caller.by(), "key revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/keys/{id}/rotate`: makes another key like this one, which stays valid for the overlap.
pub(crate) async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Admin)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let body = RotateBody::read(Fields::read_optional(&headers, &body)?)?;
    let overlap = body.overlap_seconds.map_or(DEFAULT_OVERLAP, Duration::from_secs);
    let issued = app.0.keys.rotate(&id, overlap).await?;
    let new = &*issued.details.key.id;
    tracing::info!(key = id, new, by = caller.by(), "key rotated");
    created(&app, &uri, issued)
}

/// The reply with a new key.
fn created(app: &App, uri: &Uri, issued: IssuedKey) -> Result<Response, Problem> {
    let location = location(&app.0.site, uri, "/v1/keys", &issued.details.key.id)?;
    let IssuedKey { details, secret, .. } = issued;
    let view = NewKeyView { key: details.into(), secret: secret.expose_secret().to_owned() };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response())
}

fn unknown_client() -> Problem {
    let error = FieldProblem::field("client", UNKNOWN_CLIENT, "no client has this id");
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error])
}

impl KeyBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        const KIND: &str = "must be live or test";
        const SCOPES: &str = "must be a list of send, read and admin";
        const NUMBERS: &str = "must be a list of phone numbers";
        fields.require("name");
        let name = fields.text("name", MAX_NAME);
        let body = Self {
            name: name.clone().unwrap_or_default(),
            client: fields.string("client"),
            scopes: fields.strings::<{ KeyScope::ALL.len() }, _>(
                "scopes",
                SCOPES,
                KeyScope::from_name,
            ),
            kind: fields.one_of("kind", KIND, KeyKind::from_name),
            allowed_numbers: fields.strings::<TOO_MANY, _>("allowed_numbers", NUMBERS, |number| {
                Some(number.to_owned())
            }),
            expires_at: fields.time("expires_at"),
        };
        fields.finish()?;
        name.ok_or_else(|| Problem::missing("name"))?;
        Ok(body)
    }

    fn into_key(self, numbers: NumberReader) -> Result<NewKey, Problem> {
        let scopes = self.scopes.unwrap_or_else(|| vec![KeyScope::Send, KeyScope::Read]);
        let mut key = NewKey::new(self.name, &scopes)
            .kind(self.kind.unwrap_or_default())
            .expires_at(self.expires_at);
        if let Some(allowed) = self.allowed_numbers {
            key = key.allowed_numbers(read_allowed(&allowed, numbers)?);
        }
        Ok(key)
    }
}

/// Reads the numbers that a key may send to. An empty list is refused: it could be meant to allow
/// nobody or everybody.
fn read_allowed(allowed: &[String], numbers: NumberReader) -> Result<Vec<PhoneNumber>, Problem> {
    if allowed.is_empty() {
        let rule = "must hold at least one number; leave it out to allow every number";
        let error = FieldProblem::field("allowed_numbers", "allowed_numbers_invalid", rule);
        return Err(Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error]));
    }
    read_numbers("allowed_numbers", allowed, numbers)
}

impl RotateBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        let overlap_seconds = fields.integer::<u64>("overlap_seconds");
        fields.finish()?;
        if overlap_seconds.is_some_and(|seconds| seconds > MAX_OVERLAP.as_secs()) {
            let rule = "must be at most 7776000, which is 90 days";
            let error = FieldProblem::field("overlap_seconds", "overlap_invalid", rule);
            return Err(Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error]));
        }
        Ok(Self { overlap_seconds })
    }
}

impl From<KeyDetails> for KeyView {
    fn from(KeyDetails { key, client, last_used_at }: KeyDetails) -> Self {
        Self {
            id: key.id,
            name: key.name,
            client: client.into(),
            kind: key.kind,
            scopes: key.scopes,
            allowed_numbers: key.allowed_numbers,
            created_at: key.created_at,
            last_used_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
        }
    }
}

impl From<Client> for KeyClient {
    fn from(Client { id, name, .. }: Client) -> Self {
        Self { id, name }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn a_key_is_read_as_its_schema_says() {
        let sample = json!({
            "name": "till", "client": "0123456789ab", "scopes": ["send"], "kind": "test",
            "allowed_numbers": ["+79251234567"], "expires_at": "2026-12-31T09:30:00+03:00",
        });
        assert_agrees::<KeyBody>(&sample, &["client"], |body| {
            let body = body.to_string();
            KeyBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }

    #[test]
    fn a_rotation_is_read_as_its_schema_says() {
        assert_agrees::<RotateBody>(&json!({"overlap_seconds": 60}), &[], |body| {
            let body = body.to_string();
            RotateBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }
}
