//! `GET /v1/me`: the key or the session of the request.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sms_core::{ErrorKind, PhoneNumber};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::keys::KeyClient;
use super::schema::{KeyKindName, KeyScopeName};
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::keys::{KeyKind, KeyScope};

/// The key of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MeView {
    client: KeyClient,
    key: OwnKey,
    #[schema(value_type = KeyKindName)]
    kind: KeyKind,
    /// The permissions; `admin` includes every other one.
    #[schema(value_type = Vec<KeyScopeName>)]
    scopes: Vec<KeyScope>,
    /// The only recipients that the key may send to; absent if it may send to every number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    allowed_numbers: Vec<PhoneNumber>,
    /// The time from which the key is refused; absent if it does not expire.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<OffsetDateTime>,
}

/// A key by its id and name.
#[derive(Debug, Serialize, ToSchema)]
struct OwnKey {
    id: String,
    name: String,
}

/// `GET /v1/me`, with any key.
pub(crate) async fn show(State(app): State<App>, caller: Caller) -> Result<Json<MeView>, Problem> {
    let caller = caller.with_any_scope();
    let (client, name, expires_at) = match app.0.keys.key(&caller.key).await {
        Ok(details) => (details.client.into(), details.key.name, details.key.expires_at),
        // The key in the configuration has no record, and a person may have signed in without one.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            (client_view(&app, &caller.client).await?, caller.by().to_owned(), None)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Json(MeView {
        client,
        key: OwnKey { id: caller.key.to_string(), name },
        kind: caller.kind,
        scopes: caller.scopes().to_vec(),
        allowed_numbers: caller.allowed_numbers().to_vec(),
        expires_at,
    }))
}

/// The client with this id. That of the key in the configuration has no record.
pub(crate) async fn client_view(app: &App, id: &str) -> Result<KeyClient, Problem> {
    let known = app.0.keys.client(id).await?.map(KeyClient::from);
    Ok(known.unwrap_or_else(|| KeyClient { id: id.to_owned(), name: id.to_owned() }))
}
