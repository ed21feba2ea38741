//! The event log: `/v1/events`.

use axum::http::StatusCode;
use serde_json::json;

use super::examples::{AT, ID, limit, text};
use crate::http::operation::Operation;
use crate::keys::KeyScope::Read;
use crate::rest::events;
use crate::rest::events::view::EventList;

/// The start of every log, with a time to come: the examples stay good for long.
const START: &str = "0-4102444800";
const STREAM: &str = "id: 8172-1763890200\nevent: receipt\n\
                      data: {\"cursor\":\"8172-1763890200\",…}\n\n";

pub(super) fn operations() -> Vec<Operation> {
    const AFTER: &str = "Events after this cursor; by default those that are still to come.";
    const LAST: &str = "The same for a client that connects again; wins over `after`.";
    let event = json!({
        "cursor": "8172-1763890200", "message_id": ID, "at": AT, "kind": "receipt",
        "status": "delivered", "provider": "smsru", "provider_id": "202647-1000000", "code": 103,
    });
    let page = json!({"data": [event], "next": "8172-1763890200"});
    vec![
        Operation::get("/v1/events", events::show)
            .needs(Read)
            .about(
                "Follow events",
                "What happens to the messages of the caller, or to all for `admin`, oldest first: \
                 a page, or a stream with `Accept: text/event-stream`. In a stream, an event \
                 `resync` says that events may be missing.",
            )
            .query("after", text(), AFTER, START)
            .query("kinds", text(), "Kinds of events, separated by commas.", "attempt,receipt")
            .query("limit", limit(), "Events on a page.", "50")
            .header("Last-Event-ID", text(), LAST, START)
            .reply::<EventList>(StatusCode::OK, "The events.", page)
            .or_stream(STREAM)
            .problems(&["events_gone", "streams_too_many", "busy", "query_timeout"]),
    ]
}
