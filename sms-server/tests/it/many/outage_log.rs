//! What an operator reads while a service is away.

use std::time::Duration;

use serde_json::json;
use sms_testkit::instances::{Postgres, Redis};
use sms_testkit::proxy::{Mode, Proxy};
use tokio::time::{Instant, sleep};

use crate::process::{ADMIN_KEY, Server};

/// How long a service is away, and how long it may take until its return is logged.
const AWAY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes a service away from a busy server and gives it back: the lines that were logged meanwhile.
async fn lines_of_an_outage(setting: &str, url: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (proxy, url) = Proxy::in_front_of(url);
    let server = Server::start(folder.path(), &[(setting, &url)]);
    server.post("k", &json!({"to": "+79251234567", "text": "hi"})).await.expect("a reply");
    let before = server.log.lock().expect("the log").len();
    proxy.set(Mode::Refuse);
    proxy.sever();
    let client = reqwest::Client::new();
    let (post, health) = (server.url("/v1/messages"), server.url("/readyz"));
    let end = Instant::now() + AWAY;
    while Instant::now() < end {
        let body = json!({"to": "+79251234567", "text": "hi"});
        let _ =
            client.post(&post).bearer_auth(ADMIN_KEY).json(&body).send().await.expect("a reply");
        let _ = client.get(&health).send().await.expect("a reply");
        sleep(Duration::from_millis(50)).await;
    }
    proxy.set(Mode::Pass);
    let lines = || -> Vec<String> {
        let log = server.log.lock().expect("the log");
        // Messages go on, and their attempts and receipts have lines of their own.
        let is_of_message = |line: &&str| {
            ["sms_core::attempt: ", "sms_core::receipt: "].iter().any(|it| line.contains(it))
        };
        log[before..].lines().filter(|line| !is_of_message(line)).map(str::to_owned).collect()
    };
    let deadline = Instant::now() + PATIENCE;
    while !lines().iter().any(|line| line.contains("works again")) {
        assert!(Instant::now() < deadline, "its return is not logged: {:#?}", lines());
        let _ = client.get(&health).send().await;
        sleep(Duration::from_millis(50)).await;
    }
    lines()
}

fn expect_two(lines: &[String], address: &str) {
    assert_eq!(lines.len(), 2, "one line when it begins and one when it ends: {lines:#?}");
    assert!(lines[0].contains("fails") && lines[0].contains(address), "{}", lines[0]);
    assert!(lines[1].contains("works again seconds="), "{}", lines[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_postgresql_is_two_lines_whatever_is_asked_meanwhile() {
    let postgres = Postgres::start().await;
    expect_two(&lines_of_an_outage("SMS_STORE", postgres.url()).await, "postgres://");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_redis_is_two_lines_whatever_is_asked_meanwhile() {
    let redis = Redis::start().await;
    expect_two(&lines_of_an_outage("SMS_QUEUE", redis.url()).await, "redis://");
}
