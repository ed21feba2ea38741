//! Authentication of requests: `Authorization: Bearer KEY`, or the cookie of a session.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};

use crate::app::App;
use crate::http::network::client_address;
use crate::http::problem::Problem;
use crate::http::{cookie, csrf};
use crate::keys::{KeyScope, Principal};

/// A caller with a valid key or session.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Principal);

impl Caller {
    /// Returns the caller, whatever the scopes of the key.
    pub(crate) fn with_any_scope(self) -> Principal {
        self.0
    }

    /// Returns the caller if the key has this scope.
    ///
    /// # Errors
    ///
    /// `scope_missing`.
    pub(crate) fn with(self, scope: KeyScope) -> Result<Principal, Problem> {
        if self.0.may(scope) {
            return Ok(self.0);
        }
        let what = if self.0.session().is_some() { "session" } else { "key" };
        let detail = format!("this {what} lacks the scope `{}`", scope.as_str());
        Err(Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION)
            && let Some(token) = cookie::read(&app.0.site, &parts.headers)
        {
            return by_session(app, parts, token).await.map(Caller);
        }
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(unauthorized("send one header: Authorization: Bearer KEY"));
        };
        let key = value.to_str().ok().and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
        });
        let Some(key) = key else {
            return Err(unauthorized("the header must read: Authorization: Bearer KEY"));
        };
        let address = client_address(parts, &app.0.site.trusted_proxies);
        let wrong = "the key in the Authorization header is not valid";
        by_key(app, address, key, wrong).await.map(Caller)
    }
}

/// A caller who has signed in to the web UI.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn(pub(crate) Principal);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = cookie::read(&app.0.site, &parts.headers);
        let token = token.ok_or_else(|| unauthorized("nobody has signed in"))?;
        by_session(app, parts, token).await.map(Self)
    }
}

/// The caller with the session of this token, if the request was made by a page of this server.
async fn by_session(app: &App, parts: &Parts, token: &str) -> Result<Principal, Problem> {
    csrf::check(&parts.method, &parts.headers)?;
    let caller = app.0.sessions.authenticate(token).await?;
    caller.ok_or_else(|| unauthorized("the session has ended; sign in again"))
}

/// The caller with this key. One wrong key too many from the same address is refused.
///
/// # Errors
///
/// `unauthorized` with the words `wrong`, `too_many_wrong_keys`; the registry's.
pub(crate) async fn by_key(
    app: &App,
    address: Option<IpAddr>,
    key: &str,
    wrong: &'static str,
) -> Result<Principal, Problem> {
    // A key that was valid before is not being guessed, and its client may share the address
    // with the one who guesses. Looked up last: it costs a hash, which no other request pays.
    if let Some(address) = address
        && let Err(refused) = app.0.brake.check(address)
        && !app.0.keys.is_known(key)
    {
        return Err(refused);
    }
    let Some(principal) = app.0.keys.authenticate(key).await? else {
        if let Some(address) = address {
            app.0.brake.note_failure(address);
        }
        return Err(unauthorized(wrong));
    };
    Ok(principal)
}

fn unauthorized(detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}
