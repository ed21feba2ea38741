//! The brake on failed sign-ins.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use sms_server::KeyScope;

use crate::app::{App, Reply};
use crate::process::Server;
use crate::rest::bad_input::assert_problem;

/// Wrong keys from one address after which it is refused.
const MAX_FAILURES: usize = 20;
const WRONG: &str = "sms_live_nothing";

/// A request with this key from this address.
async fn call(app: &App, key: &str, address: Option<[u8; 4]>) -> Reply {
    let request = Request::get("/v1/me").header("authorization", format!("Bearer {key}"));
    let mut request = request.body(Body::empty()).expect("a request");
    if let Some(address) = address {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 1234))));
    }
    app.call(request).await
}

#[tokio::test]
async fn an_address_with_many_wrong_keys_is_refused_and_keys_in_use_are_not() {
    let app = App::new().await;
    let (guesser, other) = (Some([192, 0, 2, 7]), Some([192, 0, 2, 8]));
    let unused = app.key_with(&[KeyScope::Read]).await;
    assert_eq!(call(&app, &app.key, other).await.status, StatusCode::OK);
    for _ in 0..MAX_FAILURES {
        assert_eq!(call(&app, WRONG, guesser).await.status, StatusCode::UNAUTHORIZED);
    }
    for key in [WRONG, &unused] {
        let refused = call(&app, key, guesser).await;
        let status = StatusCode::TOO_MANY_REQUESTS;
        assert_problem(&refused, status, "too_many_wrong_keys", "a braked address");
        let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
    }
    assert_eq!(call(&app, &app.key, guesser).await.status, StatusCode::OK, "a key in use");
    assert_eq!(call(&app, WRONG, other).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(call(&app, WRONG, None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_brake() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[("SMS_TRUSTED_PROXIES", "127.0.0.0/8,::1")]);
    let client = reqwest::Client::new();
    let call = async |from: &str| {
        let request = client.get(server.url("/v1/me")).bearer_auth(WRONG);
        let reply = request.header("x-forwarded-for", from).send().await.expect("a reply");
        reply.status().as_u16()
    };
    for _ in 0..MAX_FAILURES {
        assert_eq!(call("192.0.2.66, 192.0.2.7").await, 401);
    }
    assert_eq!(call("192.0.2.67, 192.0.2.7").await, 429);
    assert_eq!(call("192.0.2.8").await, 401);
}
