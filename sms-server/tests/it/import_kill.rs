//! Kill -9 during an import: each valid row becomes one message.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::kept::Kept;
use crate::process::ADMIN_KEY;

const ROWS: usize = 5000;
/// Rows without a good number.
const WRONG: usize = 50;
/// Done rows at which the server is killed.
const KILLS: [u64; 2] = [1000, 3000];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_twice_sends_each_row_once() {
    each_row_is_sent_once(&Kept::sqlite()).await;
}

#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_twice_sends_each_row_once_on_postgresql() {
    each_row_is_sent_once(&Kept::postgres().await).await;
}

async fn each_row_is_sent_once(kept: &Kept) {
    let mut server = kept.start(&[]);
    let mut file = String::from("phone;n\n");
    for n in 0..ROWS {
        let number =
            if n % (ROWS / WRONG) == 7 { "nobody".to_owned() } else { format!("7925{n:07}") };
        writeln!(file, "{number};{n}").expect("written");
    }
    let request = reqwest::Client::new().post(server.url("/v1/imports?text=n%7Bn%7D"));
    let request = request.bearer_auth(ADMIN_KEY).header("content-type", "text/csv").body(file);
    let import: Value = request.send().await.expect("a reply").json().await.expect("JSON");
    let valid = ROWS - WRONG;
    assert_eq!((&import["valid"], &import["invalid"]), (&json!(valid), &json!(WRONG)), "{import}");
    let id = import["id"].as_str().expect("an id");
    let (status, job) = server.post_to(&format!("/v1/imports/{id}/send"), &json!({})).await;
    assert_eq!(status, 202, "{job}");
    let path = format!("/v1/jobs/{id}");
    for done in KILLS {
        let job = server.wait_for_job(&path, done).await;
        assert_eq!(job["state"], "running", "it is killed in the middle: {job}");
        server.kill();
        server = kept.start(&[]);
    }
    let ended = server.wait_for_job(&path, u64::MAX).await;
    let progress = ["done", "failed", "skipped", "total"].map(|name| ended[name].clone());
    assert_eq!(json!(progress), json!([valid, 0, WRONG, ROWS]), "{ended}");

    let messages = server.list("queued,sending,sent,delivered,undelivered,failed,unknown").await;
    let mut by_text = HashMap::<&str, usize>::new();
    for message in &messages {
        *by_text.entry(message["text"].as_str().expect("a text")).or_default() += 1;
    }
    assert_eq!((messages.len(), by_text.len()), (valid, valid), "each row once");
    for message in &messages {
        let text = message["text"].as_str().expect("a text");
        let n: usize = text.trim_start_matches('n').parse().expect("the number of a row");
        assert_eq!(message["to"], format!("+7925{n:07}"));
    }
}
