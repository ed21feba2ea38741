//! `/v1/clients`, `/v1/keys`, `/v1/me` and `/v1/info`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::examples::{AT, text};
use crate::http::operation::Operation;
use crate::keys::KeyScope::Admin;
use crate::rest::clients::{ClientBody, ClientList, ClientView};
use crate::rest::info::InfoView;
use crate::rest::keys::{KeyBody, KeyList, KeyView, NewKeyView, RotateBody};
use crate::rest::me::MeView;
use crate::rest::{clients, info, keys, me};

/// The id of a client.
const CLIENT: &str = "7c1q0s9x4m2a";

pub(super) fn operations() -> Vec<Operation> {
    let mut all = of_clients();
    all.extend(of_keys());
    all.extend([about_key(), about_server()]);
    all
}

fn of_clients() -> Vec<Operation> {
    let name = json!({"name": "shop"});
    let client = json!({"id": CLIENT, "name": "shop", "created_at": AT});
    vec![
        Operation::get("/v1/clients", clients::list)
            .needs(Admin)
            .about("List clients", "Newest first. A client owns messages, and has keys.")
            .reply::<ClientList>(StatusCode::OK, "The clients.", json!({ "data": [client] })),
        Operation::post("/v1/clients", clients::create)
            .needs(Admin)
            .about("Make a client", "Several clients may have the same name.")
            .body::<ClientBody>(name.clone())
            .reply::<ClientView>(StatusCode::CREATED, "The client.", client.clone())
            .with_location(),
        Operation::get("/v1/clients/{id}", clients::show)
            .needs(Admin)
            .about("Show a client", "")
            .reply::<ClientView>(StatusCode::OK, "The client.", client.clone()),
        Operation::patch("/v1/clients/{id}", clients::rename)
            .needs(Admin)
            .about("Rename a client", "Its keys and messages stay as they are.")
            .body::<ClientBody>(name)
            .reply::<ClientView>(StatusCode::OK, "The client.", client),
    ]
}

fn of_keys() -> Vec<Operation> {
    const OVERLAP: &str = "The new key is like the old one: the same client, kind, scopes and \
                           allowed numbers, valid for as long as the old one was made for.";
    let body = json!({"name": "till", "scopes": ["send"], "kind": "test"});
    vec![
        Operation::get("/v1/keys", keys::list)
            .needs(Admin)
            .about("List keys", "Every key ever made, newest first.")
            .query("client", text(), "The id of a client: only its keys.", CLIENT)
            .reply::<KeyList>(StatusCode::OK, "The keys.", json!({ "data": [key()] })),
        Operation::post("/v1/keys", keys::create)
            .needs(Admin)
            .about("Make a key", "The reply is the only one that holds the key itself.")
            .body::<KeyBody>(body)
            .reply::<NewKeyView>(StatusCode::CREATED, "The key.", new_key())
            .with_location()
            .problems(&[
                "client_unknown",
                "scopes_empty",
                "scopes_invalid",
                "allowed_numbers_invalid",
                "phone_invalid",
                "expires_at_invalid",
            ]),
        Operation::get("/v1/keys/{id}", keys::show)
            .needs(Admin)
            .about("Show a key", "Without its secret, which is not stored.")
            .reply::<KeyView>(StatusCode::OK, "The key.", key()),
        Operation::delete("/v1/keys/{id}", keys::revoke)
            .needs(Admin)
            .about("Revoke a key", "It is refused on every node within 5 s, and stays in the list.")
            .empty_reply(StatusCode::NO_CONTENT, "The key is revoked."),
        Operation::post("/v1/keys/{id}/rotate", keys::rotate)
            .needs(Admin)
            .about("Make a successor of a key", OVERLAP)
            .optional_body::<RotateBody>(json!({"overlap_seconds": 86400}))
            .reply::<NewKeyView>(StatusCode::CREATED, "The new key.", new_key())
            .with_location()
            .problems(&["conflict", "overlap_invalid"]),
    ]
}

fn about_key() -> Operation {
    let me = json!({
        "client": {"id": CLIENT, "name": "shop"}, "key": {"id": "4hz0m6p1tw", "name": "till"},
        "kind": "test", "scopes": ["send"],
    });
    Operation::get("/v1/me", me::show)
        .about("Show the key or the session of the request", "")
        .reply::<MeView>(StatusCode::OK, "The key.", me)
}

fn about_server() -> Operation {
    let info = json!({
        "version": "0.1.0", "label": "staging", "features": ["provider", "callbacks"],
        "time_zone": "Europe/Moscow", "mask_numbers": true,
    });
    Operation::get("/v1/info", info::show).about("Show the server", "").reply::<InfoView>(
        StatusCode::OK,
        "The server.",
        info,
    )
}

fn key() -> Value {
    json!({
        "id": "4hz0m6p1tw", "name": "till", "client": {"id": CLIENT, "name": "shop"},
        "kind": "test", "scopes": ["send"], "created_at": AT, "last_used_at": AT,
    })
}

fn new_key() -> Value {
    let mut key = key();
    if let Some(fields) = key.as_object_mut() {
        fields.remove("last_used_at");
    }
    key["secret"] = json!("sms_test_4hz0m6p1tw…");
    key
}
