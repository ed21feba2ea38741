//! Examples and schemas that several operations have.

use serde_json::{Value, json};

/// The id of a message.
pub(super) const ID: &str = "01989c1e-7a52-7cc3-9d1f-2b8a5e6f7a10";
/// The id of a key.
pub(super) const KEY_ID: &str = "4hz0m6p1tw";
/// A time.
pub(super) const AT: &str = "2026-11-23T09:30:00.000Z";

/// The reply to an accepted message.
pub(super) fn accepted() -> Value {
    json!({
        "id": ID, "status": "queued", "to": "+79251234567", "parts": 1, "encoding": "ucs2",
        "class": "service", "created_at": AT, "due_at": AT, "on_unknown": "hold", "max_attempts": 5,
    })
}

/// A message as it is listed.
pub(super) fn message() -> Value {
    let mut message = accepted();
    let state = json!({
        "status": "delivered", "text": "Код 1234",
        "updated_at": "2026-11-23T09:30:04.000Z",
        "deadline_at": "2026-11-24T09:30:00.000Z",
        "attempts": 1, "resends": 0, "provider": "smsru", "provider_id": "202647-1000000",
        "code": 103, "meaning": {"en": "delivered", "ru": "доставлено"},
        "charged": "yes",
    });
    if let (Some(message), Value::Object(state)) = (message.as_object_mut(), state) {
        message.extend(state);
    }
    message
}

/// A message with its timeline.
pub(super) fn details() -> Value {
    let mut message = message();
    message["timeline"] = json!([
        {"at": AT, "kind": "accepted", "status": "queued"},
        {"at": AT, "kind": "attempt", "status": "sent", "attempt": 1, "outcome": "accepted",
         "provider": "smsru", "provider_id": "202647-1000000", "code": 100, "took_ms": 210,
         "by": "worker-1"},
        {"at": "2026-11-23T09:30:04.000Z", "kind": "receipt", "status": "delivered", "code": 103,
         "provider": "smsru", "provider_id": "202647-1000000", "provider_at": AT},
    ]);
    message
}

/// An unmatched receipt.
pub(super) fn receipt() -> Value {
    json!({
        "provider": "smsru", "provider_id": "202647-1000000", "state": "delivered", "code": 103,
        "made_at": AT, "received_at": "2026-11-23T09:30:01.000Z",
    })
}

/// The schema of a time.
pub(super) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// The schema of a text.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// The schema of a switch.
pub(super) fn switch() -> Value {
    json!({"type": "boolean"})
}

/// The schema of the number of items on a page.
pub(super) fn limit() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50})
}
