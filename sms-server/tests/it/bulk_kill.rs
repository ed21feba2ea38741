//! Kill -9 during a bulk action: each message is settled once, and no other is touched.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use sms_core::store::{Archive, BeginRequest, EventsRequest, InsertRequest, RescueRequest};
use sms_core::{EventKind, Message, MessageId, Status, Store};
use tokio::time::Instant;

use crate::kept::Kept;

const MESSAGES: usize = 20_000;
const BATCH: usize = 1000;
/// Done items at which the server is killed.
const KILLS: [u64; 2] = [4000, 12_000];
/// Done items at which it is asked to end.
const END: u64 = 16_000;
/// Time until another process goes on with a job that was let go: less than a lease lasts.
const TAKEOVER: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_mins(2);

/// Messages with an attempt whose worker has vanished.
async fn make_unknown(store: &dyn Store, number: usize) -> Vec<MessageId> {
    let message = |_| Message::new("+79251234567", "hi").prepare().expect("valid");
    let messages: Vec<_> = (0..number).map(message).collect();
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    store.insert(InsertRequest::new(&messages)).await.expect("inserted");
    let begin = BeginRequest::new(&ids, "w", ids.len() as u64, "sandbox", Duration::ZERO);
    assert_eq!(store.begin(begin).await.expect("begun").len(), number);
    let (mut rescued, deadline) = (0, Instant::now() + PATIENCE);
    while rescued < number {
        // A lease is over when the clock has moved on.
        rescued += store.rescue(RescueRequest::new(number)).await.expect("rescued").len();
        assert!(Instant::now() < deadline, "{rescued} of {number} leases are over");
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_resolve_that_is_killed_twice_settles_each_message_once() {
    each_message_is_settled_once(&Kept::sqlite()).await;
}

#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_resolve_that_is_killed_twice_settles_each_message_once_on_postgresql() {
    each_message_is_settled_once(&Kept::postgres().await).await;
}

async fn each_message_is_settled_once(kept: &Kept) {
    // Without a worker, which would send what this test makes unknown.
    let settings = [("SMS_ROLES", "api")];
    let mut server = kept.start(&settings);
    let store = &*kept.open().await;
    let mut selected = Vec::new();
    while selected.len() < MESSAGES {
        selected.extend(make_unknown(store, BATCH).await);
    }
    let filter = json!({"filter": {"status": "unknown"}});
    let (status, selection) = server.post_to("/v1/selections", &filter).await;
    assert_eq!((status, selection["count"].as_u64()), (201, Some(20_000)), "{selection}");
    let path = format!("/v1/selections/{}/resolve", selection["id"].as_str().expect("an id"));
    let body = json!({"resolution": "failed", "reason": "the provider has none of them"});
    let (status, job) = server.post_to(&path, &body).await;
    assert_eq!(status, 202, "{job}");
    let path = format!("/v1/jobs/{}", job["id"].as_str().expect("an id"));

    let (mut later, mut accepted) = (Vec::new(), Vec::new());
    for done in KILLS {
        later.extend(make_unknown(store, 5).await);
        let body = json!({"to": "+79261111111", "text": "later"});
        let (status, message) = server.post(&format!("k{done}"), &body).await.expect("a reply");
        assert_eq!(status, 202, "{message}");
        accepted.push(message["id"].as_str().expect("an id").to_owned());
        let job = server.wait_for_job(&path, done).await;
        assert_eq!(job["state"], "running", "it is killed in the middle: {job}");
        server.kill();
        server = kept.start(&settings);
    }
    let job = server.wait_for_job(&path, END).await;
    assert_eq!(job["state"], "running", "it is ended in the middle: {job}");
    let ended = server.terminate_within(Duration::from_secs(2)).await;
    assert!(ended.expect("a job holds up the end").success());
    server = kept.start(&settings);
    let (started, done) = (Instant::now(), server.get(&path).await["done"].as_u64());
    server.wait_for_job(&path, done.expect("a number") + 1).await;
    assert!(started.elapsed() < TAKEOVER, "the lease was not released");
    let ended = server.wait_for_job(&path, u64::MAX).await;
    assert_eq!(
        (&ended["state"], &ended["done"]),
        (&json!("finished"), &json!(MESSAGES)),
        "{ended}"
    );
    assert_eq!((&ended["failed"], &ended["total"]), (&json!(0), &json!(MESSAGES)), "{ended}");

    let ends = resolved(store).await;
    for id in &selected {
        assert_eq!(ends.get(id), Some(&vec![Status::Failed]), "{id}");
    }
    assert_eq!(ends.len(), MESSAGES, "no other message was settled");
    for id in later {
        server.wait_for(&id.to_string(), "unknown", Duration::ZERO).await;
    }
    for id in &accepted {
        let message = server.wait_for(id, "queued", Duration::ZERO).await;
        assert_eq!(message["timeline"].as_array().map(Vec::len), Some(1), "{message}");
    }
}

/// The states that messages were settled to, by the event log.
async fn resolved(store: &dyn Store) -> HashMap<MessageId, Vec<Status>> {
    let (mut ends, mut after) = (HashMap::<_, Vec<_>>::new(), 0);
    loop {
        let request = EventsRequest::new(after, 5000);
        let page = Archive::events(store, &request).await.expect("events");
        for event in &page.events {
            if event.kind == EventKind::Resolved {
                ends.entry(event.message_id).or_default().push(event.status);
            }
        }
        if page.read_to == after {
            return ends;
        }
        after = page.read_to;
    }
}
