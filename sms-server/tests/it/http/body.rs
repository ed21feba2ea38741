//! Memory for bodies of requests.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Request, StatusCode, header};
use hyper::body::Frame;
use sms_server::KeyScope;
use tokio::time::timeout;

use crate::app::App;
use crate::rest::bad_input::assert_problem;

const PATH: &str = "/v1/messages/batch";
const GOOD: &str = r#"{"to":"+79251234567","text":"hi"}"#;
/// Somewhat less than a batch may have.
const LARGE: usize = 19 << 20;

/// A body that begins with these bytes and never ends.
struct Endless(Option<Bytes>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

fn large_batch() -> String {
    format!(r#"{{"messages":[{GOOD}{}]}}"#, " ".repeat(LARGE))
}

#[tokio::test]
async fn a_second_large_batch_of_a_client_is_refused_until_the_first_is_over_and_nothing_else_is() {
    let app = App::new().await;
    let other = app.key_with(&[KeyScope::Send]).await;
    let endless = Body::new(Endless(Some(Bytes::from(vec![b' '; LARGE]))));
    let request = app.request("POST", PATH).header("content-type", "application/json");
    let first = app.call(request.body(endless).expect("a request"));
    let others = async {
        let refused = app.post_to(PATH, large_batch()).await;
        assert_problem(&refused, StatusCode::SERVICE_UNAVAILABLE, "busy", "the second large batch");
        assert_eq!(refused.headers["retry-after"], "1");
        assert_eq!(
            app.post(GOOD).await.status,
            StatusCode::ACCEPTED,
            "a small body of the same client"
        );
        let mut request = app.request("POST", PATH).header("content-type", "application/json");
        let bearer = HeaderValue::try_from(format!("Bearer {other}")).expect("a header");
        request.headers_mut().expect("a request").insert(header::AUTHORIZATION, bearer);
        let reply = app.call(request.body(large_batch().into()).expect("a request")).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "another client: {}", reply.body);
    };
    tokio::select! {
        biased;
        reply = first => panic!("{}", reply.body),
        () = others => {}
    }
    // The first has gone.
    let again = async { app.post_to(PATH, large_batch()).await.status };
    let status = timeout(Duration::from_secs(20), again).await.expect("an answer");
    assert_eq!(status, StatusCode::ACCEPTED, "the memory has come back");
}

#[tokio::test]
async fn a_large_body_without_a_key_takes_no_memory_and_is_refused_before_it_is_read() {
    let app = App::new().await;
    let endless = Body::new(Endless(Some(Bytes::from(vec![b' '; LARGE]))));
    let request = Request::post(PATH).header("content-type", "application/json");
    let refused = app.call(request.body(endless).expect("a request"));
    let reply =
        timeout(Duration::from_secs(20), refused).await.expect("an answer without the body");
    assert_problem(&reply, StatusCode::UNAUTHORIZED, "unauthorized", "no key");
}
