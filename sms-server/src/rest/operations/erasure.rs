//! Erasure: `/v1/numbers/erase`.

use axum::http::StatusCode;
use serde_json::json;

use crate::http::operation::Operation;
use crate::keys::KeyScope::Admin;
use crate::rest::erase::{self, EraseBody, EraseReply};

pub(super) fn operations() -> Vec<Operation> {
    let reply = json!({
        "messages": 3, "receipts": 0, "items": 0, "selections": 0, "remaining": 0,
        "has_more": false,
    });
    vec![
        Operation::post("/v1/numbers/erase", erase::erase)
            .needs(Admin)
            .about(
                "Erase a number",
                "Its messages, of every client, lose the number, the text, the reference, the \
                 metadata, the idempotency key and the provider's words. Ids, times, statuses, \
                 codes and counts stay. The stop-list stays: take the number off it by itself. \
                 It can be repeated, and cannot be undone.",
            )
            .body::<EraseBody>(json!({"to": "+79251234567", "reason": "asked for it"}))
            .reply::<EraseReply>(StatusCode::OK, "The counts.", reply)
            .problems(&["no_such_path", "phone_invalid", "busy", "query_timeout"]),
    ]
}
