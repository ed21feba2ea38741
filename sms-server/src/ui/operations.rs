//! `/ui/session` and `/ui/sessions`, with what the API document says about them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::session::{SessionView, SignInBody};
use super::sessions::SessionList;
use super::{session, sessions};
use crate::http::operation::Operation;

/// A time in examples.
const AT: &str = "2026-11-23T09:30:00.000Z";

/// Every operation of the door.
pub(crate) fn operations() -> Vec<Operation> {
    const PEOPLE: &str = "Those of the same person or key, or all for `admin`; the one that was \
                          used last comes first.";
    vec![
        sign_in(),
        Operation::get("/ui/session", session::show)
            .for_sessions()
            .about("Show the session of the request", "")
            .reply::<SessionView>(StatusCode::OK, "The session.", view()),
        Operation::delete("/ui/session", session::sign_out)
            .for_sessions()
            .about("Sign out", "")
            .empty_reply(StatusCode::NO_CONTENT, "The session has ended."),
        Operation::get("/ui/sessions", sessions::list)
            .for_sessions()
            .about("List open sessions", PEOPLE)
            .reply::<SessionList>(StatusCode::OK, "The sessions.", json!({ "data": [item()] })),
        Operation::delete("/ui/sessions/{id}", sessions::end)
            .for_sessions()
            .about("End a session", "It is refused on every node within 5 s.")
            .empty_reply(StatusCode::NO_CONTENT, "The session has ended."),
    ]
}

fn sign_in() -> Operation {
    const ONCE: &str = "With the token of a one-time link, which works once and for ten minutes, \
                        or with an API key. The reply sets the cookie of the session. A session \
                        ends 12 hours after its last use, after 7 days, or with its key.";
    Operation::post("/ui/session", session::sign_in)
        .public()
        .about("Sign in to the web UI", ONCE)
        .body::<SignInBody>(json!({"key": "sms_live_4hz0m6p1tw…"}))
        .reply::<SessionView>(StatusCode::OK, "The session.", view())
        .problems(&[
            "unauthorized",
            "signin_link_invalid",
            "too_many_wrong_keys",
            "csrf",
            "unavailable",
            "internal",
            "timeout",
        ])
}

fn view() -> Value {
    json!({
        "id": "9xk2v7c0qe", "name": "Olga", "client": {"id": "7c1q0s9x4m2a", "name": "shop"},
        "kind": "live", "scopes": ["send", "read"], "expires_at": AT, "signed_in_at": AT,
    })
}

fn item() -> Value {
    json!({
        "id": "9xk2v7c0qe", "name": "Olga", "client": {"id": "7c1q0s9x4m2a", "name": "shop"},
        "scopes": ["send", "read"], "signed_in_at": AT, "last_seen_at": AT, "expires_at": AT,
        "address": "192.0.2.7", "current": true,
    })
}
