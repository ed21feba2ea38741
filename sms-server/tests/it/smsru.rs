//! The program against a stand-in for sms.ru.

use std::time::Duration;

use serde_json::json;

use crate::process::Server;
use crate::stand_in::{StandIn, form};

#[tokio::test]
async fn the_request_is_the_documented_one_and_the_message_ends_sent_with_the_providers_id() {
    let stand_in = StandIn::start(Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[("SMS_PROVIDER", &stand_in.provider("?from=Acme"))]);
    let (_, accepted) =
        server.post("k1", &json!({"to": "+79251234567", "text": "Код 1234"})).await.expect("a reply");
    let message =
        server.wait_for(accepted["id"].as_str().expect("an id"), "sent", Duration::from_secs(5)).await;
    assert_eq!((&message["provider"], &message["provider_id"]), (&json!("smsru"), &json!("202647-1000000")));

    let requests = stand_in.requests().await;
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(requests[0].url.query().unwrap_or_default(), "", "nothing secret in the URL");
    let form = form(&requests[0]);
    for (name, value) in [("api_id", "THE-API-ID"), ("json", "1"), ("from", "Acme")] {
        assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name}: {form:?}");
    }
    assert_eq!(stand_in.accepted(), [("79251234567".to_owned(), "Код 1234".to_owned())]);
    assert!(!server.log.lock().expect("the log").contains("THE-API-ID"));
}

#[tokio::test]
async fn a_provider_that_is_down_burns_attempts_and_then_the_message_fails_visibly() {
    let folder = tempfile::tempdir().expect("a folder");
    // A port nobody listens on: bound and let go.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let provider = format!("smsru+http://ID@127.0.0.1:{port}");
    let server = Server::start(folder.path(), &[("SMS_PROVIDER", &provider)]);
    let body = json!({"to": "+79251234567", "text": "hi", "max_attempts": 1});
    let (_, accepted) = server.post("k1", &body).await.expect("a reply");
    let message =
        server.wait_for(accepted["id"].as_str().expect("an id"), "failed", Duration::from_secs(10)).await;
    assert_eq!(message["timeline"][1]["outcome"], "not_sent", "{message:#}");
}
