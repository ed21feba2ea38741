//! A request on its way to its answer, with the faults that wait for it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Notify;

use crate::simulator::control::routes;
use crate::simulator::fault::{Fault, Plan};
use crate::simulator::http::body::ReplyBody;
use crate::simulator::http::headers;
use crate::simulator::http::params::Params;
use crate::simulator::log::Call;
use crate::simulator::methods::dispatch;
use crate::simulator::methods::message_request;
use crate::simulator::methods::reply::Reply;
use crate::simulator::phone::Phone;
use crate::simulator::shared::Shared;

/// The largest body that is read: 5000 recipients with eight parts each of percent-encoded Cyrillic
/// have room.
const MAX_BODY: usize = 32 * 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_mins(1);
const HTML: &str = "<html><head><title>sms.ru</title></head><body>maintenance</body></html>";

/// An answer: its status, its type and its body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: ReplyBody,
}

impl Answer {
    fn html(status: StatusCode) -> Self {
        Self { status, content_type: "text/html; charset=utf-8", body: ReplyBody::whole(HTML) }
    }
}

/// A call of a method: what of the request matters to it.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) params: Params,
    pub(crate) peer: IpAddr,
    /// Whether it came by GET.
    pub(crate) get: bool,
}

/// Answers a request.
pub(crate) async fn answer(
    shared: &Shared,
    request: Request<Incoming>,
    peer: SocketAddr,
    reset: &Notify,
) -> Response<ReplyBody> {
    let (head, body) = request.into_parts();
    let body =
        match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return finish(shared, Answer::html(StatusCode::PAYLOAD_TOO_LARGE)),
            Err(_) => return finish(shared, Answer::html(StatusCode::REQUEST_TIMEOUT)),
        };
    let path = head.uri.path().trim_matches('/');
    if path == "simulator" || path.starts_with("simulator/") {
        return routes::answer(shared, &head.method, path, head.uri.query(), &body).await;
    }
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let params = Params::read(head.uri.query(), content_type.unwrap_or_default(), &body);
    let get = head.method == Method::GET;
    let asked = Asked { method: path.to_owned(), params, peer: peer.ip(), get };
    let plan = note(shared, &asked, head.method.as_str());
    let answer = with_fault(shared, &asked, plan, reset).await;
    finish(shared, answer)
}

/// Logs the call and takes the faults that wait for it.
fn note(shared: &Shared, asked: &Asked, http_method: &str) -> Plan {
    let recipients = message_request::addressed(&asked.params);
    let (mut state, now) = shared.current();
    state.calls.push(Call {
        method: asked.method.clone(),
        http_method: http_method.to_owned(),
        recipients: recipients.len(),
        json: asked.params.flag("json"),
        at_ms: now.ms,
    });
    if state.faults.list().is_empty() {
        return Plan::default();
    }
    let numbers: Vec<u64> =
        recipients.into_iter().filter_map(|(sent, _)| Phone::read(sent).number).collect();
    state.faults.take(&asked.method, &numbers)
}

async fn with_fault(shared: &Shared, asked: &Asked, plan: Plan, reset: &Notify) -> Answer {
    let json = asked.params.flag("json");
    let Some(injection) = plan.fault.clone() else {
        return plain(dispatch::carry_out(shared, asked, &plan), json);
    };
    let mut reply = if injection.accepts() {
        dispatch::carry_out(shared, asked, &plan)
    } else {
        Reply::refused(500)
    };
    match injection.fault {
        Fault::SilentBeforeAccept | Fault::SilentAfterAccept => {
            tokio::time::sleep(shared.config.silence).await;
            hang_up(reset).await
        }
        Fault::ResetBefore | Fault::ResetAfter => hang_up(reset).await,
        Fault::Html => Answer::html(StatusCode::OK),
        Fault::Status(status) => {
            Answer::html(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        }
        Fault::Empty => Answer { body: ReplyBody::whole(""), ..Answer::html(StatusCode::OK) },
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
        Fault::Refuse(code) => plain(refused(asked, code), json),
        Fault::RefuseRecipient(..) => plain(reply, json),
    }
}

fn refused(asked: &Asked, code: i32) -> Reply {
    let reply = Reply::refused(code);
    if asked.method == dispatch::CODE_CALL { reply.into_call() } else { reply }
}

fn plain(reply: Reply, json: bool) -> Answer {
    altered(reply, json, ReplyBody::whole)
}

fn altered(reply: Reply, json: bool, alter: impl FnOnce(Bytes) -> ReplyBody) -> Answer {
    let (content_type, body) = reply.render(json);
    Answer { status: StatusCode::OK, content_type, body: alter(body.into()) }
}

/// Has the connection reset, which ends this future from outside.
async fn hang_up(reset: &Notify) -> Answer {
    reset.notify_one();
    std::future::pending().await
}

/// The response, with the headers of the live server.
fn finish(shared: &Shared, answer: Answer) -> Response<ReplyBody> {
    let mut response = Response::new(answer.body);
    *response.status_mut() = answer.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers::add(response.headers_mut(), shared.clock.now_ms());
    response
}
