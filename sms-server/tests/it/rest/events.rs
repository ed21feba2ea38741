//! `/v1/events`, as pages and as a stream.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{StatusCode, header};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sms_core::store::{CancelRequest, InsertRequest};
use sms_core::{Clock as _, Message, Store as _, SystemClock};
use sms_server::{KeyRing, KeyScope};
use tokio::time::{Instant, timeout};

use crate::app::App;
use crate::process::{ADMIN_KEY, Server};

/// The longest that a test waits for something.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client with a key of its own.
#[derive(Clone)]
struct Client {
    key: String,
    id: String,
}

impl Client {
    async fn new(app: &App, scope: KeyScope) -> Self {
        let key = app.key_with(&[scope]).await;
        let request = axum::http::Request::get("/v1/me");
        let request = request.header("authorization", format!("Bearer {key}"));
        let me = app.call(request.body(Body::empty()).expect("a request")).await.body;
        Self { key, id: me["client"]["id"].as_str().expect("an id").to_owned() }
    }

    async fn get(&self, app: &App, path: &str) -> Value {
        let request = axum::http::Request::get(path);
        let request = request.header("authorization", format!("Bearer {}", self.key));
        app.call(request.body(Body::empty()).expect("a request")).await.body
    }

    /// Opens a stream, after an event.
    async fn open(&self, app: &App, query: &str, after: Option<&str>) -> Events {
        let request = axum::http::Request::get(format!("/v1/events{query}"))
            .header("authorization", format!("Bearer {}", self.key))
            .header("accept", "text/event-stream");
        let request = match after {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        let reply = app.open(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(reply.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(reply.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(reply.headers()["x-accel-buffering"], "no");
        let chunks = reply.into_body().into_data_stream();
        let mut events = Events { chunks, text: String::new(), id: String::new() };
        // The first block has the position alone, unless the stream has something to say.
        if !events.text_comes("event: resync").await {
            assert!(!events.id.is_empty());
        }
        events
    }

    /// Records an event about a message of this client; the id of the message.
    async fn record(&self, app: &App) -> String {
        let message = Message::new("+79251234567", "hi").owner(self.id.clone());
        let messages = [message.prepare().expect("valid")];
        app.store.insert(InsertRequest::new(&messages)).await.expect("inserted");
        let id = messages[0].id;
        app.store.cancel(CancelRequest::new(id, "olga")).await.expect("cancelled");
        id.to_string()
    }
}

/// A stream as a browser reads it.
struct Events {
    chunks: BodyDataStream,
    text: String,
    /// The id of the last event.
    id: String,
}

impl Events {
    /// Reads the first block; tells whether it holds this text.
    async fn text_comes(&mut self, text: &str) -> bool {
        self.block().await.is_some_and(|block| block.contains(text))
    }

    /// The next block of lines; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        while !self.text.contains("\n\n") {
            let chunk = timeout(PATIENCE, self.chunks.next()).await.expect("in time")?;
            self.text += std::str::from_utf8(&chunk.expect("no error")).expect("text");
        }
        let (block, rest) = self.text.split_once("\n\n").expect("checked");
        let (block, rest) = (block.to_owned(), rest.to_owned());
        self.text = rest;
        if let Some(id) = block.lines().find_map(|line| line.strip_prefix("id: ")) {
            id.clone_into(&mut self.id);
        }
        Some(block)
    }

    /// The next event that is no heartbeat; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        timeout(PATIENCE, self.next_event()).await.expect("an event or the end in time")
    }

    async fn next_event(&mut self) -> Option<Value> {
        loop {
            let block = self.block().await?;
            if let Some(data) = block.lines().find_map(|line| line.strip_prefix("data: ")) {
                let event: Value = serde_json::from_str(data).expect("JSON");
                assert_eq!(event["cursor"], *self.id);
                assert!(block.contains(&format!("event: {}\n", text(&event["kind"]))), "{block}");
                return Some(event);
            }
        }
    }

    async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        while ids.len() < count {
            ids.push(text(&self.next().await.expect("an event")["message_id"]));
        }
        ids
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().expect("a page").iter().map(|it| text(&it["message_id"])).collect()
}

#[tokio::test]
async fn a_page_holds_what_came_after_its_cursor_for_this_client_alone() {
    let app = App::new().await;
    let (own, other) =
        (Client::new(&app, KeyScope::Read).await, Client::new(&app, KeyScope::Read).await);
    let admin = Client::new(&app, KeyScope::Admin).await;
    own.record(&app).await;
    let first = own.get(&app, "/v1/events").await;
    assert_eq!(first["data"], json!([]), "it begins at the end");
    let after = format!("/v1/events?after={}", text(&first["next"]));
    let (a, b, c) = (own.record(&app).await, other.record(&app).await, own.record(&app).await);
    let page = own.get(&app, &after).await;
    assert_eq!(ids(&page), [a.clone(), c.clone()]);
    assert_eq!(
        (&page["data"][0]["kind"], &page["data"][0]["by"]),
        (&json!("cancelled"), &json!("olga"))
    );
    assert_eq!(ids(&other.get(&app, &after).await), std::slice::from_ref(&b));
    assert_eq!(ids(&admin.get(&app, &after).await), [a.clone(), b, c.clone()]);
    assert_eq!(ids(&own.get(&app, &format!("{after}&kinds=receipt,attempt")).await), [""; 0]);
    let one = own.get(&app, &format!("{after}&kinds=cancelled&limit=1")).await;
    assert_eq!(ids(&one), [a]);
    let next = format!("/v1/events?after={}", text(&one["next"]));
    assert_eq!(ids(&own.get(&app, &next).await), [c]);
    let from_event = format!("/v1/events?after={}", text(&page["data"][1]["cursor"]));
    assert_eq!(ids(&own.get(&app, &from_event).await), [""; 0]);
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let app = App::new().await;
    for (query, parameter) in [
        ("after=x", "after"),
        ("after=7", "after"),
        ("kinds=receipt,x", "kinds"),
        // Only in timelines: a client would wait for nothing.
        ("kinds=accepted", "kinds"),
        ("kinds=", "kinds"),
        ("limit=0", "limit"),
        ("since=1", "since"),
    ] {
        for accept in ["application/json", "text/event-stream"] {
            let request = app.request("GET", &format!("/v1/events?{query}"));
            let request = request.header("accept", accept).body(Body::empty());
            let reply = app.call(request.expect("a request")).await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}");
            assert_eq!(reply.body["errors"][0]["parameter"], parameter, "{query}");
        }
    }
    let request = app.request("GET", "/v1/events").header("last-event-id", "x");
    let reply = app.call(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(reply.body["errors"][0]["parameter"], "Last-Event-ID");
}

#[tokio::test(start_paused = true)]
async fn a_position_after_which_events_may_be_missing_is_told_as_such() {
    let app = App::new().await;
    let client = Client::new(&app, KeyScope::Read).await;
    let (now, day) = (SystemClock.now_ms() / 1000, 24 * 3600);
    let beyond = format!("1000-{now}");
    for (cursor, code) in [
        (format!("0-{}", now - 91 * day), json!("events_gone")),
        (beyond.clone(), json!("events_gone")),
        (format!("0-{}", now - 89 * day), Value::Null),
    ] {
        let page = client.get(&app, &format!("/v1/events?after={cursor}")).await;
        assert_eq!(page["code"], code, "{cursor}: {page}");
    }
    for cursor in [format!("0-{}", now - 91 * day), beyond] {
        let request = app.request("GET", "/v1/events").header("accept", "text/event-stream");
        let request = request.header("last-event-id", &cursor).body(Body::empty());
        let reply = app.open(request.expect("a request")).await;
        let chunks = reply.into_body().into_data_stream();
        let mut events = Events { chunks, text: String::new(), id: String::new() };
        let mut blocks = events.block().await.expect("a block");
        if !blocks.contains("resync") {
            blocks += &events.block().await.expect("a block");
        }
        assert!(blocks.contains("event: resync\ndata: {}"), "{cursor}: {blocks}");
        assert_ne!(events.id, cursor, "it goes on at the end of the log");
    }
    let mut events = client.open(&app, "", Some(&format!("1000-{now}"))).await;
    assert!(events.text_comes("event: resync").await);
    let id = client.record(&app).await;
    assert_eq!(events.ids(1).await, [id]);
}

/// Reads 500 events with a stream of its own, which it breaks off and opens again halfway.
async fn follow(app: Arc<App>, client: Client, n: usize) -> Vec<String> {
    let mut events = client.open(&app, "", None).await;
    let mut ids = events.ids(1).await;
    ids.extend(events.ids(100 + n).await);
    let last = events.id.clone();
    drop(events);
    let mut events = client.open(&app, "?after=0-4102444800", Some(&last)).await;
    ids.extend(events.ids(500 - ids.len()).await);
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_streams_get_the_events_of_their_client_once_each_and_in_order() {
    let app = Arc::new(App::new().await);
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(Client::new(&app, KeyScope::Read).await);
    }
    let mut streams = Vec::new();
    for n in 0..200 {
        let (app, client) = (Arc::clone(&app), clients[n % 4].clone());
        streams.push(tokio::spawn(follow(app, client, n)));
    }
    // Until all are open.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut recorded = vec![Vec::new(); 4];
    for n in 0..2000 {
        recorded[n % 4].push(clients[n % 4].record(&app).await);
        if n % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    for (n, stream) in streams.into_iter().enumerate() {
        let ids = stream.await.expect("it follows to the end");
        assert!(ids == recorded[n % 4], "stream {n} has other events than its client");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_is_ended_and_the_next_goes_on_from_its_last_id() {
    let app = App::new().await;
    let client = Client::new(&app, KeyScope::Read).await;
    let (mut slow, mut quick) =
        (client.open(&app, "", None).await, client.open(&app, "", None).await);
    let mut recorded = Vec::new();
    for _ in 0..100 {
        recorded.push(client.record(&app).await);
        assert_eq!(quick.ids(1).await, recorded[recorded.len() - 1..]);
    }
    assert_eq!(slow.next().await, None);
    let mut again = client.open(&app, "", Some(&slow.id)).await;
    assert_eq!(again.ids(100).await, recorded);
}

#[tokio::test(start_paused = true)]
async fn a_stream_shows_only_the_kinds_asked_for_and_a_sign_of_life_every_15_s() {
    let app = App::new().await;
    let client = Client::new(&app, KeyScope::Read).await;
    let mut events = client.open(&app, "?kinds=receipt", None).await;
    client.record(&app).await;
    let (start, before) = (Instant::now(), events.id.clone());
    let block = events.block().await.expect("a block");
    assert!(block.starts_with(":\n") && !block.contains("data"), "{block}");
    assert_eq!(start.elapsed().as_secs(), 15);
    assert_ne!(events.id, before, "what was looked at need not be read again");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_ends_its_streams_within_five_seconds() {
    let app = App::new().await;
    let (client, other) =
        (Client::new(&app, KeyScope::Read).await, Client::new(&app, KeyScope::Read).await);
    let (mut events, mut others) =
        (client.open(&app, "", None).await, other.open(&app, "", None).await);
    // Revoked by another process, so that the key stays in the cache of this one.
    let elsewhere = KeyRing::new(app.registry.clone(), None);
    let is_it = |key: &sms_server::KeyDetails| key.client.id == client.id;
    let key = elsewhere.list().await.expect("keys").into_iter().find(is_it).expect("it");
    elsewhere.revoke(&key.key.id).await.expect("revoked");
    let start = Instant::now();
    assert_eq!(events.next().await, None);
    assert!(start.elapsed() <= Duration::from_secs(5), "{:?}", start.elapsed());
    let id = other.record(&app).await;
    assert_eq!(others.ids(1).await, [id]);
}

#[tokio::test]
async fn one_stream_too_many_of_a_client_is_refused() {
    let app = App::new().await;
    let client = Client::new(&app, KeyScope::Read).await;
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(client.open(&app, "", None).await);
    }
    let request = || {
        let request = axum::http::Request::get("/v1/events")
            .header("authorization", format!("Bearer {}", client.key))
            .header("accept", "text/event-stream");
        request.body(Body::empty()).expect("a request")
    };
    assert_eq!(app.open(request()).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(app.call(request()).await.body["code"], "streams_too_many");
    open.pop();
    assert_eq!(app.open(request()).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_ends_every_stream_at_once() {
    let app = App::new().await;
    let client = Client::new(&app, KeyScope::Read).await;
    let mut open = Vec::new();
    for _ in 0..50 {
        open.push(client.open(&app, "", None).await);
    }
    app.shutdown.cancel();
    let start = Instant::now();
    for mut events in open {
        assert_eq!(events.next().await, None);
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_open_stream_does_not_hold_up_the_end_of_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let request = reqwest::Client::new()
        .get(server.url("/v1/events"))
        .bearer_auth(ADMIN_KEY)
        .header("accept", "text/event-stream");
    let mut reply = request.send().await.expect("a reply");
    let first = reply.chunk().await.expect("read").expect("the first block");
    assert!(first.starts_with(b"retry: "), "{first:?}");
    let (ended, rest) = tokio::join!(server.terminate_within(Duration::from_secs(5)), async {
        let start = Instant::now();
        while let Ok(Some(_)) = reply.chunk().await {}
        start.elapsed()
    });
    assert!(rest < Duration::from_secs(1), "the stream ended after {rest:?}");
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
}
