//! Numbers that nothing is sent to: `/v1/stoplist`.

use axum::http::StatusCode;
use serde_json::json;

use super::examples::{AT, limit, switch, text};
use crate::http::operation::Operation;
use crate::keys::KeyScope::Admin;
use crate::rest::stop_list::import::{self, StopsImport};
use crate::rest::stop_list::{self, AddedStops, StopPage, StopsBody};
use crate::rest::upload::{FILE_PROBLEMS, MAX_FILE, UPLOAD_TIME};

/// The beginning of an exported file.
const CSV: &str = "number;reason;by;added_at\r\n";

/// A file in which everything is found by itself.
const FILE: &str = "number;reason\r\n+79251234567;asked for it by phone\r\n";

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
        import(),
        Operation::delete("/v1/stoplist/{number}", stop_list::remove)
            .needs(Admin)
            .about("Take a number off the stop-list", "It can be sent to again.")
            .empty_reply(StatusCode::NO_CONTENT, "It is off the list.")
            .problems(&["no_such_path"]),
    ]
}

fn import() -> Operation {
    let name = || json!({"type": "string", "minLength": 1, "maxLength": 255});
    let separator = json!({"type": "string", "enum": ["semicolon", "comma", "tab"]});
    let reason = json!({"type": "string", "minLength": 1, "maxLength": 500});
    let detail = "was rounded by the spreadsheet, its last digits are lost: format the column as \
                  text and enter the numbers again";
    let wrong = json!({"row": 7, "errors": [
        {"column": "number", "value": "7,92512E+10", "code": "phone_rounded", "detail": detail},
    ]});
    Operation::post("/v1/stoplist/import", import::import)
        .needs(Admin)
        .max_body(MAX_FILE)
        .waits(UPLOAD_TIME)
        .about(
            "Put the numbers of a file on the stop-list",
            "The body is a CSV file of at most 10 MiB and 100,000 rows with a number and a reason \
             in each, as a spreadsheet saves it, or the file of `GET /v1/stoplist.csv`. Wrong rows \
             are named and left out; a file that cannot be read adds nothing. The same file can be \
             given again.",
        )
        .file_body("text/csv", FILE)
        .query("to_column", name(), "The column of phone numbers: its name or letter.", "number")
        .query("reason_column", name(), "The column of reasons: its name or letter.", "reason")
        .query("reason", reason, "The reason of rows without one.", "asked for it by phone")
        .query("header", switch(), "The first row has the names of the columns.", "true")
        .query("separator", separator, "The separator of cells.", "semicolon")
        .reply::<StopsImport>(
            StatusCode::OK,
            "The numbers are on the list.",
            json!({
                "rows": 412, "added": 400, "already_listed": 11, "invalid": 1, "repeated": 0,
                "errors": [wrong],
            }),
        )
        .problems(&FILE_PROBLEMS)
        .problems(&["reason_missing"])
        .problems(&["no_such_path"])
}
