//! What must never be in a log: numbers, texts, keys, tokens, passwords. Each is looked for in the
//! log of the real program, at the level that shows most.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sms_smsru::simulator::{Simulator, SimulatorConfig};

use crate::process::{ADMIN_KEY, Server, command};

/// Everything of ours, and everything of the crates that we use which they let be asked for.
const EVERYTHING: &str = "trace,axum=trace,hyper=trace,hyper_util=trace,redis=trace,\
                          reqwest=trace,rustls=trace,sqlx=trace,tower=trace,tower_http=trace";

/// As text, and as a list of bytes.
fn assert_holds_none(log: &str, canaries: &[&str]) {
    for canary in canaries {
        let bytes = format!("{:?}", canary.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']);
        let line = log.lines().find(|line| line.contains(canary) || line.contains(bytes));
        assert_eq!(line, None, "{canary}");
    }
}

async fn raw(server: &Server, method: reqwest::Method, path: &str) -> u16 {
    let client = reqwest::Client::new();
    client
        .request(method, server.url(path))
        .bearer_auth(ADMIN_KEY)
        .send()
        .await
        .expect("a reply")
        .status()
        .into()
}

#[tokio::test]
async fn the_log_holds_no_number_text_key_or_callback_token_at_any_level_and_path() {
    let smsru = Simulator::start(SimulatorConfig::default()).await.expect("a simulator");
    let folder = tempfile::tempdir().expect("a folder");
    let provider = smsru.url();
    let settings = [("SMS_LOG", EVERYTHING), ("SMS_PROVIDER", &provider)];
    let server = Server::start(folder.path(), &settings);
    let registered = run(folder.path(), &settings, &["callback", "add", &server.url("")]).await;
    let token = registered.trim().rsplit('/').next().expect("a token").to_owned();

    let body = json!({"to": "+79250001234", "text": "CANARY-TEXT", "reference": "CANARY-REF"});
    let (_, accepted) = server.post("CANARY-KEY", &body).await.expect("a reply");
    server
        .wait_for(accepted["id"].as_str().expect("an id"), "delivered", Duration::from_secs(20))
        .await;
    let (get, post) = (reqwest::Method::GET, reqwest::Method::POST);
    assert_eq!(
        raw(&server, get.clone(), "/v1/messages?to=%2B79250001234&q=CANARY-TEXT").await,
        200
    );
    // Numbers and tokens in paths: of routes, of none, with another method, and not quite where
    // they belong.
    assert_eq!(raw(&server, get.clone(), "/v1/messages/79250001234").await, 404);
    assert_eq!(raw(&server, get.clone(), "/v1/messages/79250001234/status").await, 404);
    assert_eq!(raw(&server, post.clone(), "/send/+79250001234/CANARY-TEXT").await, 404);
    assert_eq!(raw(&server, get.clone(), &format!("/callbacks/smsru/{token}")).await, 405);
    assert_eq!(raw(&server, post.clone(), &format!("/callback/smsru/{token}")).await, 404);
    assert_eq!(raw(&server, post.clone(), &format!("/callbacks/{token}")).await, 404);
    assert_eq!(raw(&server, post, &format!("//callbacks/smsru/{token}")).await, 404);

    let log = server.log_so_far().await;
    let canaries = ["9250001234", "CANARY", ADMIN_KEY, &token, smsru.api_id()];
    assert_holds_none(&log, &canaries);
    assert!(log.contains("serving") && log.contains("/v1/messages/{id}"), "{log}");
}

async fn run(folder: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = command(folder, arguments);
    command.envs(settings.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// What the program writes to standard error with a store or queue at which it does not get in.
#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
fn refused(settings: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command(folder.path(), &[]);
    command
        .env("SMS_LISTEN", "127.0.0.1:0")
        .env("SMS_LOG", EVERYTHING)
        .envs(settings.iter().copied());
    let output = command.output().expect("it runs");
    assert!(!output.status.success(), "it should not get in");
    String::from_utf8(output.stderr).expect("text")
}

#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
#[test]
fn the_log_holds_no_password_of_rabbitmq() {
    let address = sms_testkit::services::amqp_url();
    let host = address.rsplit_once('@').map_or("127.0.0.1:5672", |(_, host)| host);
    let log = refused(&[("SMS_QUEUE", &format!("amqp://guest:CANARY-PASSWORD@{host}"))]);
    assert_holds_none(&log, &["CANARY"]);
}

#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
#[test]
fn the_log_holds_no_password_of_postgresql() {
    let mut address = url::Url::parse(&sms_testkit::services::pg_url()).expect("a URL");
    address.set_password(Some("CANARY-PASSWORD")).expect("it has a host");
    address.set_path("/no_such_database");
    let log = refused(&[("SMS_STORE", address.as_str())]);
    assert_holds_none(&log, &["CANARY"]);
}

#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
#[test]
fn the_log_holds_no_password_of_redis() {
    let address =
        sms_testkit::services::redis_url().replace("redis://", "redis://:CANARY-PASSWORD@");
    assert_holds_none(&refused(&[("SMS_QUEUE", &address)]), &["CANARY"]);
}
