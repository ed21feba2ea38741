//! The lines of the log about what people and programs change.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::header;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sms_core::Outcome;
use sms_server::{KeyScope, NewKey, openapi};
use tokio::time::{Instant, sleep};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::app::App;
use crate::process::Server;

/// Operations that change nothing which others made: messages are their own record, a selection is
/// the result of a query.
const NO_LINE: [&str; 4] =
    ["POST /v1/messages", "POST /v1/messages/batch", "POST /v1/estimate", "POST /v1/selections"];
/// A number in a reason, which the log does not show.
const REASON: &str = "79250001234, who asked";
const SHOWN_REASON: &str = "***, who asked";
const CSV: &str = "phone;text\n79251234567;CANARY\n";
const STOP_CSV: &str = "number;reason\n79250001234;asked\n";

/// The log of this thread, until it is dropped.
struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn keep() -> Self {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt().json().flatten_event(true);
        let log = log.with_max_level(tracing::Level::INFO).with_writer(lines.clone());
        Self { lines, _guard: tracing::subscriber::set_default(log.finish()) }
    }

    fn text(&self) -> String {
        String::from_utf8(self.lines.0.lock().expect("the log").clone()).expect("text")
    }

    /// The lines from this one on.
    fn after(&self, number: usize) -> Vec<Value> {
        let lines: Vec<_> =
            self.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        lines[number..].to_vec()
    }
}

/// A caller, and the operations that the log has had a line about.
struct Caller<'a> {
    app: &'a App,
    log: &'a Log,
    headers: Vec<(&'static str, String)>,
    /// The name in the log.
    by: &'a str,
    done: BTreeSet<String>,
}

