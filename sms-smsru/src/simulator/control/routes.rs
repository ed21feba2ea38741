//! The control API: what tests in any language move and look at, under `/simulator`.

use crate::simulator::control::{actions, views};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::simulator::callbacks::post;
use crate::simulator::control::input::{Input, Wrong};
use crate::simulator::http::body::ReplyBody;
use crate::simulator::shared::Shared;

/// What there is, as `GET /simulator` lists it.
const PATHS: &[&str] = &[
    "GET /simulator",
    "GET /simulator/accepted?from=0",
    "GET /simulator/calls?from=0",
    "POST /simulator/balance {\"balance\": \"100.50\"} or {\"add\": \"10\"}",
    "POST /simulator/limit {\"daily_limit\": 10, \"number_per_day\": 5, \"identical_per_minute\": 1, \"identical_per_day\": 3}; null is none",
    "POST /simulator/senders {\"senders\": [\"Acme\"], \"required\": true}",
    "POST /simulator/refusals {\"phone\": \"79255070602\", \"code\": 207}; null ends it",
    "POST /simulator/faults {\"fault\": \"silent_after_accept\", \"times\": 1, \"on\": \"sms/send\"}",
    "GET /simulator/faults",
    "DELETE /simulator/faults",
    "POST /simulator/delivery {\"delivery\": \"failed\", \"code\": 104, \"phone\": \"79255070602\"}",
    "POST /simulator/clock {\"advance_seconds\": 60}",
    "POST /simulator/callbacks {\"duplicates\": true, \"shuffle\": true, \"send_now\": true}",
    "POST /simulator/confirm {\"check_id\": \"202626-1000000\"}",
    "POST /simulator/reset",
];

/// Answers a request of the control API.
pub(crate) async fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: &[u8],
) -> Response<ReplyBody> {
    let topic = path.strip_prefix("simulator").unwrap_or_default().trim_start_matches('/');
    match (method.as_str(), topic) {
        ("GET", _) => view(shared, topic, query),
        ("DELETE", "faults") => {
            shared.lock().faults.clear();
            ok(&json!({ "faults": [] }))
        }
        ("POST", _) => match Input::read(body) {
            Ok(input) => turn(shared, topic, input).await,
            Err(wrong) => refused(&wrong),
        },
        _ => unknown(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn view(shared: &Shared, topic: &str, query: Option<&str>) -> Response<ReplyBody> {
    let from = match views::from(query) {
        Ok(from) => from,
        Err(wrong) => return refused(&wrong),
    };
    match topic {
        "" => ok(&views::overview(shared, PATHS)),
        "accepted" => ok(&views::accepted(shared, from)),
        "calls" => ok(&views::calls(shared, from)),
        "faults" => ok(&views::faults(shared)),
        _ => unknown(StatusCode::NOT_FOUND),
    }
}

async fn turn(shared: &Shared, topic: &str, input: Input) -> Response<ReplyBody> {
    let turned = match topic {
        "balance" => actions::balance(shared, input),
        "limit" => actions::limit(shared, input),
        "senders" => actions::senders(shared, input),
        "refusals" => actions::refusals(shared, input),
        "faults" => actions::fault(shared, input),
        "delivery" => actions::delivery(shared, input),
        "clock" => actions::clock(shared, input),
        "confirm" => actions::confirm(shared, input),
        "reset" => actions::reset(shared, input),
        "callbacks" => match actions::callbacks(shared, input) {
            Ok(false) => Ok(json!({ "pending": shared.lock().callbacks.pending() })),
            Ok(true) => {
                let taken = post::flush(shared).await;
                Ok(json!({ "taken": taken, "pending": shared.lock().callbacks.pending() }))
            }
            Err(wrong) => Err(wrong),
        },
        _ => return unknown(StatusCode::NOT_FOUND),
    };
    match turned {
        Ok(answer) => ok(&answer),
        Err(wrong) => refused(&wrong),
    }
}

fn ok(answer: &Value) -> Response<ReplyBody> {
    response(StatusCode::OK, answer)
}

fn refused(wrong: &Wrong) -> Response<ReplyBody> {
    response(
        StatusCode::BAD_REQUEST,
        &json!({ "error": { "field": wrong.field, "message": wrong.message } }),
    )
}

fn unknown(status: StatusCode) -> Response<ReplyBody> {
    response(status, &json!({ "error": { "message": "no such control" }, "paths": PATHS }))
}

fn response(status: StatusCode, answer: &Value) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::whole(format!("{answer:#}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
