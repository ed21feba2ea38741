//! `/v1/sandbox`.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::examples::{AT, ID, KEY_ID, limit, message, text, time};
use crate::http::operation::Operation;
use crate::keys::KeyScope::{Read, Send};
use crate::rest::sandbox::latest::{self, MAX_WAIT};
use crate::rest::sandbox::messages;
use crate::rest::sandbox::rules::{self, RulesBody};
use crate::rest::sandbox::view::{SandboxMessage, SandboxPage};

pub(super) fn operations() -> Vec<Operation> {
    vec![list(), latest(), show_rules(), replace_rules()]
}

/// Adds the parameter that names a partition.
fn with_key(operation: Operation) -> Operation {
    const KEY: &str = "The id of a key, for what belongs to that key: one of the caller's own, or \
                       any for `admin`.";
    operation.query("key", text(), KEY, KEY_ID)
}

fn list() -> Operation {
    const ABOUT: &str = "Newest first: the messages of a test key, or, while the provider is the \
                         sandbox, all. Each with the one-time code in its text.";
    let operation = Operation::get("/v1/sandbox/messages", messages::list)
        .needs(Read)
        .about("List messages of the sandbox", ABOUT)
        .query("to", text(), "The recipient, in any spelling.", "+79251234567")
        .query("q", text(), "A part of the text, or digits of the number.", "1234")
        .query("from_time", time(), "Accepted at this time or later.", AT)
        .query("to_time", time(), "Accepted before this time.", AT)
        .query("limit", limit(), "Messages on the page.", "50")
        .query("cursor", text(), "The `next_cursor` of the page before.", ID);
    with_key(operation)
        .reply::<SandboxPage<'_>>(
            StatusCode::OK,
            "The page.",
            json!({ "data": [found()], "next_cursor": null }),
        )
        .problems(&["busy", "query_timeout", "not_found"])
}

fn latest() -> Operation {
    const ABOUT: &str = "The newest message, as soon as there is one: for tests of programs that \
                         send codes. The request waits on the server, which answers when the \
                         message comes.";
    const AFTER: &str = "Only one that was accepted after this message or, by the clock of the \
                         server, after this time.";
    const WAIT: &str = "Seconds to wait for it.";
    let seconds = json!({"type": "integer", "minimum": 0, "maximum": MAX_WAIT, "default": 0});
    let operation = Operation::get("/v1/sandbox/messages/latest", latest::latest)
        .needs(Read)
        .waits(Duration::from_secs(MAX_WAIT))
        .about("Wait for a message", ABOUT)
        .query("to", text(), "The recipient, in any spelling.", "+79251234567")
        .query("after", text(), AFTER, "2026-01-01T00:00:00Z")
        .query("wait_seconds", seconds, WAIT, "10");
    with_key(operation)
        .reply::<SandboxMessage<'_>>(StatusCode::OK, "The message.", found())
        .problems(&["nothing_arrived", "not_found", "streams_too_many", "busy", "query_timeout"])
}

/// A message with the code in it.
fn found() -> Value {
    let mut message = message();
    message["provider"] = json!("sandbox");
    message["route"] = json!("sandbox");
    message["found_code"] = json!("1234");
    message
}

fn show_rules() -> Operation {
    let operation = Operation::get("/v1/sandbox/rules", rules::show)
        .needs(Read)
        .about("Show the rules", "The ends that the sandbox gives the messages of a key.");
    with_key(operation)
        .reply::<RulesBody>(StatusCode::OK, "The rules.", rules_example())
        .problems(&["not_found"])
}

fn replace_rules() -> Operation {
    const ABOUT: &str = "The first rule that matches a message when it is accepted decides its \
                         end. Without one it is delivered, or gets the end of its number.";
    let operation = Operation::put("/v1/sandbox/rules", rules::replace)
        .needs(Send)
        .about("Replace the rules", ABOUT);
    with_key(operation)
        .body::<RulesBody>(rules_example())
        .reply::<RulesBody>(StatusCode::OK, "The rules.", rules_example())
        .problems(&["not_found", "phone_invalid", "rule_invalid", "rules_too_many"])
}

fn rules_example() -> Value {
    json!({ "rules": [
        {"to": "+79251234567", "action": "fail", "code": 202},
        {"share": 0.1, "action": "undelivered", "code": 104},
    ]})
}
