//! `/ui/sessions`: the open sessions of a person, or of everybody.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::auth::SignedIn;
use crate::http::cookie;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};
use crate::rest::keys::KeyClient;
use crate::rest::me::client_view;
use crate::rest::schema::KeyScopeName;
use crate::sessions::Session;

/// Open sessions, the one that was used last first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    data: Vec<SessionItem>,
}

/// An open session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionItem {
    id: String,
    /// The person, or the name of the key.
    name: String,
    client: KeyClient,
    /// The permissions.
    #[schema(value_type = Vec<KeyScopeName>)]
    scopes: Vec<KeyScope>,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    signed_in_at: OffsetDateTime,
    /// The time of the last use, up to a minute too early.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: OffsetDateTime,
    /// The time at which the session ends if it is not used any more.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
    /// The address from which the person signed in; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// True for the session of this request.
    current: bool,
}

/// `GET /ui/sessions`: those of the same person, or all for `admin`.
pub(crate) async fn list(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
) -> Result<Json<SessionList>, Problem> {
    let mut data = Vec::new();
    for session in visible(&app, &caller).await? {
        // A key that is not valid any more has ended its sessions.
        let Some(of) = app.0.sessions.caller(&session).await? else { continue };
        data.push(SessionItem {
            client: client_view(&app, &session.client).await?,
            scopes: of.scopes().to_vec(),
            expires_at: session.expires_at(),
            current: caller.session() == Some(&*session.id),
            id: session.id,
            name: session.name,
            signed_in_at: session.signed_in_at,
            last_seen_at: session.last_seen_at,
            address: session.address,
        });
    }
    Ok(Json(SessionList { data }))
}

/// `DELETE /ui/sessions/{id}`: ends a session, on every node within 5 s.
pub(crate) async fn end(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = visible(&app, &caller).await?.into_iter().find(|session| session.id == id);
    let session = found.ok_or_else(Problem::not_found)?;
    app.0.sessions.end(&id).await?;
    tracing::info!(session = id, of = session.name, by = caller.by(), "session ended");
    if caller.session() == Some(&*id) {
        let cookie = cookie::set(&app.0.site, "", 0)?;
        return Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The open sessions that the caller may see and end, the one that was used last first.
async fn visible(app: &App, caller: &Principal) -> Result<Vec<Session>, Problem> {
    let mut open = app.0.sessions.list().await?;
    if !caller.may(KeyScope::Admin) {
        let own = app.0.sessions.find(caller.session().unwrap_or_default()).await?;
        let own = own.ok_or_else(Problem::not_found)?;
        open.retain(|session| session.is_of_same_person(&own));
    }
    open.sort_by_key(|session| Reverse(session.last_seen_at));
    Ok(open)
}
