//! Kill -9 under load: nothing lost, nothing sent twice.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sms_core::Money;
use sms_smsru::simulator::{Fault, Simulator, SimulatorConfig};
use tokio::time::Instant;

use crate::process::Server;

const MESSAGES: usize = 1000;
const KILLS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_and_thirty_kills_lose_nothing_and_send_nothing_twice() {
    // A reply takes a while, so that kills hit calls in flight. The short timeout makes leases
    // short.
    let config = SimulatorConfig::default().balance(Money::from_micros(1_000_000_000_000));
    let smsru = Simulator::start(config).await.expect("a simulator");
    smsru.inject(Fault::DelayReply(Duration::from_millis(20)).forever());
    let folder = tempfile::tempdir().expect("a folder");
    let provider = format!("{}?timeout_seconds=1", smsru.url());
    let mut server = Server::start(folder.path(), &[("SMS_PROVIDER", &provider)]);
    let address = server.address.to_string();
    let settings = [("SMS_PROVIDER", provider.as_str()), ("SMS_LISTEN", address.as_str())];

    let mut ids = HashMap::new();
    for n in 0..MESSAGES {
        let body = json!({"to": format!("+7925{n:07}"), "text": format!("n{n}")});
        let key = format!("k{n}");
        let mut reply = None;
        if n % (MESSAGES / KILLS) == MESSAGES / KILLS / 2 {
            // While the request is in flight: it may have been answered, accepted without an
            // answer, or neither.
            (reply, ()) = tokio::join!(async { server.post(&key, &body).await.ok() }, async {
                tokio::time::sleep(Duration::from_micros(500 * (n as u64 % 5))).await;
                server.signal("KILL");
            });
            server.kill();
            assert_integrity(folder.path());
            server = Server::start(folder.path(), &settings);
        }
        let (status, accepted) = server.post(&key, &body).await.expect("a reply");
        assert_eq!(status, 202, "{accepted}");
        if let Some((202, earlier)) = reply {
            assert_eq!(
                earlier["id"], accepted["id"],
                "what was accepted before the kill is there after it"
            );
        }
        ids.insert(accepted["id"].as_str().expect("an id").to_owned(), n);
    }
    let ends = wait_for_ends(&server).await;
    let accepted = smsru.accepted();
    let count =
        |n: usize| accepted.iter().filter(|message| message.text == format!("n{n}")).count();
    for (id, n) in &ids {
        let status = ends.get(id).unwrap_or_else(|| panic!("message {n} is lost"));
        match (status.as_str(), count(*n)) {
            ("sent" | "delivered", 1) | ("unknown", 0 | 1) => {}
            (status, count) => panic!("message {n} is {status} and was accepted {count} times"),
        }
    }
    assert_eq!((ids.len(), ends.len()), (MESSAGES, MESSAGES));
    let unknown = ends.values().filter(|status| *status == "unknown").count();
    println!(
        "{MESSAGES} messages, {KILLS} kills: {} accepted once, {unknown} listed as unknown",
        accepted.len()
    );
}

/// Waits until no message is queued or sending; answers with every message's status.
async fn wait_for_ends(server: &Server) -> HashMap<String, String> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let open = server.get("/v1/messages?status=queued,sending&limit=1").await;
        if open["data"].as_array().is_some_and(Vec::is_empty) {
            break;
        }
        assert!(Instant::now() < deadline, "not at its end after a minute: {open:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (mut ends, mut cursor) = (HashMap::new(), String::new());
    loop {
        let page = server.get(&format!("/v1/messages?limit=200{cursor}")).await;
        for message in page["data"].as_array().expect("data") {
            let field = |name: &str| message[name].as_str().expect("text").to_owned();
            ends.insert(field("id"), field("status"));
        }
        let Some(next) = page["next_cursor"].as_str() else {
            return ends;
        };
        cursor = format!("&cursor={next}");
    }
}

fn assert_integrity(folder: &Path) {
    let conn = rusqlite::Connection::open(folder.join("data/sms.db")).expect("the database opens");
    let check = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let result = conn.query_one("PRAGMA integrity_check", [], check).expect("a result");
    assert_eq!(result, "ok");
}
