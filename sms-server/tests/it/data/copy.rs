//! A move to another store while messages are accepted and sent.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sms_core::clock::datetime_from_ms;
use sms_core::{Clock as _, SystemClock};
use sms_testkit::instances::Postgres;
use sqlx::Connection as _;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

use super::load::{Load, accepted, code, key, slow_simulator};
use super::run;
use crate::process::{Server, command};

/// Messages for the day after tomorrow, so that there is something to copy.
const FAR: usize = 12_000;
const SQLITE: &str = "sqlite:data/sms.db";
const PATIENCE: Duration = Duration::from_mins(1);

/// A time from now, as the API takes it.
fn after(time: Duration) -> String {
    let at = datetime_from_ms(SystemClock.now_ms()) + time;
    at.format(&Rfc3339).expect("a time")
}

/// Accepts messages for later in batches; the id of the first one.
async fn accept_for_later(server: &Server) -> String {
    let send_at = after(Duration::from_hours(48));
    let mut first = None;
    for batch in 0..FAR / 1000 {
        let message = |n: usize| {
            let n = batch * 1000 + n;
            json!({"to": format!("+7926{n:07}"), "text": format!("far{n}"), "send_at": send_at})
        };
        let messages: Vec<Value> = (0..1000).map(message).collect();
        let (status, reply) =
            server.post_to("/v1/messages/batch", &json!({ "messages": messages })).await;
        assert!(status < 300, "{status}: {reply}");
        let id = reply["results"][0]["id"].as_str().expect("an id").to_owned();
        first = first.or(Some(id));
    }
    first.expect("a message")
}

/// Starts a copy; does not wait for it.
fn start_copy(folder: &Path, to: &str, secret: &str) -> Child {
    let mut copy = command(folder, &["copy", "--from", SQLITE, "--to", to]);
    copy.env("SMS_SECRET_KEY", secret).stdout(Stdio::null()).stderr(Stdio::null());
    copy.spawn().expect("it starts")
}

