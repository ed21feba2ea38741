//! Numbers that nothing is sent to: `/v1/stoplist`.

use axum::http::StatusCode;
use serde_json::json;

use super::examples::{AT, limit, text};
use crate::http::operation::Operation;
use crate::keys::KeyScope::Admin;
use crate::rest::stop_list::{self, AddedStops, StopPage, StopsBody};

/// The beginning of an exported file.
const CSV: &str = "number;reason;by;added_at\r\n";

pub(super) fn operations() -> Vec<Operation> {
    const CURSOR: &str = "The `next_cursor` of the page before.";
    let stop = json!({
        "number": "+79251234567", "reason": "asked for it by phone", "by": "4hz0m6p1tw",
        "added_at": AT,
    });
    let separator = json!({"type": "string", "enum": ["semicolon", "comma"]});
    vec![
        Operation::get("/v1/stoplist", stop_list::list)
            .needs(Admin)
            .about("List the stop-list", "In the order of the numbers.")
            .query("to", text(), "Only this number.", "+79251234567")
            .query("limit", limit(), "Numbers on the page.", "50")
            .query("cursor", text(), CURSOR, "+79251234567")
            .reply::<StopPage>(
                StatusCode::OK,
                "The numbers.",
                json!({"data": [stop], "next_cursor": null}),
            )
            .problems(&["no_such_path", "busy"]),
        Operation::get("/v1/stoplist.csv", stop_list::csv::csv)
            .needs(Admin)
            .about(
                "Export the stop-list",
                "In the order of the numbers, for spreadsheets: UTF-8 with a byte order mark. A \
                 cell that a spreadsheet would take for a formula begins with an apostrophe.",
            )
            .query("separator", separator, "Defaults to `semicolon`.", "comma")
            .text_reply(StatusCode::OK, "The file.", "text/csv", CSV)
            .problems(&["no_such_path", "busy", "query_timeout"]),
        Operation::post("/v1/stoplist", stop_list::add)
            .needs(Admin)
            .about(
                "Put numbers on the stop-list",
                "Nothing is sent to them from now on, by any client; messages that wait fail when \
                 their turn comes. A number that is on the list gets the new reason.",
            )
            .body::<StopsBody>(json!({
                "numbers": ["+79251234567"], "reason": "asked for it by phone",
            }))
            .reply::<AddedStops>(StatusCode::OK, "They are on the list.", json!({"added": 1}))
            .problems(&["no_such_path", "phone_invalid", "numbers_empty", "numbers_too_many"]),
        Operation::delete("/v1/stoplist/{number}", stop_list::remove)
            .needs(Admin)
            .about("Take a number off the stop-list", "It can be sent to again.")
            .empty_reply(StatusCode::NO_CONTENT, "It is off the list.")
            .problems(&["no_such_path"]),
    ]
}