impl Caller<'_> {
    /// Calls an operation; its reply.
    async fn call(&self, operation: &str, id: &str, body: &str) -> Value {
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        let path = path.replace("{id}", id).replace("{number}", id);
        let media_type = if body.contains(';') { "text/csv" } else { "application/json" };
        let path = if path == "/v1/imports" { "/v1/imports?text=hi" } else { &path };
        let request = axum::http::Request::builder().method(method).uri(path);
        let mut request = request.header(header::CONTENT_TYPE, media_type);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let reply = self.app.call(request.body(body.to_owned().into()).expect("a request")).await;
        assert!(reply.status.is_success(), "{operation}: {} {}", reply.status, reply.body);
        reply.body
    }

    /// The same for an operation that writes this line, with the caller and these fields. The
    /// fields of the line that hold the id of what was made are named in `made`.
    async fn change(
        &mut self,
        operation: &str,
        id: &str,
        body: &Value,
        line: &str,
        fields: &[(&str, &str)],
    ) -> Value {
        let body = match body {
            Value::String(file) => file.clone(),
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let before = self.log.after(0).len();
        let reply = self.call(operation, id, &body).await;
        let lines = self.log.after(before);
        let found: Vec<_> = lines.iter().filter(|it| it["message"] == line).collect();
        let [found] = found[..] else { panic!("{operation}: {lines:#?}") };
        assert_eq!(
            (&found["level"], &found["by"]),
            (&json!("INFO"), &json!(self.by)),
            "{operation}: {found}"
        );
        for (name, value) in fields {
            // An id that the reply tells.
            let value = if *value == "id" { &reply["id"] } else { &json!(value) };
            assert_eq!(&found[name], value, "{operation}: {found}");
        }
        self.done.insert(operation.to_owned());
        reply
    }

    async fn change_everything(&mut self) {
        self.change_clients_and_keys().await;
        self.change_provider_and_lists().await;
        self.change_messages().await;
        self.change_selections().await;
        self.change_imports().await;
    }

    async fn change_clients_and_keys(&mut self) {
        let (name, client) = (json!({"name": "shop"}), ("client", "id"));
        let made = self.change("POST /v1/clients", "", &name, "client created", &[client]).await;
        let id = made["id"].as_str().expect("an id");
        self.change("PATCH /v1/clients/{id}", id, &name, "client renamed", &[client]).await;
        let key = [("key", "id")];
        let made = self.change("POST /v1/keys", "", &name, "key created", &key).await;
        let id = made["id"].as_str().expect("an id");
        let key = [("key", id), ("new", "id")];
        self.change("POST /v1/keys/{id}/rotate", id, &json!({}), "key rotated", &key).await;
        self.change("DELETE /v1/keys/{id}", id, &Value::Null, "key revoked", &key[..1]).await;
    }

    async fn change_provider_and_lists(&mut self) {
        let (reason, fields) = (json!({"reason": REASON}), [("reason", SHOWN_REASON)]);
        self.change("POST /v1/provider/pause", "", &reason, "provider paused", &fields).await;
        self.change("POST /v1/provider/resume", "", &reason, "provider resumed", &fields).await;
        let none = [("reason", "no reason given")];
        self.change("POST /v1/provider/pause", "", &json!({}), "provider paused", &none).await;
        let rules = json!({"rules": [{"action": "lose"}]});
        self.change("PUT /v1/sandbox/rules", "", &rules, "rules of the sandbox set", &[]).await;
        let number = "79250001234";
        let stops = json!({"numbers": [number], "reason": REASON});
        let on = "numbers put on the stop-list";
        self.change("POST /v1/stoplist", "", &stops, on, &fields).await;
        self.change("POST /v1/stoplist/import", "", &json!(STOP_CSV), on, &[]).await;
        let off = "number taken off the stop-list";
        self.change("DELETE /v1/stoplist/{number}", number, &Value::Null, off, &[]).await;
        let erase = json!({"to": number, "reason": REASON});
        self.change("POST /v1/numbers/erase", "", &erase, "number erased", &fields).await;
    }

    async fn change_messages(&mut self) {
        let message = json!({"to": "+79251234567", "text": "CANARY"}).to_string();
        let made = self.call("POST /v1/messages", "", &message).await;
        let id = made["id"].as_str().expect("an id");
        let fields = [("id", id), ("reason", SHOWN_REASON)];
        let cancel = "POST /v1/messages/{id}/cancel";
        self.change(cancel, id, &Value::Null, "message cancelled", &fields[..1]).await;
        let resend = ("POST /v1/messages/{id}/resend", json!({"reason": REASON}));
        self.change(resend.0, id, &resend.1, "message sent again", &fields).await;
        let id = self.app.attempted(Outcome::unknown("no answer")).await.to_string();
        let fields = [("id", &*id), ("reason", SHOWN_REASON), ("resolution", "Failed")];
        let resolve = json!({"resolution": "failed", "reason": REASON});
        let operation = "POST /v1/messages/{id}/resolve";
        self.change(operation, &id, &resolve, "message resolved", &fields).await;
    }

    async fn change_selections(&mut self) {
        let reason = [("reason", SHOWN_REASON)];
        let (because, filter) = (json!({"reason": REASON}), json!({"filter": {}}).to_string());
        let resolve = json!({"resolution": "failed", "reason": REASON});
        for (action, body, fields) in [
            ("cancel", &Value::Null, &reason[..0]),
            ("resolve", &resolve, &reason),
            ("resend", &because, &reason),
            ("erase", &because, &reason),
        ] {
            let selection = self.call("POST /v1/selections", "", &filter).await;
            let id = selection["id"].as_str().expect("an id");
            let fields = [fields, &[("job", id)]].concat();
            let operation = format!("POST /v1/selections/{{id}}/{action}");
            self.change(&operation, id, body, "job begun", &fields).await;
            let stop = "POST /v1/jobs/{id}/stop";
            self.change(stop, id, &Value::Null, "job stopped", &[("job", id)]).await;
        }
    }

    async fn change_imports(&mut self) {
        let mut ids = Vec::new();
        for _ in 0..2 {
            let (file, fields) = (json!(CSV), [("import", "id")]);
            let made = self.change("POST /v1/imports", "", &file, "file checked", &fields).await;
            ids.push(made["id"].as_str().expect("an id").to_owned());
        }
        let remove = ("DELETE /v1/imports/{id}", [("import", &*ids[0])]);
        self.change(remove.0, &ids[0], &Value::Null, "file removed", &remove.1).await;
        let send = ("POST /v1/imports/{id}/send", [("job", &*ids[1])]);
        self.change(send.0, &ids[1], &Value::Null, "job begun", &send.1).await;
    }
}

/// A reply's cookie, as a browser sends it.
async fn sign_in(app: &App, key: &str) -> String {
    let request =
        axum::http::Request::post("/ui/session").header("content-type", "application/json");
    let request = request.body(json!({ "key": key }).to_string().into()).expect("a request");
    let reply = app.call(request).await;
    let cookie = reply.headers["set-cookie"].to_str().expect("text");
    cookie.split(';').next().expect("a cookie").to_owned()
}

