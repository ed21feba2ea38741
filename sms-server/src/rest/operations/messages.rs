//! `/v1/messages`.

use axum::http::StatusCode;
use serde_json::json;

use super::examples::{AT, ID, accepted, details, limit, message, switch, text, time};
use crate::http::body::MAX_BATCH_BODY;
use crate::http::operation::Operation;
use crate::keys::KeyScope::{Read, Send};
use crate::rest::estimate::{self, EstimateBody, EstimateReply};
use crate::rest::messages::body::{BatchBody, MessageBody};
use crate::rest::messages::count::CountView;
use crate::rest::messages::resend::ResendBody;
use crate::rest::messages::resolve::ResolveBody;
use crate::rest::messages::view::{
    BatchReply, ChangedMessage, MessageDetails, MessagePage, Replay,
};
use crate::rest::messages::{batch, cancel, count, csv, list, resend, resolve, send, show};

/// Problems of the content of a message.
const CONTENT: &[&str] = &[
    "phone_invalid",
    "text_empty",
    "text_control",
    "text_too_long",
    "from_invalid",
    "send_at_invalid",
    "deadline_invalid",
    "max_attempts_invalid",
    "end_user_ip_invalid",
    "reference_invalid",
    "metadata_invalid",
    "metadata_too_large",
    "field_too_large",
    "recipient_not_allowed",
    "recipient_on_stop_list",
    "idempotency_key_invalid",
    "idempotency_key_reused",
];
/// The beginning of an exported file.
const CSV: &str = "id;created_at;to;text;from;class;status;charged;parts;attempts;…\r\n";
/// The words for the parameter that leaves texts out.
const CONTENT_LEFT_OUT: &str = "`false` leaves the texts out. Defaults to `true`.";
/// The words for a reply of a key that may not read.
const OUTLINE: &str = "The message after the change; its id and status alone for a key without the \
                       scope `read`.";

pub(super) fn operations() -> Vec<Operation> {
    vec![list(), count(), csv(), send(), batch(), show(), cancel(), resolve(), resend(), estimate()]
}

/// Adds the filters of a list.
fn with_filters(operation: Operation) -> Operation {
    const STATUSES: &str = "One or several statuses, with commas.";
    const CLIENT: &str = "The id of a client: its messages, without those of its test keys. Keys \
                          without the scope `admin` see only those of their own.";
    let class = json!({"$ref": "#/components/schemas/MessageClass"});
    let code = json!({"type": "integer", "format": "int32"});
    operation
        .query("status", text(), STATUSES, "failed,unknown")
        .query("to", text(), "The recipient, in any spelling.", "+79251234567")
        .query("q", text(), "A part of the text, or digits of the number.", "1234")
        .query("class", class, "The class.", "otp")
        .query("code", code, "The provider's last code.", "103")
        .query("reference", text(), "The client's own reference.", "order-7")
        .query("resend_of", text(), "The id of the message that they send again.", ID)
        .query("from_time", time(), "Accepted at this time or later.", AT)
        .query("to_time", time(), "Accepted before this time.", AT)
        .query("client", text(), CLIENT, "1zq7k0w8fd")
        .problems(&["not_found"])
}

fn list() -> Operation {
    let operation = Operation::get("/v1/messages", list::list)
        .needs(Read)
        .about("List messages", "Newest first, one page. Filters are joined by \"and\".");
    with_filters(operation)
        .query("content", switch(), CONTENT_LEFT_OUT, "false")
        .query("limit", limit(), "Messages on a page.", "50")
        .query("cursor", text(), "The `next_cursor` of the page before.", ID)
        .reply::<MessagePage<'_>>(
            StatusCode::OK,
            "A page of messages.",
            json!({"data": [message()], "next_cursor": null}),
        )
        .problems(&["busy", "query_timeout"])
}

fn count() -> Operation {
    let operation = Operation::get("/v1/messages/count", count::count).needs(Read).about(
        "Count messages",
        "Those that a list with the same filters has on all its pages. The count ends after \
         30 ms: it is then a lower limit, and `searched_back_to` says how far it came.",
    );
    with_filters(operation)
        .reply::<CountView>(StatusCode::OK, "The count.", json!({"count": 412}))
        .problems(&["busy", "query_timeout"])
}

fn csv() -> Operation {
    let separator = json!({"type": "string", "enum": ["semicolon", "comma"]});
    let operation = Operation::get("/v1/messages.csv", csv::csv).needs(Read).about(
        "Export messages",
        "Every message of a list with the same filters, newest first, for spreadsheets: UTF-8 \
         with a byte order mark. A cell that a spreadsheet would take for a formula begins with \
         an apostrophe. A body that ends without its last chunk was cut short.",
    );
    with_filters(operation)
        .query("content", switch(), CONTENT_LEFT_OUT, "false")
        .query(
            "separator",
            separator,
            "The separator of the cells. Defaults to `semicolon`.",
            "comma",
        )
        .text_reply(StatusCode::OK, "The file.", "text/csv", CSV)
        .problems(&["busy", "query_timeout"])
}

/// Adds the header with an idempotency key.
fn with_key(operation: Operation) -> Operation {
    const KEY: &str = "For 72 h a repeat with the same key and content is answered with the first \
                       message, and `Idempotency-Replayed: true`.";
    let key = json!({"type": "string", "minLength": 1, "maxLength": 255});
    operation.header("Idempotency-Key", key, KEY, "order-7")
}

