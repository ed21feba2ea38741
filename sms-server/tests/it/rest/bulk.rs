//! Selections and the jobs that act on them.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use sms_core::registry::Expect;
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::worklists::requests::{AppendItems, DeleteItems, ItemsRequest};
use sms_core::{
    Archive as _, ManualClock, MessageId, Outcome, Registry as _, Status, Worklists as _,
};
use sms_server::KeyScope;
use tokio::time::{Instant, sleep};

use crate::app::{App, Reply};

const RESOLVE: &str = r#"{"resolution":"failed","reason":"asked them"}"#;
const REASON: &str = r#"{"reason":"the phone was off"}"#;

async fn unknown(app: &App) -> MessageId {
    app.attempted(Outcome::unknown("no answer in time")).await
}

async fn select(app: &App, filter: Value) -> Value {
    let reply = app.post_to("/v1/selections", json!({ "filter": filter }).to_string()).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    let location = reply.headers["location"].to_str().expect("text").to_owned();
    assert_eq!(app.get(&location).await.body, reply.body);
    reply.body
}

async fn act(app: &App, selection: &Value, action: &str, body: &'static str) -> Reply {
    let id = selection["id"].as_str().expect("an id");
    app.post_to(&format!("/v1/selections/{id}/{action}"), body).await
}

async fn select_ids(app: &App, ids: &[String]) -> Reply {
    app.post_to("/v1/selections", json!({ "ids": ids }).to_string()).await
}

/// Begins a job; its path.
async fn begin(app: &App, selection: &Value, action: &str, body: &'static str) -> String {
    let reply = act(app, selection, action, body).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
    assert_eq!((&reply.body["state"], &reply.body["done"]), (&json!("running"), &json!(0)));
    reply.headers["location"].to_str().expect("text").to_owned()
}