/// Waits until the target says that some messages are copied, and not all.
async fn wait_for_the_middle(url: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "the copy does not begin");
        sleep(Duration::from_millis(5)).await;
        let Ok(mut conn) = sqlx::PgConnection::connect(url).await else { continue };
        let count = sqlx::query_scalar("SELECT count(*) FROM sms.messages");
        let count: i64 = count.fetch_one(&mut conn).await.unwrap_or_default();
        if count > 0 {
            assert!(
                usize::try_from(count).is_ok_and(|count| count < FAR),
                "too late: {count} are copied"
            );
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_to_postgres_and_back_under_load_loses_nothing_and_sends_nothing_twice() {
    let (smsru, postgres) = (slow_simulator().await, Postgres::start().await);
    let (url, folder) = (postgres.url(), tempfile::tempdir().expect("a folder"));
    let provider = format!("{}?timeout_seconds=5", smsru.url());
    let own = [("SMS_PROVIDER", provider.as_str()), ("SMS_CONCURRENCY", "4")];
    let old = Server::start(folder.path(), &own);
    let shop = run(folder.path(), &["keys", "create", "--name", "shop"], &[]).expect("a key");
    let stopped = json!({"numbers": ["+79280000000"], "reason": "asked for it"});
    let (status, reply) = old.post_to("/v1/stoplist", &stopped).await;
    assert!(status < 300, "{status}: {reply}");
    let far = accept_for_later(&old).await;
    let far_path = format!("/v1/messages/{far}");
    let far_before = old.get(&far_path).await;
    let load = Load::start(&old);
    sleep(Duration::from_secs(2)).await;

    // The key must be the same on both sides.
    let refused = run(folder.path(), &["copy", "--from", SQLITE, "--to", url], &[]);
    assert!(
        refused.as_ref().is_err_and(|said| said.contains("SMS_SECRET_KEY: is not there")),
        "{refused:?}"
    );
    let other = [("SMS_SECRET_KEY", "another-secret-key-of-32-letters-")];
    let refused = run(folder.path(), &["copy", "--from", SQLITE, "--to", url], &other);
    assert!(
        refused.as_ref().is_err_and(|said| said.contains("is not the key with which")),
        "{refused:?}"
    );
    let secret = std::fs::read_to_string(folder.path().join("data/sms.db.secret")).expect("a key");
    let secret = secret.trim();

    let before = smsru.accepted_count();
    assert!(before > 20, "it is sending: {before}");
    let mut copy = start_copy(folder.path(), url, secret);
    wait_for_the_middle(url).await;
    copy.kill().expect("killed");
    copy.wait().expect("gone");
    let frozen = smsru.accepted_count();
    let at_target = [("SMS_STORE", url), ("SMS_SECRET_KEY", secret)];
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let refused = run(folder.path(), &serve, &at_target);
    assert!(
        refused.as_ref().is_err_and(|said| said.contains("is not complete: run")),
        "{refused:?}"
    );
    let refused = run(folder.path(), &serve, &own);
    let named = "the store was moved to postgres://postgres@127.0.0.1";
    assert!(refused.as_ref().is_err_and(|said| said.contains(named)), "{refused:?}");
    // The server that still runs accepts nothing and sends nothing, and its log says why.
    let until = load.refused() + 5;
    let deadline = Instant::now() + PATIENCE;
    while load.refused() < until {
        assert!(Instant::now() < deadline, "it still accepts");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(smsru.accepted_count(), frozen, "it still sends");
    assert!(old.log.lock().expect("the log").contains(named), "the log does not say why");

    let secret_key = [("SMS_SECRET_KEY", secret)];
    let arguments = ["copy", "--from", SQLITE, "--to", url];
    let copied = run(folder.path(), &arguments, &secret_key).expect("copied");
    println!("{copied}");
    let counts = copied.lines().find(|line| line.starts_with("messages ")).expect("a count");
    let counts: Vec<&str> = counts.split_whitespace().collect();
    assert_eq!(counts[1], counts[2]);
    let again = run(folder.path(), &arguments, &secret_key).expect_err("it is complete");
    assert!(again.contains("completely"), "{again}");
    let ids = load.stop().await;
    assert_eq!(smsru.accepted_count(), frozen);

    // The old server still runs. Nothing of it gets in the way.
    let new = Server::start(
        folder.path(),
        &[&at_target, &[("SMS_PROVIDER", provider.as_str()), ("SMS_CONCURRENCY", "32")][..]]
            .concat(),
    );
    assert_eq!(new.get(&far_path).await, far_before, "a message is what it was");
    assert!(new.get("/v1/stoplist").await.to_string().contains("asked for it"));
    let as_shop = reqwest::Client::new().get(new.url("/v1/me")).bearer_auth(shop.trim());
    assert_eq!(as_shop.send().await.expect("a reply").status(), 200, "keys work");
    let deadline = Instant::now() + PATIENCE;
    while smsru.accepted_count() < ids.len() {
        let still = ids.len() - smsru.accepted_count();
        assert!(Instant::now() < deadline, "{still} of {} are not sent", ids.len());
        sleep(Duration::from_millis(200)).await;
    }
    sleep(Duration::from_secs(2)).await;
    let sent = accepted(&smsru);
    for n in ids.values() {
        assert_eq!(sent.get(&format!("n{n}")), Some(&1), "message {n}");
    }
    assert_eq!((sent.len(), new.count("unknown,sending").await), (ids.len(), 0));
    let (id, n) = ids.iter().next().expect("a message");
    let (status, repeated) = new.post(&key(*n), &code(*n)).await.expect("a reply");
    assert!(status < 300 && repeated["id"] == id.as_str(), "{status}: {repeated}");
    old.kill();

    // And back, with the servers stopped.
    let (_, status) = new.terminate();
    assert!(status.success());
    let back = ["copy", "--from", url, "--to", "sqlite:back/sms.db"];
    let copied = run(folder.path(), &back, &secret_key).expect("copied back");
    println!("{copied}");
    let at_back = [("SMS_STORE", "sqlite:back/sms.db"), ("SMS_SECRET_KEY", secret)];
    let server = Server::start(folder.path(), &at_back);
    assert_eq!(server.get(&far_path).await, far_before, "a message is what it was");
    let (status, repeated) = server.post(&key(*n), &code(*n)).await.expect("a reply");
    assert!(status < 300 && repeated["id"] == id.as_str(), "{status}: {repeated}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_given_up_opens_the_store_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let (status, _) =
        server.post("k", &json!({"to": "+79251234567", "text": "x"})).await.expect("a reply");
    assert_eq!(status, 202);
    // A target in use is refused, before anything happens to the source.
    let other = tempfile::tempdir().expect("another");
    let used = Server::start(other.path(), &[]);
    let used_path = format!("sqlite:{}", other.path().join("data/sms.db").display());
    let secret = std::fs::read_to_string(folder.path().join("data/sms.db.secret")).expect("a key");
    let secret = [("SMS_SECRET_KEY", secret.trim())];
    let refused = run(folder.path(), &["copy", "--from", SQLITE, "--to", &used_path], &secret);
    assert!(refused.as_ref().is_err_and(|said| said.contains("is not empty")), "{refused:?}");
    drop(used);
    let (status, _) =
        server.post("l", &json!({"to": "+79251234568", "text": "x"})).await.expect("a reply");
    assert_eq!(status, 202, "the source is still open");

    run(folder.path(), &["copy", "--from", SQLITE, "--to", "sqlite:new.db"], &secret)
        .expect("copied");
    let (status, _) =
        server.post("m", &json!({"to": "+79251234569", "text": "x"})).await.expect("a reply");
    assert_eq!(status, 503);
    let opened = run(folder.path(), &["copy", "--from", SQLITE, "--unfence"], &[]).expect("open");
    assert!(
        opened.contains("is open to servers again. Never start one on sqlite:new.db"),
        "{opened}"
    );
    let (status, _) =
        server.post("m", &json!({"to": "+79251234569", "text": "x"})).await.expect("a reply");
    assert_eq!(status, 202);
    let refused = run(folder.path(), &["copy", "--from", "sqlite:none.db", "--to", SQLITE], &[]);
    assert!(
        refused.as_ref().is_err_and(|said| said.contains("there is no such file")),
        "{refused:?}"
    );
}