/// Adds the header of W3C Trace Context.
fn with_trace(operation: Operation) -> Operation {
    const TRACE: &str = "W3C Trace Context, kept with the message and shown on its events. Ignored \
                         where it is malformed.";
    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    operation.header("traceparent", text(), TRACE, EXAMPLE)
}

fn send() -> Operation {
    let operation = Operation::post("/v1/messages", send::send).needs(Send);
    with_trace(with_key(operation))
        .about(
            "Send a message",
            "202 means that the message is on disk and will reach a visible final state.",
        )
        .body::<MessageBody>(json!({"to": "+79251234567", "text": "Код 1234"}))
        .reply::<Replay<'_>>(
            StatusCode::ACCEPTED,
            "The message is accepted, or was before under the same key.",
            accepted(),
        )
        .with_location()
        .problems(CONTENT)
}

fn batch() -> Operation {
    let messages = json!([
        {"to": "+79251234567", "text": "Код 1234", "idempotency_key": "login-42"},
        {"to": "nobody", "text": "hi"},
    ]);
    let error = json!({
        "type": "about:blank", "title": "Unprocessable Entity", "status": 422,
        "code": "phone_invalid", "detail": "messages/1/to: has no digits",
        "errors": [
            {"pointer": "/messages/1/to", "code": "phone_invalid", "detail": "has no digits"},
        ],
    });
    let results = json!({"results": [accepted(), {"error": error}]});
    with_trace(Operation::post("/v1/messages/batch", batch::send).needs(Send))
        .max_body(MAX_BATCH_BODY)
        .about(
            "Send up to 1000 messages",
            "In one transaction, each with a result of its own, in the same order. A result with \
             an `error` is a problem of that message alone. A message with a list in `to` is one \
             for each recipient, and has a list of results, `recipients`.",
        )
        .body::<BatchBody>(json!({ "messages": messages }))
        .reply::<BatchReply<'_>>(StatusCode::ACCEPTED, "A result for each message.", results)
        .problems(&[
            "messages_empty",
            "messages_too_many",
            "recipients_empty",
            "recipient_repeated",
        ])
        .problems(&["idempotency_key_invalid", "busy"])
}

fn show() -> Operation {
    Operation::get("/v1/messages/{id}", show::show)
        .needs(Read)
        .about("Show a message", "With its timeline: every step, oldest first.")
        .reply::<MessageDetails<'_>>(StatusCode::OK, "The message.", details())
        .problems(&["busy", "query_timeout"])
}

fn cancel() -> Operation {
    Operation::post("/v1/messages/{id}/cancel", cancel::cancel)
        .needs(Send)
        .about("Cancel a message", "While it is `queued`; later it is refused with 409.")
        .reply::<ChangedMessage<'_>>(
            StatusCode::OK,
            OUTLINE,
            json!({"id": ID, "status": "cancelled"}),
        )
        .problems(&["conflict"])
}

fn resolve() -> Operation {
    let body = json!({
        "resolution": "sent", "reason": "seen in the provider's panel",
        "provider_id": "202647-1000000",
    });
    Operation::post("/v1/messages/{id}/resolve", resolve::resolve)
        .needs(Send)
        .about(
            "Settle a message of unknown outcome",
            "Only while it is `unknown`. With `resend` it may arrive twice, and that is recorded.",
        )
        .body::<ResolveBody>(body)
        .reply::<ChangedMessage<'_>>(StatusCode::OK, OUTLINE, json!({"id": ID, "status": "sent"}))
        .problems(&["conflict", "recipient_not_allowed", "recipient_on_stop_list"])
}

fn resend() -> Operation {
    let mut again = accepted();
    again["resend_of"] = json!("01989c1e-7a52-7cc3-9d1f-2b8a5e6f7a0f");
    let operation = Operation::post("/v1/messages/{id}/resend", resend::resend).needs(Send);
    with_trace(with_key(operation))
        .about(
            "Send a message again",
            "As a new message with the same content, which is sent at once and refers to the \
             earlier one by `resend_of`. Refused with 409 while the earlier one is `queued`, \
             `sending` or `unknown`.",
        )
        .body::<ResendBody>(json!({"reason": "the phone was off"}))
        .reply::<Replay<'_>>(StatusCode::ACCEPTED, "The new message is accepted.", again)
        .with_location()
        .problems(&["conflict", "recipient_not_allowed"])
        .problems(&["idempotency_key_invalid", "idempotency_key_reused"])
}

fn estimate() -> Operation {
    let recipient = json!({"to": "+79251234567", "cost": "3.45", "parts": 1});
    let cost = json!({"total": "3.45", "recipients": [recipient]});
    let estimate = json!({
        "encoding": "ucs2", "parts": 1, "units": 3, "left_in_part": 67, "parts_without_them": 1,
        "costly_characters": [
            {"character": "—", "code_point": "U+2014", "count": 1, "cost": "ucs2"},
        ],
    });
    Operation::post("/v1/estimate", estimate::estimate)
        .needs(Send)
        .about(
            "Measure texts",
            "Parts, encoding, the characters that make a text longer, and, with recipients, the \
             cost where the provider tells it. Nothing is sent.",
        )
        .body::<EstimateBody>(json!({"texts": ["a—b"], "to": ["+79251234567"]}))
        .reply::<EstimateReply>(
            StatusCode::OK,
            "The sizes, in the order of the texts.",
            json!({"data": [estimate], "parts": 1, "cost": cost}),
        )
        .problems(&[
            "texts_empty",
            "texts_too_many",
            "to_count_invalid",
            "from_invalid",
            "phone_invalid",
        ])
}
