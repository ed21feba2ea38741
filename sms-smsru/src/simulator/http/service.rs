//! Replies to requests, with the injected faults.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Notify;

use crate::simulator::control::routes;
use crate::simulator::fault::{Fault, RequestFaults};
use crate::simulator::http::body::ReplyBody;
use crate::simulator::http::headers;
use crate::simulator::log::Call;
use crate::simulator::methods::api_call::ApiCall;
use crate::simulator::methods::dispatch;
use crate::simulator::methods::message_request;
use crate::simulator::methods::reply::Reply;
use crate::simulator::params::Params;
use crate::simulator::phone::Phone;
use crate::simulator::shared::Shared;

/// The maximum size of a request body in bytes. It has room for 5000 recipients, each with eight
/// parts of percent-encoded Cyrillic text.
const MAX_BODY: usize = 32 * 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_mins(1);
const HTML: &str = "<html><head><title>sms.ru</title></head><body>maintenance</body></html>";

/// A reply before the headers of the server are added.
struct HttpReply {
    status: StatusCode,
    content_type: &'static str,
    body: ReplyBody,
}

impl HttpReply {
    fn html(status: StatusCode) -> Self {
        Self { status, content_type: "text/html; charset=utf-8", body: ReplyBody::whole(HTML) }
    }
}

/// Replies to a request. `reset` resets the connection of the request.
pub(crate) async fn reply(
    shared: &Shared,
    request: Request<Incoming>,
    peer: SocketAddr,
    reset: &Notify,
) -> Response<ReplyBody> {
    let (head, body) = request.into_parts();
    let body =
        match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return finish(shared, HttpReply::html(StatusCode::PAYLOAD_TOO_LARGE)),
            Err(_) => return finish(shared, HttpReply::html(StatusCode::REQUEST_TIMEOUT)),
        };
    let path = head.uri.path().trim_matches('/');
    if path == "simulator" || path.starts_with("simulator/") {
        return routes::reply(shared, &head.method, path, head.uri.query(), &body).await;
    }
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let params = Params::read(head.uri.query(), content_type.unwrap_or_default(), &body);
    let is_get = head.method == Method::GET;
    let call = ApiCall { method: path.to_owned(), params, peer: peer.ip(), is_get };
    let faults = record_call(shared, &call, head.method.as_str());
    let reply = reply_with_faults(shared, &call, faults, reset).await;
    finish(shared, reply)
}

/// Adds the call to the list and takes the faults injected for it.
fn record_call(shared: &Shared, call: &ApiCall, http_method: &str) -> RequestFaults {
    let recipients = message_request::recipients(&call.params);
    let (mut state, now) = shared.current();
    state.calls.push(Call {
        method: call.method.clone(),
        http_method: http_method.to_owned(),
        recipients: recipients.len(),
        json: call.params.flag("json"),
        at_ms: now.ms,
    });
    if state.faults.list().is_empty() {
        return RequestFaults::default();
    }
    let numbers: Vec<u64> =
        recipients.into_iter().filter_map(|(sent, _)| Phone::read(sent).number).collect();
    state.faults.take(&call.method, &numbers)
}

async fn reply_with_faults(
    shared: &Shared,
    call: &ApiCall,
    faults: RequestFaults,
    reset: &Notify,
) -> HttpReply {
    let json = call.params.flag("json");
    let Some(injection) = faults.fault.clone() else {
        return plain(dispatch::carry_out(shared, call, &faults), json);
    };
    let mut reply = if injection.accepts() {
        dispatch::carry_out(shared, call, &faults)
    } else {
        Reply::refused(500)
    };
    match injection.fault {
        Fault::SilentBeforeAccept | Fault::SilentAfterAccept => {
            tokio::time::sleep(shared.config.silence).await;
            reset_connection(reset).await
        }
        Fault::ResetBefore | Fault::ResetAfter => reset_connection(reset).await,
        Fault::Html => HttpReply::html(StatusCode::OK),
        Fault::Status(status) => HttpReply::html(
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        ),
        Fault::Empty => HttpReply { body: ReplyBody::whole(""), ..HttpReply::html(StatusCode::OK) },
        Fault::Truncated => altered(reply, json, |body| {
            let half = body.slice(..body.len() / 2);
            ReplyBody::whole(half)
        }),
        Fault::Broken => altered(reply, json, ReplyBody::broken),
        Fault::Huge(bytes) => altered(reply, json, |body| ReplyBody::huge(body, bytes)),
        Fault::Slow(over) => altered(reply, json, |body| ReplyBody::slow(body, over)),
        Fault::DelayReply(delay) => {
            tokio::time::sleep(delay).await;
            plain(reply, json)
        }
        Fault::Missing(missing) => {
            reply.without_last(missing);
            plain(reply, json)
        }
        Fault::Refuse(code) => plain(refused(call, code), json),
        Fault::RefuseRecipient(..) => plain(reply, json),
    }
}

fn refused(call: &ApiCall, code: i32) -> Reply {
    let reply = Reply::refused(code);
    if call.method == dispatch::CODE_CALL { reply.of_code_call() } else { reply }
}

fn plain(reply: Reply, json: bool) -> HttpReply {
    altered(reply, json, ReplyBody::whole)
}

fn altered(reply: Reply, json: bool, alter: impl FnOnce(Bytes) -> ReplyBody) -> HttpReply {
    let (content_type, body) = reply.render(json);
    HttpReply { status: StatusCode::OK, content_type, body: alter(body.into()) }
}

/// Resets the connection. That drops this future, so it never returns.
async fn reset_connection(reset: &Notify) -> HttpReply {
    reset.notify_one();
    std::future::pending().await
}

/// Builds the response with the headers of the live server.
fn finish(shared: &Shared, reply: HttpReply) -> Response<ReplyBody> {
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    headers::add(response.headers_mut(), shared.clock.now_ms());
    response
}
