//! Faults of the network and of servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sms_core::{Outcome, OutcomeClass, Provider};
use sms_smsru::{SmsRu, SmsRuConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::ResponseTemplate;

use crate::support::{
    Accepting, CANARY, PHONE, accepting_phone, classes, message, provider, raw, read_request,
    server, write_response,
};

async fn submit(provider: &SmsRu) -> Outcome {
    provider.submit(&[message(PHONE, "hi")]).await.remove(0)
}

/// A provider with short timeouts.
fn with_short_timeouts(address: String) -> SmsRu {
    let config = SmsRuConfig::new(CANARY).base_url(address);
    SmsRu::new(
        config.timeout(Duration::from_millis(400)).connect_timeout(Duration::from_millis(200)),
    )
    .unwrap()
}

/// Submits to a server that reads the request and then does this. Returns the outcome.
async fn after_request<F>(then: impl Fn(TcpStream) -> F + Copy + Send + Sync + 'static) -> Outcome
where
    F: Future<Output = ()> + Send + 'static,
{
    let (port, connections) = raw(move |mut stream| async move {
        if read_request(&mut stream).await.is_some() {
            then(stream).await;
        }
    })
    .await;
    let outcome = submit(&with_short_timeouts(format!("http://127.0.0.1:{port}"))).await;
    assert_eq!(connections.load(Ordering::SeqCst), 1, "one request, on one connection");
    outcome
}

/// Writes this and closes the connection.
async fn after_bytes(bytes: &'static str) -> Outcome {
    after_request(
        move |mut stream| async move { stream.write_all(bytes.as_bytes()).await.unwrap() },
    )
    .await
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let outcome = submit(&provider(port, "")).await;
    assert_eq!(outcome.class, OutcomeClass::NotSent);
    assert!(outcome.text.unwrap().contains("refused"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_not_sent() {
    let provider = SmsRu::from_url(&format!("smsru://{CANARY}@no-such-host.invalid")).unwrap();
    assert_eq!(submit(&provider).await.class, OutcomeClass::NotSent);
}

#[tokio::test]
async fn a_tls_handshake_that_fails_is_not_sent() {
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
        let (port, _) = raw(move |mut stream| async move {
            let mut hello = [0; 4096];
            let read = stream.read(&mut hello).await.unwrap();
            assert!(
                !String::from_utf8_lossy(&hello[..read]).contains("CANARY"),
                "nothing before the handshake"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        assert_eq!(
            submit(&with_short_timeouts(format!("https://127.0.0.1:{port}"))).await.class,
            OutcomeClass::NotSent
        );
    }
}

#[tokio::test]
async fn a_connect_timeout_is_not_sent() {
    let (port, _) = raw(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let outcome = submit(&with_short_timeouts(format!("https://127.0.0.1:{port}"))).await;
    assert_eq!(outcome, Outcome::not_sent("no connection to sms.ru in time"));
}

#[tokio::test]
async fn a_connection_closed_at_once_is_unknown() {
    let (port, _) = raw(|stream| async move { drop(stream) }).await;
    assert_eq!(submit(&provider(port, "")).await.class, OutcomeClass::Unknown);
}

#[tokio::test]
async fn a_server_that_never_answers_is_unknown_within_the_timeout() {
    let outcome = after_request(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    assert_eq!(outcome, Outcome::unknown("sms.ru did not answer in time"));
}

#[tokio::test]
async fn a_body_that_never_ends_is_unknown_within_the_timeout() {
    let outcome = after_request(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(outcome, Outcome::unknown("sms.ru did not answer in time"));
}

#[tokio::test]
async fn a_connection_closed_or_reset_after_the_request_is_unknown() {
    let closed = after_bytes("").await;
    let after_headers = after_bytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n").await;
    let after_half =
        after_bytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\":").await;
    let chunked =
        after_bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"sta\r\n").await;
    let reset = after_request(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n").await.unwrap();
        stream.set_zero_linger().unwrap();
    })
    .await;
    for outcome in [closed, after_headers, after_half, chunked, reset] {
        let reason = "the connection to sms.ru broke before the answer was complete";
        assert_eq!(outcome, Outcome::unknown(reason));
    }
}

#[tokio::test]
async fn what_is_not_http_is_unknown() {
    assert_eq!(after_bytes("220 smtp.example.com ESMTP\r\n").await.class, OutcomeClass::Unknown);
}

#[tokio::test]
async fn an_answer_that_is_not_sms_rus_is_unknown() {
    let whole = accepting_phone();
    for (status, body) in [
        (200, ""),
        (200, "<html>maintenance</html>"),
        (200, "100\n202626-1000000\nbalance=4122.56"),
        (200, &whole[..whole.len() - 1]),
        (200, &format!("<b>Notice</b>{whole}")),
        (200, &format!("{whole}{whole}")),
        (200, "null"),
        (200, "[]"),
        (200, "{}"),
        (200, &"[".repeat(100_000)),
        (500, ""),
        (502, "<html>Bad Gateway</html>"),
        (503, ""),
        (504, ""),
        (429, ""),
    ] {
        let server = server(ResponseTemplate::new(status).set_body_raw(body, "text/html")).await;
        let outcome = submit(&provider(server.address().port(), "")).await;
        assert_eq!(
            outcome.class,
            OutcomeClass::Unknown,
            "{status} {}",
            &body[..body.len().min(40)]
        );
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "{status} is not repeated");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_unknown() {
    let elsewhere = server(Accepting::default()).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = ResponseTemplate::new(status).insert_header("location", elsewhere.uri());
        let server = server(answer).await;
        assert_eq!(
            submit(&provider(server.address().port(), "")).await.class,
            OutcomeClass::Unknown,
            "{status}"
        );
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_huge_body_is_given_up_on() {
    let body = format!("{}{}", accepting_phone(), " ".repeat(10 * 1024 * 1024));
    let server = server(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
    let outcome = submit(&provider(server.address().port(), "")).await;
    assert_eq!(outcome, Outcome::unknown("the answer is too large"));
}

#[tokio::test]
async fn a_kept_connection_closed_as_we_write_is_unknown_and_not_repeated() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let (port, connections) = raw(move |mut stream| {
        let requests = Arc::clone(&count);
        async move {
            while read_request(&mut stream).await.is_some() {
                if requests.fetch_add(1, Ordering::SeqCst) > 0 {
                    return;
                }
                write_response(&mut stream, &accepting_phone()).await;
            }
        }
    })
    .await;
    let provider = provider(port, "");
    assert_eq!(submit(&provider).await.class, OutcomeClass::Accepted);
    assert_eq!(submit(&provider).await.class, OutcomeClass::Unknown);
    assert_eq!((requests.load(Ordering::SeqCst), connections.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_nothing() {
    let closed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&closed);
    let (port, connections) = raw(move |mut stream| {
        let closed = Arc::clone(&count);
        async move {
            read_request(&mut stream).await;
            write_response(&mut stream, &accepting_phone()).await;
            drop(stream);
            closed.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let provider = provider(port, "");
    for sent in 1..=3 {
        assert_eq!(submit(&provider).await.class, OutcomeClass::Accepted);
        assert_eq!(connections.load(Ordering::SeqCst), sent);
        while closed.load(Ordering::SeqCst) < sent {
            tokio::task::yield_now().await;
        }
        // The close is in our socket; each of these lets the runtime look there and the
        // connection's task act.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn requests_of_one_call_run_side_by_side_and_fail_apart() {
    let (port, connections) = raw(|mut stream| async move {
        if read_request(&mut stream).await.is_some_and(|request| request.contains("good")) {
            write_response(&mut stream, &accepting_phone()).await;
        } else {
            std::future::pending::<()>().await;
        }
    })
    .await;
    let provider = with_short_timeouts(format!("http://127.0.0.1:{port}"));
    let batch = [message(PHONE, "bad"), message(PHONE, "good"), message(PHONE, "bad")];
    let outcomes =
        tokio::time::timeout(provider.limits().timeout, provider.submit(&batch)).await.unwrap();
    assert_eq!(classes(&outcomes), ["unknown", "accepted", "unknown"]);
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}