#[tokio::test]
async fn every_operation_that_changes_something_is_in_the_log_with_who_did_it_and_no_secret() {
    let log = Log::keep();
    let app = App::with_scopes(&KeyScope::ALL).await;
    let issued = app.keys.issue(None, NewKey::new("Olga", &KeyScope::ALL)).await.expect("a key");
    let (id, key) = (issued.details.key.id.clone(), issued.secret.expose_secret());
    let headers = vec![("authorization", format!("Bearer {key}"))];
    let mut by_key = Caller { app: &app, log: &log, headers, by: &id, done: BTreeSet::new() };
    by_key.change_everything().await;

    // The same in the web UI.
    let mut secrets = vec![key.to_owned()];
    let headers = async || {
        let cookie = sign_in(&app, key).await;
        let signed_in = log.after(0).pop().expect("a line");
        assert_eq!(
            (&signed_in["message"], &signed_in["by"]),
            (&json!("signed in"), &json!("Olga"))
        );
        vec![("cookie", cookie), ("x-requested-with", "sms-ui".to_owned())]
    };
    let first = headers().await;
    secrets.extend(first.iter().map(|(_, cookie)| cookie.clone()).take(1));
    let mut by_session =
        Caller { app: &app, log: &log, headers: first, by: "Olga", done: BTreeSet::new() };
    by_session.change_everything().await;
    assert_eq!(by_key.done, by_session.done);
    let other = headers().await;
    let session =
        log.after(0).pop().expect("a line")["session"].as_str().expect("an id").to_owned();
    let ended = [("session", &*session), ("of", "Olga")];
    let end = "DELETE /ui/sessions/{id}";
    by_session.change(end, &session, &Value::Null, "session ended", &ended).await;
    by_session.change("DELETE /ui/session", "", &Value::Null, "signed out", &[]).await;
    drop(other);

    // No operation is forgotten.
    let document: Value = serde_json::from_str(openapi()).expect("JSON");
    let mut forgotten = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys().filter(|it| *it != "get") {
            forgotten.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let known = NO_LINE.map(str::to_owned).into_iter().chain(["POST /ui/session".to_owned()]);
    for operation in known.chain(by_session.done) {
        assert!(forgotten.remove(&operation), "there is no {operation}");
    }
    assert_eq!(forgotten, BTreeSet::new(), "without a line in the log");

    let text = log.text();
    let random = |secret: &String| secret.get(secret.len() - 26..).map(str::to_owned);
    let secrets = secrets.iter().filter_map(random);
    for canary in secrets.chain(["9250001234", "9251234567", "CANARY"].map(str::to_owned)) {
        assert!(!text.contains(&canary), "{canary}: {text}");
    }
}

/// Waits for a line with these words, and returns it.
async fn line(server: &Server, words: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let log = server.log.lock().expect("the log").clone();
        if let Some(line) = log.lines().find(|line| line.contains(words)) {
            return line.to_owned();
        }
        assert!(Instant::now() < deadline, "{words}: {log}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_worker_logs_who_has_paused_its_provider_and_why_without_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    for (operation, words) in [("pause", "paused by a person"), ("resume", "resumed by a person")] {
        let (status, reply) =
            server.post_to(&format!("/v1/provider/{operation}"), &json!({"reason": REASON})).await;
        assert_eq!(status, 200, "{reply}");
        let line = line(&server, words).await;
        for field in ["provider=\"sandbox\"", "worker=", "by=\"admin\"", SHOWN_REASON] {
            assert!(line.contains(field), "{field}: {line}");
        }
    }
    let log = server.log_so_far().await;
    assert!(!log.contains("9250001234"), "{log}");
}

#[tokio::test]
async fn the_key_of_the_first_start_is_in_the_log_by_its_id_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[("SMS_ADMIN_KEY", "")]);
    let line = line(&server, "key created").await;
    let log = Arc::clone(&server.log);
    let (printed, _) = server.terminate();
    let key = printed.split("sms_live_").nth(1).expect("a key").split('\'').next().expect("a key");
    let id = &key[..10];
    assert!(line.contains(id) && line.contains("by=\"the first start\""), "{line}");
    let log = log.lock().expect("the log").clone();
    assert!(!log.contains(key) && !log.contains(&key[10..]), "{log}");
}
