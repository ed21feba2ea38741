//! Bodies that trickle, on a clock that jumps.

use std::convert::Infallible;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{StatusCode, header};
use hyper::body::Frame;
use serde_json::Value;
use sms_server::{KeyScope, openapi};
use tokio::time::{Instant, Sleep, sleep};

use crate::app::App;

const SECOND: Duration = Duration::from_secs(1);
/// The longest a request may take, body included.
const LIMIT: Duration = Duration::from_secs(30);
/// The same for a file, which is large.
const FILE_LIMIT: Duration = Duration::from_secs(90);
const FILES: [&str; 2] = ["POST /v1/imports", "POST /v1/stoplist/import"];

/// A body of a byte a second, for longer than any limit.
struct Trickle {
    pause: Pin<Box<Sleep>>,
    left: u32,
}

impl Trickle {
    fn new() -> Self {
        Self { pause: Box::pin(sleep(SECOND)), left: 500 }
    }
}

impl HttpBody for Trickle {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.pause.as_mut().poll(context));
        if self.left == 0 {
            return Poll::Ready(None);
        }
        (self.pause, self.left) = (Box::pin(sleep(SECOND)), self.left - 1);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
    }
}

/// The status of the reply to a body that trickles, and the time it took.
async fn call(app: &App, method: &str, path: &str, media_type: &str) -> (StatusCode, Duration) {
    let body = Body::new(Trickle::new());
    let request = app.request(method, path).header(header::CONTENT_TYPE, media_type);
    let start = Instant::now();
    let reply = app.open(request.body(body).expect("a request")).await;
    (reply.status(), start.elapsed())
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_after_30_s_by_every_operation_that_reads_one() {
    let app = App::with_scopes(&KeyScope::ALL).await;
    tokio::time::pause();
    let document: Value = serde_json::from_str(openapi()).expect("JSON");
    let mut cut = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let content = operation["requestBody"]["content"].as_object();
            let media_type = content.and_then(|it| it.keys().next()).map(String::as_str);
            let (method, plain) = (method.to_uppercase(), path.replace(['{', '}'], ""));
            let name = format!("{method} {path}");
            let media_type = media_type.unwrap_or("application/json");
            let (status, took) = call(&app, &method, &plain, media_type).await;
            if status == StatusCode::REQUEST_TIMEOUT {
                let limit = if FILES.contains(&&*name) { FILE_LIMIT } else { LIMIT };
                assert_eq!(took.as_secs(), limit.as_secs(), "{name}");
                cut.push(name);
            } else {
                // It is answered without the body.
                assert!(took < SECOND, "{name}: {status} after {took:?}");
            }
        }
    }
    let known = ["POST /v1/messages", "POST /v1/messages/batch", "POST /v1/keys"];
    for known in known.into_iter().chain(FILES) {
        assert!(cut.iter().any(|it| it == known), "{known} is not cut: {cut:?}");
    }
    let path = app.callback_path().await;
    let (status, took) = call(&app, "POST", &path, "application/x-www-form-urlencoded").await;
    assert_eq!((status, took.as_secs()), (StatusCode::REQUEST_TIMEOUT, LIMIT.as_secs()));
}
