//! `/v1/selections` and `/v1/jobs`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::examples::{AT, limit, text};
use crate::http::operation::Operation;
use crate::keys::KeyScope::{Admin, Read, Send};
use crate::rest::jobs::list::JobList;
use crate::rest::jobs::view::JobView;
use crate::rest::jobs::{failures, list, show, stop};
use crate::rest::messages::resend::ResendBody;
use crate::rest::selections::act::{self, ResolveAllBody};
use crate::rest::selections::body::SelectionBody;
use crate::rest::selections::show::SelectionView;
use crate::rest::selections::{create, show as show_selection};

/// The id of a selection and of its job.
const ID: &str = "01989c1e-7a52-7cc3-9d1f-2b8a5e6f7a20";
/// The beginning of a file of failures.
const FAILURES: &str = "message_id;to;code;detail\r\n";
/// The words for a reply with a job.
const BEGUN: &str = "The job, begun now or by the same request before.";

pub(super) fn operations() -> Vec<Operation> {
    let mut all = of_selections();
    all.extend(of_jobs());
    all
}

fn of_selections() -> Vec<Operation> {
    let selection = json!({
        "id": ID, "filter": {"status": "unknown"}, "count": 412, "by_status": {"unknown": 412},
        "complete": true, "created_at": AT, "expires_at": "2026-11-23T10:30:00.000Z",
    });
    let resolve = json!({"resolution": "failed", "reason": "the provider has none of them"});
    vec![
        Operation::post("/v1/selections", create::create)
            .needs(Read)
            .about(
                "Select messages",
                "Keeps the ids of the messages that match now, for an hour: an action on a \
                 selection touches no message that comes later. At most the newest 100,000, or the \
                 messages with these `ids`, at most 1,000.",
            )
            .body::<SelectionBody>(json!({"filter": {"status": "unknown"}}))
            .reply::<SelectionView>(StatusCode::CREATED, "The selection.", selection.clone())
            .with_location()
            .problems(&["ids_empty", "ids_too_many", "message_unknown", "not_found"])
            .problems(&["selections_too_many", "busy", "query_timeout", "no_such_path"]),
        Operation::get("/v1/selections/{id}", show_selection::show)
            .needs(Read)
            .about("Show a selection", "As it was made: its messages may have changed since.")
            .reply::<SelectionView>(StatusCode::OK, "The selection.", selection),
        action("/v1/selections/{id}/cancel", act::cancel)
            .about("Cancel the selected messages", "Those that are `queued`; others fail.")
            .reply::<JobView>(StatusCode::ACCEPTED, BEGUN, job("cancel"))
            .with_location(),
        action("/v1/selections/{id}/resolve", act::resolve)
            .about("Settle the selected messages", "Those that are `unknown`; others fail.")
            .body::<ResolveAllBody>(resolve)
            .reply::<JobView>(StatusCode::ACCEPTED, BEGUN, job("resolve"))
            .with_location(),
        action("/v1/selections/{id}/resend", act::resend)
            .about(
                "Send the selected messages again",
                "As new messages. Those that are `queued`, `sending` or `unknown` fail.",
            )
            .body::<ResendBody>(json!({"reason": "the phone was off"}))
            .reply::<JobView>(StatusCode::ACCEPTED, BEGUN, job("resend"))
            .with_location(),
        action("/v1/selections/{id}/erase", act::erase)
            .needs(Admin)
            .about(
                "Erase the selected messages",
                "They lose number, text and the client's own data; the fact that they were sent \
                 stays. Those that are `queued`, `sending` or `unknown` fail. It cannot be undone.",
            )
            .body::<ResendBody>(json!({"reason": "asked for it"}))
            .reply::<JobView>(StatusCode::ACCEPTED, BEGUN, job("erase"))
            .with_location()
            .problems(&["no_such_path"]),
    ]
}

/// An action on a selection.
fn action<H, T>(path: &'static str, handler: H) -> Operation
where
    H: axum::handler::Handler<T, crate::app::App>,
    T: 'static,
{
    Operation::post(path, handler).needs(Send).problems(&["conflict", "selection_expired"])
}

fn of_jobs() -> Vec<Operation> {
    let separator = json!({"type": "string", "enum": ["semicolon", "comma"]});
    vec![
        Operation::get("/v1/jobs", list::list)
            .needs(Read)
            .about("List jobs", "Newest first. A job is kept for 7 days after its end.")
            .query("limit", limit(), "Jobs on the page.", "50")
            .query("cursor", text(), "The `next_cursor` of the page before.", ID)
            .reply::<JobList>(
                StatusCode::OK,
                "The jobs.",
                json!({"data": [job("resend")], "next_cursor": null}),
            )
            .problems(&["no_such_path"]),
        Operation::get("/v1/jobs/{id}", show::show)
            .needs(Read)
            .about("Show a job", "With its progress.")
            .reply::<JobView>(StatusCode::OK, "The job.", job("resend")),
        Operation::post("/v1/jobs/{id}/stop", stop::stop)
            .needs(Send)
            .about("Stop a job", "For good; what is done stays done. A job that has ended stays.")
            .reply::<JobView>(StatusCode::OK, "The job.", job("resend")),
        Operation::get("/v1/jobs/{id}/failures.csv", failures::failures)
            .needs(Read)
            .about("Export the failures of a job", "Each message with its problem.")
            .query("separator", separator, "Defaults to `semicolon`.", "comma")
            .text_reply(StatusCode::OK, "The file.", "text/csv", FAILURES)
            .problems(&["busy", "query_timeout"]),
    ]
}

fn job(action: &str) -> Value {
    let mut job = json!({
        "id": ID, "action": action, "state": "running", "total": 412, "done": 200, "failed": 2,
        "skipped": 0, "by": "4hz0m6p1tw", "created_at": AT,
    });
    if action == "resolve" {
        job["resolution"] = json!("failed");
    }
    if action != "cancel" {
        job["reason"] = json!("the phone was off");
    }
    job
}
