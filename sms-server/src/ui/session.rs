//! `/ui/session`: signing in, the session of the request, signing out.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::auth::{SignedIn, by_key};
use crate::http::fields::Fields;
use crate::http::network::client_address;
use crate::http::problem::{FieldProblem, Problem};
use crate::http::{cookie, csrf};
use crate::keys::{KeyKind, KeyScope, Principal};
use crate::rest::keys::KeyClient;
use crate::rest::me::client_view;
use crate::rest::schema::{KeyKindName, KeyScopeName};
use crate::sessions::{LIFETIME, OpenedSession, Session};

/// The name under which all people who sign in share the memory for bodies. No key has it as its
/// client.
const CLIENT: &str = "signin";

/// A sign-in: with either the token of a one-time link or an API key.
#[derive(ToSchema)]
pub(crate) struct SignInBody {
    /// The token of a link: what comes after the `#`.
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
    /// An API key.
    #[schema(value_type = Option<String>)]
    key: Option<SecretString>,
}

/// A session of the web UI.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    id: String,
    /// The person, or the name of the key.
    name: String,
    client: KeyClient,
    #[schema(value_type = KeyKindName)]
    kind: KeyKind,
    /// The permissions; `admin` includes every other one.
    #[schema(value_type = Vec<KeyScopeName>)]
    scopes: Vec<KeyScope>,
    /// The time at which the session ends if it is not used any more.
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    signed_in_at: OffsetDateTime,
}

/// `POST /ui/session`: signs in. A link works once.
pub(crate) async fn sign_in(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    csrf::check_origin(&parts.headers)?;
    let site = &app.0.site;
    let address = client_address(&parts, &site.trusted_proxies);
    let body = app.0.bodies.read(&CLIENT.into(), body).await?;
    let opened = match SignInBody::read(Fields::read(&parts.headers, &body)?)? {
        SignInBody { key: Some(key), .. } => {
            let wrong = "this key is not valid";
            let caller = by_key(&app, address, key.expose_secret(), wrong).await?;
            app.0.sessions.open_with_key(caller, address).await?
        }
        SignInBody { token, .. } => {
            let token = token.unwrap_or_default();
            if let Some(address) = address {
                app.0.brake.check(address)?;
            }
            let opened = app.0.sessions.open_with_link(token.expose_secret(), address).await?;
            opened.ok_or_else(|| {
                if let Some(address) = address {
                    app.0.brake.note_failure(address);
                }
                let detail = "this link was used already or is too old; ask for another one";
                Problem::new(StatusCode::UNAUTHORIZED, "signin_link_invalid", detail)
            })?
        }
    };
    end_earlier(&app, &parts.headers).await?;
    let OpenedSession { session, token, caller } = opened;
    tracing::info!(session = session.id, by = session.name, "signed in");
    let cookie = cookie::set(site, token.expose_secret(), LIFETIME.as_secs())?;
    let view = SessionView::new(&app, &session, &caller).await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(view)).into_response())
}

/// `GET /ui/session`: the session of the request.
pub(crate) async fn show(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
) -> Result<Json<SessionView>, Problem> {
    let session = app.0.sessions.find(caller.session().unwrap_or_default()).await?;
    let session = session.ok_or_else(Problem::not_found)?;
    Ok(Json(SessionView::new(&app, &session, &caller).await?))
}

/// `DELETE /ui/session`: signs out.
pub(crate) async fn sign_out(
    State(app): State<App>,
    SignedIn(caller): SignedIn,
) -> Result<Response, Problem> {
    let id = caller.session().unwrap_or_default();
    app.0.sessions.end(id).await?;
    tracing::info!(session = id, by = caller.by(), "signed out");
    let cookie = cookie::set(&app.0.site, "", 0)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Ends the session that the browser had until now: nobody can go on with its cookie.
async fn end_earlier(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = cookie::read(&app.0.site, headers) else { return Ok(()) };
    if let Some(earlier) = app.0.sessions.authenticate(token).await? {
        app.0.sessions.end(earlier.session().unwrap_or_default()).await?;
    }
    Ok(())
}

impl SignInBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        let (token, key) = (fields.string("token"), fields.string("key"));
        fields.finish()?;
        if token.is_some() == key.is_some() {
            let rule = "must hold either `token` or `key`";
            let wrong = FieldProblem::whole("field_missing", rule);
            return Err(Problem::fields(StatusCode::BAD_REQUEST, vec![wrong]));
        }
        Ok(Self { token: token.map(SecretString::from), key: key.map(SecretString::from) })
    }
}

impl SessionView {
    async fn new(app: &App, session: &Session, caller: &Principal) -> Result<Self, Problem> {
        Ok(Self {
            id: session.id.clone(),
            name: session.name.clone(),
            client: client_view(app, &session.client).await?,
            kind: caller.kind,
            scopes: caller.scopes().to_vec(),
            expires_at: session.expires_at(),
            signed_in_at: session.signed_in_at,
        })
    }
}
