//! The routes of the control API.

use crate::simulator::control::{actions, views};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::simulator::callbacks::post;
use crate::simulator::control::input::{Input, InputError};
use crate::simulator::http::body::ReplyBody;
use crate::simulator::shared::Shared;

/// The routes, as listed by `GET /simulator`.
const PATHS: &[&str] = &[
    "GET /simulator",
    "GET /simulator/accepted?from=0",
    "GET /simulator/calls?from=0",
    "POST /simulator/balance {\"balance\": \"100.50\"} or {\"add\": \"10\"}",
    "POST /simulator/limit {\"daily_limit\": 10, \"number_per_day\": 5, \
     \"identical_per_minute\": 1, \"identical_per_day\": 3}; null means no limit",
    "POST /simulator/senders {\"senders\": [\"Acme\"], \"required\": true}",
    "POST /simulator/refusals {\"phone\": \"79255070602\", \"code\": 207}; null ends the refusal",
    "POST /simulator/faults {\"fault\": \"silent_after_accept\", \"times\": 1, \
     \"on\": \"sms/send\"}",
    "GET /simulator/faults",
    "DELETE /simulator/faults",
    "POST /simulator/delivery {\"delivery\": \"failed\", \"code\": 104, \
     \"phone\": \"79255070602\"}",
    "POST /simulator/clock {\"advance_seconds\": 60}",
    "POST /simulator/callbacks {\"duplicates\": true, \"shuffle\": true, \
     \"send_now\": true}",
    "POST /simulator/confirm {\"check_id\": \"202626-1000000\"}",
    "POST /simulator/reset",
];

/// Replies to a request of the control API.
pub(crate) async fn reply(
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
            Ok(input) => act(shared, topic, input).await,
            Err(error) => bad_request(&error),
        },
        _ => no_route(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn view(shared: &Shared, topic: &str, query: Option<&str>) -> Response<ReplyBody> {
    let from = match views::from(query) {
        Ok(from) => from,
        Err(error) => return bad_request(&error),
    };
    match topic {
        "" => ok(&views::overview(shared, PATHS)),
        "accepted" => ok(&views::accepted(shared, from)),
        "calls" => ok(&views::calls(shared, from)),
        "faults" => ok(&views::faults(shared)),
        _ => no_route(StatusCode::NOT_FOUND),
    }
}

async fn act(shared: &Shared, topic: &str, input: Input) -> Response<ReplyBody> {
    let result = match topic {
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
                let confirmed = post::flush(shared).await;
                Ok(json!({ "taken": confirmed, "pending": shared.lock().callbacks.pending() }))
            }
            Err(error) => Err(error),
        },
        _ => return no_route(StatusCode::NOT_FOUND),
    };
    match result {
        Ok(view) => ok(&view),
        Err(error) => bad_request(&error),
    }
}

fn ok(view: &Value) -> Response<ReplyBody> {
    response(StatusCode::OK, view)
}

fn bad_request(error: &InputError) -> Response<ReplyBody> {
    response(
        StatusCode::BAD_REQUEST,
        &json!({ "error": { "field": error.field, "message": error.message } }),
    )
}

fn no_route(status: StatusCode) -> Response<ReplyBody> {
    response(status, &json!({ "error": { "message": "not found" }, "paths": PATHS }))
}

fn response(status: StatusCode, view: &Value) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::whole(format!("{view:#}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