/// Waits for the end of a job.
async fn end_of(app: &App, path: &str) -> Value {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let job = app.get(path).await.body;
        if job["state"] != "running" {
            assert!(job["ended_at"].is_string(), "{job}");
            return job;
        }
        assert!(Instant::now() < deadline, "{job}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn progress(job: &Value) -> [u64; 4] {
    ["total", "done", "failed", "skipped"].map(|name| job[name].as_u64().expect("a number"))
}

async fn status(app: &App, id: MessageId) -> Status {
    let request = sms_core::store::MessageRequest::new(id);
    app.store.get(&request).await.expect("read").expect("a message").state.status
}

#[tokio::test]
async fn a_job_changes_what_was_selected_and_nothing_that_came_later() {
    let app = App::new().await;
    let selected = [unknown(&app).await, unknown(&app).await, unknown(&app).await];
    app.attempted(Outcome::rejected(207, "no route")).await;
    let selection = select(&app, json!({"status": "unknown,failed"})).await;
    assert_eq!((&selection["count"], &selection["complete"]), (&json!(4), &json!(true)));
    assert_eq!(selection["by_status"], json!({"unknown": 3, "failed": 1}));
    let later = unknown(&app).await;
    let job = begin(&app, &selection, "resolve", RESOLVE).await;
    assert_eq!(app.get("/v1/jobs").await.body["data"][0], app.get(&job).await.body);
    app.run_jobs();
    let ended = end_of(&app, &job).await;
    assert_eq!((&ended["state"], progress(&ended)), (&json!("finished"), [4, 3, 1, 0]));
    for id in selected {
        assert_eq!(status(&app, id).await, Status::Failed);
        let shown = app.get(&format!("/v1/messages/{id}")).await.body;
        let last = shown["timeline"].as_array().and_then(|steps| steps.last()).expect("a step");
        assert_eq!((&last["text"], &last["job"]), (&json!("asked them"), &ended["id"]));
    }
    assert_eq!(status(&app, later).await, Status::Unknown);
}

#[tokio::test]
async fn jobs_are_listed_page_by_page() {
    let app = App::new().await;
    let mut begun = Vec::new();
    for _ in 0..5 {
        let selection = select(&app, json!({"status": "queued"})).await;
        begun.insert(0, begin(&app, &selection, "cancel", "").await);
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/jobs?limit=2".to_owned());
    loop {
        let page = app.get(&path).await.body;
        let jobs = page["data"].as_array().expect("a list");
        assert!(jobs.len() <= 2, "{page}");
        seen.extend(jobs.iter().map(|job| format!("/v1/jobs/{}", job["id"].as_str().expect("id"))));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/jobs?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, begun, "each once, newest first");
    let wrong = app.get("/v1/jobs?cursor=x").await;
    assert_eq!(
        (wrong.status, &wrong.body["code"]),
        (StatusCode::BAD_REQUEST, &json!("parameter_invalid"))
    );
}

#[tokio::test]
async fn the_failures_of_a_job_are_a_file() {
    let app = App::new().await;
    let (id, settled) = (unknown(&app).await, unknown(&app).await);
    let selection = select(&app, json!({"status": "unknown"})).await;
    app.post_to(&format!("/v1/messages/{settled}/resolve"), RESOLVE).await;
    let job = begin(&app, &selection, "resolve", RESOLVE).await;
    app.run_jobs();
    assert_eq!(progress(&end_of(&app, &job).await), [2, 1, 1, 0]);
    assert_eq!(status(&app, id).await, Status::Failed);
    for (query, separator) in [("", ';'), ("?separator=comma", ',')] {
        let reply = app.get(&format!("{job}/failures.csv{query}")).await;
        let text = String::from_utf8(reply.raw).expect("text");
        let rows: Vec<_> = text.trim_start_matches('\u{FEFF}').lines().collect();
        assert_eq!(rows.len(), 2, "{text}");
        assert_eq!(rows[0], ["message_id", "to", "code", "detail"].join(&separator.to_string()));
        let row = format!("{settled}{separator}79251234567{separator}conflict{separator}");
        assert!(rows[1].starts_with(&row), "{text}");
    }
}

#[tokio::test]
async fn messages_are_cancelled_and_sent_again_in_bulk() {
    let app = App::new().await;
    let body = json!({"to": "+79251234567", "text": "hi"}).to_string();
    let ids = [app.post(body.clone()).await.body, app.post(body).await.body];
    app.run_jobs();
    let job = begin(&app, &select(&app, json!({"status": "queued"})).await, "cancel", "").await;
    assert_eq!(progress(&end_of(&app, &job).await), [2, 2, 0, 0]);
    let job = begin(&app, &select(&app, json!({})).await, "resend", REASON).await;
    assert_eq!(progress(&end_of(&app, &job).await), [2, 2, 0, 0]);
    assert_eq!(app.stored().await, 4);
    for id in ids {
        let list = app.get(&format!("/v1/messages?resend_of={}", id["id"].as_str().unwrap())).await;
        assert_eq!(list.body["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(list.body["data"][0]["status"], "queued");
    }
}

async fn wait_for_the_end_of_the_lease(app: &App, id: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while app.registry.get("bulk_job_lease", id).await.expect("read").is_some() {
        assert!(Instant::now() < deadline, "a job that has ended keeps its lease");
        sleep(Duration::from_millis(20)).await;
    }
}

/// What a process leaves behind that is killed after it has done a batch and before it has recorded
/// that.
async fn forget_the_results(app: &App, id: &str) {
    wait_for_the_end_of_the_lease(app, id).await;
    let items = app.store.items(&ItemsRequest::new(id, 1000)).await.expect("items");
    let items = items.into_iter().map(|item| WorkItem::new(item.number, item.payload)).collect();
    app.store.delete(DeleteItems::new(id, 1000)).await.expect("deleted");
    app.store.append(AppendItems::new(id, items)).await.expect("appended");
    let mut job = app.registry.get("bulk_job", id).await.expect("read").expect("a job").value;
    (job["state"], job["counts"]) = (json!("running"), Value::Null);
    app.registry.put("bulk_job", id, &job, Expect::Anything).await.expect("written");
    let free = json!({ "by": null });
    app.registry.put("bulk_job_lease", id, &free, Expect::Anything).await.expect("written");
}

#[tokio::test]
async fn a_batch_that_is_done_again_after_a_kill_happens_once() {
    let app = App::new().await;
    app.run_jobs();
    let failed = [(); 3].map(|()| Outcome::rejected(207, "no route"));
    for outcome in failed {
        app.attempted(outcome).await;
    }
    let selection = select(&app, json!({"status": "failed"})).await;
    let again = begin(&app, &selection, "resend", REASON).await;
    end_of(&app, &again).await;
    let id = unknown(&app).await;
    let resolve = r#"{"resolution":"resend","reason":"asked them"}"#;
    let selection = select(&app, json!({"status": "unknown"})).await;
    let resolved = begin(&app, &selection, "resolve", resolve).await;
    end_of(&app, &resolved).await;
    let steps = app.get(&format!("/v1/messages/{id}")).await.body["timeline"].clone();
    let stored = app.stored().await;
    for (job, count) in [(again, 3), (resolved, 1)] {
        forget_the_results(&app, job.trim_start_matches("/v1/jobs/")).await;
        let ended = end_of(&app, &job).await;
        assert_eq!(progress(&ended), [count, count, 0, 0], "it was done by this job: no failure");
    }
    assert_eq!(app.stored().await, stored, "nothing was sent again twice");
    assert_eq!(app.get(&format!("/v1/messages/{id}")).await.body["timeline"], steps);
}

#[tokio::test]
async fn one_selection_serves_one_action() {
    let app = App::new().await;
    unknown(&app).await;
    let selection = select(&app, json!({"status": "unknown"})).await;
    let job = begin(&app, &selection, "resolve", RESOLVE).await;
    assert_eq!(begin(&app, &selection, "resolve", RESOLVE).await, job, "a repeat is the same job");
    for (action, body) in [
        ("cancel", ""),
        ("resend", REASON),
        ("resolve", r#"{"resolution":"sent","reason":"asked them"}"#),
    ] {
        let refused = act(&app, &selection, action, body).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::CONFLICT, &json!("conflict"))
        );
    }
    app.run_jobs();
    assert_eq!(progress(&end_of(&app, &job).await), [1, 1, 0, 0]);
    assert_eq!(act(&app, &selection, "resolve", RESOLVE).await.body["done"], 1);
}

#[tokio::test]
async fn a_job_that_is_stopped_does_nothing_more() {
    let app = App::new().await;
    let id = unknown(&app).await;
    let selection = select(&app, json!({"status": "unknown"})).await;
    let job = begin(&app, &selection, "resolve", RESOLVE).await;
    let stopped = app.post_to(&format!("{job}/stop"), "").await;
    assert_eq!((stopped.status, &stopped.body["state"]), (StatusCode::OK, &json!("stopped")));
    app.run_jobs();
    wait_for_the_end_of_the_lease(&app, &job["/v1/jobs/".len()..]).await;
    assert_eq!(app.get(&job).await.body["state"], "stopped");
    assert_eq!(status(&app, id).await, Status::Unknown);
    let again = app.post_to(&format!("{job}/stop"), "").await;
    assert_eq!(again.body["ended_at"], stopped.body["ended_at"]);
}

#[tokio::test]
async fn a_selection_ends_after_an_hour_and_a_client_has_fifty_at_most() {
    let app = App::new().await;
    unknown(&app).await;
    let selection = select(&app, json!({"status": "unknown"})).await;
    let id = selection["id"].as_str().expect("an id");
    let mut record = app.registry.get("selection", id).await.expect("read").expect("one").value;
    for n in 0..49 {
        record["id"] = json!(format!("copy-{n}"));
        let name = record["id"].as_str().expect("text").to_owned();
        app.registry.put("selection", &name, &record, Expect::Absent).await.expect("written");
    }
    let refused = app.post_to("/v1/selections", r#"{"filter":{}}"#).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.body);
    assert_eq!(refused.body["code"], "selections_too_many");
    record["id"] = json!(id);
    record["expires_at"] = json!("2026-01-01T00:00:00Z");
    app.registry.put("selection", id, &record, Expect::Anything).await.expect("written");
    let gone = act(&app, &selection, "resolve", RESOLVE).await;
    assert_eq!((gone.status, &gone.body["code"]), (StatusCode::GONE, &json!("selection_expired")));
    assert_eq!(app.post_to("/v1/selections", r#"{"filter":{}}"#).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn what_is_over_for_long_is_removed_with_its_items() {
    let app = App::new().await;
    unknown(&app).await;
    let unused = select(&app, json!({})).await["id"].as_str().expect("an id").to_owned();
    let selection = select(&app, json!({})).await;
    let job = begin(&app, &selection, "cancel", "").await;
    let used = selection["id"].as_str().expect("an id");
    app.post_to(&format!("{job}/stop"), "").await;
    for (kind, id, field) in [
        ("selection", unused.as_str(), "expires_at"),
        ("selection", used, "expires_at"),
        ("bulk_job", used, "ended_at"),
    ] {
        let mut record = app.registry.get(kind, id).await.expect("read").expect("one").value;
        record[field] = json!("2026-01-01T00:00:00Z");
        app.registry.put(kind, id, &record, Expect::Anything).await.expect("written");
    }
    app.run_jobs();
    let deadline = Instant::now() + Duration::from_secs(20);
    while app.get(&job).await.status != StatusCode::NOT_FOUND
        || app.registry.get("selection", &unused).await.unwrap().is_some()
    {
        assert!(Instant::now() < deadline, "still there");
        sleep(Duration::from_millis(20)).await;
    }
    for id in [&unused, used] {
        assert_eq!(app.store.counts(id).await.expect("counted").total(), 0, "{id}");
    }
}

#[tokio::test]
async fn a_job_of_a_process_that_is_alive_is_left_to_it() {
    let clock = ManualClock::new(1_767_268_800_000);
    let app = App::on_clock(clock.clone()).await;
    unknown(&app).await;
    let selection = select(&app, json!({"status": "unknown"})).await;
    let job = begin(&app, &selection, "resolve", RESOLVE).await;
    let id = &job["/v1/jobs/".len()..];
    let other = json!({ "by": "another process" });
    app.registry.put("bulk_job_lease", id, &other, Expect::Anything).await.expect("written");
    app.run_jobs();
    // A job of its own shows that the runner has looked.
    let own = begin(&app, &select(&app, json!({})).await, "cancel", "").await;
    end_of(&app, &own).await;
    assert_eq!(app.get(&job).await.body["done"], 0);
    clock.advance(Duration::from_secs(16));
    assert_eq!(progress(&end_of(&app, &job).await), [1, 1, 0, 0]);
}

#[tokio::test]
async fn a_key_with_a_list_of_numbers_sends_to_no_other_in_bulk() {
    let app = App::new().await;
    let (one, other) = (unknown(&app).await, unknown(&app).await);
    let selection = select(&app, json!({"status": "unknown"})).await;
    let resolve = r#"{"resolution":"resend","reason":"asked them"}"#;
    let job = begin(&app, &selection, "resolve", resolve).await;
    let id = &job["/v1/jobs/".len()..];
    let mut record = app.registry.get("bulk_job", id).await.expect("read").expect("one").value;
    record["allowed_numbers"] = json!(["+79260000000"]);
    app.registry.put("bulk_job", id, &record, Expect::Anything).await.expect("written");
    app.run_jobs();
    assert_eq!(progress(&end_of(&app, &job).await), [2, 0, 2, 0]);
    assert_eq!([status(&app, one).await, status(&app, other).await], [Status::Unknown; 2]);
    let request = ItemsRequest::new(id, 10).state(ItemState::Failed);
    let failed = app.store.items(&request).await.expect("items");
    assert!(failed[0].result.as_deref().expect("one").contains("recipient_not_allowed"));
}

#[tokio::test]
async fn a_client_changes_its_own_messages_alone() {
    let app = Arc::new(App::new().await);
    let own = unknown(&app).await;
    let stranger = App::new().await;
    let foreign = unknown(&stranger).await;
    let selection = select(&app, json!({"status": "unknown"})).await;
    let id = selection["id"].as_str().expect("an id");
    // As if the selection held a message of somebody else.
    let item = WorkItem::new(7, foreign.to_string());
    app.store.append(AppendItems::new(id, vec![item])).await.expect("appended");
    let job = begin(&app, &selection, "resolve", RESOLVE).await;
    app.run_jobs();
    assert_eq!(progress(&end_of(&app, &job).await), [1, 1, 1, 0]);
    assert_eq!(status(&app, own).await, Status::Failed);
    assert_eq!(status(&stranger, foreign).await, Status::Unknown);
    let sender = Arc::into_inner(app).expect("one").becoming(&[KeyScope::Send]).await;
    assert_eq!(sender.get(&job).await.status, StatusCode::FORBIDDEN);
    let other = sender.becoming(&[KeyScope::Send, KeyScope::Read]).await;
    assert_eq!(other.get(&job).await.status, StatusCode::NOT_FOUND, "another client's");
}

#[tokio::test]
async fn messages_are_selected_by_their_ids_and_no_others() {
    let app = App::new().await;
    let (one, other) = (unknown(&app).await.to_string(), unknown(&app).await.to_string());
    let untouched = unknown(&app).await;
    let queued = app.post(r#"{"to":"+79251234567","text":"hi"}"#).await.body["id"].clone();
    let queued = queued.as_str().expect("an id").to_owned();
    let ids = [one.clone(), queued.clone(), other.clone(), one.clone()];
    let reply = select_ids(&app, &ids).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    let selection = reply.body;
    assert_eq!(selection["count"], 3, "each once: {selection}");
    assert_eq!(selection["by_status"], json!({"queued": 1, "unknown": 2}));
    assert_eq!((&selection["complete"], &selection["filter"]), (&json!(true), &Value::Null));
    let path = format!("/v1/selections/{}", selection["id"].as_str().expect("an id"));
    assert_eq!(app.get(&path).await.body, selection);
    let path = begin(&app, &selection, "resolve", RESOLVE).await;
    app.run_jobs();
    let job = end_of(&app, &path).await;
    let ends = ["total", "done", "failed"].map(|name| job[name].as_u64().expect("a number"));
    assert_eq!(ends, [3, 2, 1], "the queued one allows no settling");
    for id in [&one, &other] {
        assert_eq!(app.get(&format!("/v1/messages/{id}")).await.body["status"], "failed");
    }
    assert_eq!(app.get(&format!("/v1/messages/{untouched}")).await.body["status"], "unknown");
}

#[tokio::test]
async fn ids_that_a_key_does_not_see_are_named_and_nothing_is_selected() {
    let app = App::new().await;
    let own = unknown(&app).await.to_string();
    let nothing = MessageId::new().to_string();
    let mut ids: Vec<String> = vec![own.clone(); 120];
    ids[60] = nothing;
    let reply = select_ids(&app, &ids).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", reply.body);
    let error = &reply.body["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/ids/60"), &json!("message_unknown")));
    for (ids, code) in [(vec![], "ids_empty"), (vec![own.clone(); 1001], "ids_too_many")] {
        let reply = select_ids(&app, &ids).await;
        assert_eq!(reply.body["code"], code, "{}", reply.body);
    }
    let stranger = App::becoming(app, &[KeyScope::Read]).await;
    let reply = select_ids(&stranger, std::slice::from_ref(&own)).await;
    assert_eq!(reply.body["code"], "message_unknown", "{}", reply.body);
    let admin = stranger.becoming(&[KeyScope::Admin]).await;
    assert_eq!(select_ids(&admin, &[own]).await.body["count"], 1);
    let kept = admin.registry.list("selection").await.expect("records");
    assert_eq!(kept.len(), 1, "what is refused leaves no selection");
}
