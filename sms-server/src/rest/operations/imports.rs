//! `/v1/imports`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::examples::{AT, limit, switch, text, time};
use crate::http::operation::Operation;
use crate::keys::KeyScope::{Read, Send};
use crate::rest::imports::errors::RowErrorPage;
use crate::rest::imports::list::ImportList;
use crate::rest::imports::view::ImportDetails;
use crate::rest::imports::{create, errors, list, remove, report, send, show};
use crate::rest::jobs::view::JobView;
use crate::rest::upload::{FILE_PROBLEMS, MAX_FILE, UPLOAD_TIME};

const ID: &str = "01989c1e-7a52-7cc3-9d1f-2b8a5e6f7a30";
/// A file in which everything is found by itself.
const FILE: &str = "phone;name;text\r\n+79251234567;Anna;Your order is ready\r\n";
/// Problems of options.
const OF_OPTIONS: [&str; 5] = [
    "from_invalid",
    "send_at_invalid",
    "deadline_invalid",
    "reference_invalid",
    "imports_too_many",
];
const ERRORS: &str = "row;column;value;code;detail\r\n";
const REPORT: &str = "row;to;result;message_id;code;detail\r\n";

pub(super) fn operations() -> Vec<Operation> {
    let mut all = vec![create()];
    all.extend(of_one());
    all
}

fn create() -> Operation {
    let name = || json!({"type": "string", "minLength": 1, "maxLength": 255});
    let class = json!({"type": "string", "enum": ["otp", "service", "marketing"]});
    let separator = json!({"type": "string", "enum": ["semicolon", "comma", "tab"]});
    let seconds = json!({"type": "integer", "minimum": 1, "maximum": 2_592_000});
    let from = json!({"type": "string", "minLength": 1, "maxLength": 15});
    Operation::post("/v1/imports", create::create)
        .needs(Send)
        .max_body(MAX_FILE)
        .waits(UPLOAD_TIME)
        .about(
            "Check a file of recipients",
            "The body is a CSV file of at most 10 MiB and 100,000 rows, as a spreadsheet saves it: \
             separator, encoding, names of columns and the column of numbers are found. Each row \
             is checked like a message. Nothing is sent before `/send`.",
        )
        .file_body("text/csv", FILE)
        .query("file_name", name(), "The name of the file, for people.", "clients.csv")
        .query("to_column", name(), "The column of phone numbers: its name or letter.", "phone")
        .query(
            "text",
            text(),
            "The text of the messages; `{name}` stands for the cell of the column `name`. \
             Defaults to the cells of a column named `text`.",
            "{name}, your order is ready",
        )
        .query("text_column", name(), "The column of texts, in place of `text`.", "text")
        .query("header", switch(), "The first row has the names of the columns.", "true")
        .query("separator", separator, "The separator of cells.", "semicolon")
        .query("from", from, "The sender name.", "Acme")
        .query("class", class, "The purpose of the messages. Defaults to `service`.", "marketing")
        .query("send_at", time(), "The time to send them. Defaults to now.", "2026-12-01T09:00:00Z")
        .query("deadline_seconds", seconds, "As of one message.", "3600")
        .query("reference", name(), "As of one message. Defaults to the import's id.", "spring")
        .query("translit", switch(), "Cyrillic letters are sent as Latin ones.", "false")
        .query("daytime", switch(), "As of one message.", "true")
        .reply::<ImportDetails>(StatusCode::CREATED, "The import.", details())
        .with_location()
        .problems(&FILE_PROBLEMS)
        .problems(&["text_missing", "template_invalid"])
        .problems(&OF_OPTIONS)
        .problems(&["no_such_path"])
}

fn of_one() -> Vec<Operation> {
    let separator = || json!({"type": "string", "enum": ["semicolon", "comma"]});
    let page = json!({ "data": [wrong()], "next_cursor": null });
    vec![
        Operation::get("/v1/imports", list::list)
            .needs(Read)
            .about("List imports", "Newest first. One that was not sent is kept for a day.")
            .query("limit", limit(), "Imports in the list.", "50")
            .reply::<ImportList>(StatusCode::OK, "The imports.", json!({ "data": [import()] }))
            .problems(&["no_such_path"]),
        Operation::get("/v1/imports/{id}", show::show)
            .needs(Read)
            .about("Show an import", "With its first messages and its first errors.")
            .reply::<ImportDetails>(StatusCode::OK, "The import.", details()),
        Operation::delete("/v1/imports/{id}", remove::remove)
            .needs(Send)
            .about("Remove an import", "Only one that was not sent.")
            .empty_reply(StatusCode::NO_CONTENT, "The import is removed.")
            .problems(&["conflict"]),
        Operation::post("/v1/imports/{id}/send", send::send)
            .needs(Send)
            .about(
                "Send an import",
                "Begins a job with the id of the import, which sends each row that is not wrong \
                 once. The same request again is answered with the same job.",
            )
            .reply::<JobView>(StatusCode::ACCEPTED, "The job.", job())
            .with_location()
            .problems(&["import_expired", "import_empty"]),
        Operation::get("/v1/imports/{id}/errors", errors::page)
            .needs(Read)
            .about("List the wrong rows of an import", "In the order of the file.")
            .query("limit", limit(), "Rows on the page.", "50")
            .query("cursor", text(), "The `next_cursor` of the page before.", "0")
            .reply::<RowErrorPage>(StatusCode::OK, "The rows.", page),
        Operation::get("/v1/imports/{id}/errors.csv", errors::csv)
            .needs(Read)
            .about("Export the wrong rows of an import", "A line for each error.")
            .query("separator", separator(), "Defaults to `semicolon`.", "comma")
            .text_reply(StatusCode::OK, "The file.", "text/csv", ERRORS),
        Operation::get("/v1/imports/{id}/report.csv", report::csv)
            .needs(Read)
            .about(
                "Export every row of an import",
                "With its message or its error. `result` is `accepted`, `refused`, `invalid` or, \
                 while no job has sent it, `not_sent`.",
            )
            .query("separator", separator(), "Defaults to `semicolon`.", "comma")
            .text_reply(StatusCode::OK, "The file.", "text/csv", REPORT),
    ]
}

fn import() -> Value {
    json!({
        "id": ID, "file_name": "clients.csv", "encoding": "windows-1251", "separator": "semicolon",
        "header": true, "columns": ["phone", "name"], "to_column": "phone", "class": "marketing",
        "from": "Acme", "send_at": "2026-12-01T09:00:00.000Z", "rows": 412, "valid": 410,
        "invalid": 2, "repeated": 1, "parts": 410, "on_stop_list": 3,
        "cost": {"total": "1424.50", "exact": false, "asked": 100, "refused": 0}, "reference": ID,
        "by": "4hz0m6p1tw", "created_at": AT, "expires_at": "2026-11-24T09:30:00.000Z",
    })
}

fn details() -> Value {
    let mut details = import();
    details["preview"] = json!([{
        "row": 2, "to": "+79251234567", "text": "Anna, your order is ready", "parts": 1,
        "encoding": "gsm7",
    }]);
    details["errors"] = json!([wrong()]);
    details
}

fn wrong() -> Value {
    let detail = "was rounded by the spreadsheet, its last digits are lost: format the column as \
                  text and enter the numbers again";
    json!({"row": 7, "errors": [
        {"column": "phone", "value": "7,92512E+10", "code": "phone_rounded", "detail": detail},
    ]})
}

fn job() -> Value {
    json!({
        "id": ID, "action": "send", "state": "running", "total": 412, "done": 0, "failed": 0,
        "skipped": 2, "by": "4hz0m6p1tw", "created_at": AT,
    })
}
